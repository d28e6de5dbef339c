// What the page calls things.

// The server knows the names, so that both sides of a page use the same.
const SOURCES = JSON.parse(document.body.dataset.sources);
const ICONS = JSON.parse(document.body.dataset.icons);

/** A source as a person would say it; unknown ones pass through unchanged. */
export const sourceName = (source) => SOURCES[source] ?? source;

/** Several sources of one update, in the order they came. */
export const sourceNames = (sources) => sources.map(sourceName).join(" + ") || "Balance update";

/** The icon of a source, one of those in the sprite. */
export const sourceIcon = (source) => ICONS[source] ?? (source in SOURCES ? source : "manual");

/** Hours, minutes and seconds on the reader's own clock, with the day unless it is today. */
export function timeOfDay(date) {
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString([], clock)
    : date.toLocaleString([], { day: "numeric", month: "short", ...clock });
}

/** Seconds or minutes since then, in words. */
export function ago(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
