// The last minute of one user as two staircases: what was booked, and what the page showed.
// Where they part, the space between them is what the user cannot see.

const SPAN_MS = 60_000;
const HEIGHT = 72;
const PAD = 8;
const LEAST_RANGE = 40_000; // millionths: a flat line stays flat

/** The level of a staircase `[[time, level], ...]` at `time`: that of its last step before. */
const levelAt = (steps, time) => steps.findLast(([at]) => at <= time)?.[1];

/** The steps within `from..to`, with the level carried in from before and out to the end. */
function within(steps, from, to) {
  const inside = steps.filter(([at]) => at > from && at <= to);
  const before = levelAt(steps, from);
  const points = before === undefined ? inside : [[from, before], ...inside];
  return points.length === 0 ? [] : [...points, [to, points.at(-1)[1]]];
}

const asPath = (points, x, y) =>
  points.map(([at, level], n) => (n === 0 ? `M${x(at)} ${y(level)}` : `H${x(at)}V${y(level)}`)).join("");

/** The outline of the space between two staircases over the time in which both are known. */
function asGap(upper, lower, x, y) {
  if (upper.length === 0 || lower.length === 0) return "";
  const start = Math.max(upper[0][0], lower[0][0]);
  const corners = (points) =>
    points.flatMap(([at, level], n) => (n === 0 ? [[at, level]] : [[at, points[n - 1][1]], [at, level]]));
  const clip = (points) => corners(within(points, start, points.at(-1)[0]));
  const outline = [...clip(upper), ...clip(lower).reverse()];
  return `M${outline.map(([at, level]) => `${x(at)} ${y(level)}`).join("L")}Z`;
}

const scales = (width, from, levels) => {
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  const slack = Math.max(0, LEAST_RANGE - (high - low)) / 2;
  const perLevel = (HEIGHT - 2 * PAD) / (high - low + 2 * slack);
  return {
    x: (at) => (((at - from) / SPAN_MS) * width).toFixed(1),
    y: (level) => (HEIGHT - PAD - (level - low + slack) * perLevel).toFixed(1),
  };
};

/** Draw both staircases into `svg`; `now` is the right edge. */
export function drawTrace(svg, { booked, shown, now }) {
  const width = svg.clientWidth;
  const from = now - SPAN_MS;
  const [truth, page] = [within(booked, from, now), within(shown, from, now)];
  if (width === 0 || truth.length === 0) return;
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const { x, y } = scales(width, from, [...truth, ...page].map(([, level]) => level));
  const draw = (name, path) => svg.querySelector(`[data-line="${name}"]`).setAttribute("d", path);
  draw("booked", asPath(truth, x, y));
  draw("shown", asPath(page, x, y));
  draw("gap", asGap(truth, page, x, y));
}
