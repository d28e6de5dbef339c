// The page for looking at the migration: several users, each on a live socket of their own.

import { Card } from "./card.js";
import { inApp } from "./root.js";

const POLL_MS = 1_000;
const DRAW_MS = 250;
const SAID_MS = 5_000;

const root = document.documentElement;
const part = (name) => document.querySelector(`[data-testid="${name}"]`);
const cards = [...document.querySelectorAll("[data-testid^='card-']")].map(
  (element) => new Card(element, { onHeard: () => void refresh() }),
);

/** The words on the stage that hold a number or a name. */
function showStage(state) {
  root.dataset.stage = state.stage;
  root.dataset.verified = state.verified;
  root.style.setProperty("--canonical-percent", state.canonical_percent);
  const words = {
    percent: state.canonical_percent,
    sample: state.shadow_percent,
    who: state.latch?.who ?? "",
    why: state.latch?.why ?? "",
    when: state.latch?.when ? new Date(state.latch.when).toLocaleTimeString() : "",
  };
  for (const slot of document.querySelectorAll("[data-word]")) slot.textContent = words[slot.dataset.word];
  for (const step of document.querySelectorAll("[data-step]")) {
    if (step.dataset.step === state.stage) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  }
}

function showSummary() {
  const apart = cards.filter((card) => card.isApart).length;
  root.dataset.apart = apart;
  part("summary").textContent =
    apart === 0
      ? `All ${cards.length} pages show what the database holds.`
      : `${apart} of ${cards.length} pages stand still while rewards are booked.`;
}

function showState(state) {
  const skew = state.now - Date.now();
  showStage(state);
  for (const card of cards) {
    const user = state.users.find(({ id }) => id === card.userId);
    if (user) card.update(user, skew);
    const mark = document.querySelector(`[data-mark="${card.userId}"]`);
    if (user && mark) mark.dataset.side = user.side;
  }
  showSummary();
}

let asking = false;

/** Ask the server for the present state; a second question waits for the next turn. */
async function refresh() {
  if (asking) return;
  asking = true;
  try {
    const answer = await fetch(inApp("look/state.json"), { cache: "no-store" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    showState(await answer.json());
    root.dataset.server = "answers";
  } catch {
    root.dataset.server = "silent";
  } finally {
    asking = false;
  }
}

let saidUntil = null;

/** One line at the foot of the page: what was booked, or why not. */
function say(text, kind) {
  const line = part("said");
  line.textContent = text;
  line.dataset.kind = kind;
  clearTimeout(saidUntil);
  saidUntil = setTimeout(() => { line.textContent = ""; }, SAID_MS);
}

/** Book a reward through the caller that books it in production. */
async function book(button) {
  const { user, kind } = button.dataset;
  button.disabled = true;
  try {
    const answer = await fetch(inApp("look/reward"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user: Number(user), kind }),
    });
    const { message } = await answer.json();
    say(message, answer.ok ? "booked" : "refused");
    await refresh();
  } catch {
    say("The server did not answer: nothing is known to be booked. Try again.", "refused");
  } finally {
    button.disabled = false;
  }
}

async function copy(button) {
  const command = button.dataset.copy;
  await navigator.clipboard.writeText(command);
  say(`Copied: ${command}`, "booked");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.kind) void book(button);
  if (button?.dataset.copy !== undefined) void copy(button);
});

async function poll() {
  if (!document.hidden) await refresh();
  setTimeout(poll, POLL_MS);
}

for (const mark of document.querySelectorAll("[data-mark]")) {
  mark.style.setProperty("--bucket", mark.dataset.bucket);
}

setInterval(() => {
  if (document.hidden) return;
  for (const card of cards) card.draw();
  showSummary();
}, DRAW_MS);

void poll();
