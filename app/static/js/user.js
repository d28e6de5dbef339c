// The user's page: two balances, what just came in and why, connected or not.

import { openChannel } from "./channel.js";
import { showAmount, toMicro, toSigned } from "./money.js";
import { sourceIcon, sourceNames, timeOfDay } from "./words.js";

const KEPT = 20;
const LINK_WORDS = {
  connecting: "Connecting",
  live: "Live",
  lost: "Offline, trying again",
  refused: "Not allowed here: open it anew",
};

const page = document.querySelector("[data-user]");
const part = (name) => page.querySelector(`[data-testid="${name}"]`);
const shown = { uni: toMicro(page.dataset.uni), ton: toMicro(page.dataset.ton) };

function showLink(state) {
  page.dataset.link = state;
  part("connection").textContent = LINK_WORDS[state];
}

function showBalance(currency, micro, change) {
  const amount = part(`balance-${currency}`);
  shown[currency] = micro;
  showAmount(amount, micro);
  if (change === 0) return;
  const delta = part(`delta-${currency}`);
  delta.textContent = toSigned(change);
  delta.dataset.direction = change < 0 ? "out" : "in";
  for (const element of [amount, delta]) {
    element.classList.remove("moved");
    void element.offsetWidth; // so that the same animation starts again
    element.classList.add("moved");
  }
}

function entryOf(balance, changes) {
  const entry = document.getElementById("incoming-entry").content.cloneNode(true);
  const fill = (slot, text) => { entry.querySelector(`[data-slot="${slot}"]`).textContent = text; };
  fill("title", sourceNames(balance.sources));
  fill("time", timeOfDay(balance.at));
  fill("uni", changes.uni === 0 ? "" : `${toSigned(changes.uni)} UNI`);
  fill("ton", changes.ton === 0 ? "" : `${toSigned(changes.ton)} TON`);
  entry.querySelector("use").setAttribute("href", `#icon-${sourceIcon(balance.sources[0])}`);
  entry.firstElementChild.dataset.direction = Math.min(changes.uni, changes.ton) < 0 ? "out" : "in";
  return entry;
}

function receive(balance) {
  const moved = { uni: balance.uni - shown.uni, ton: balance.ton - shown.ton };
  const changes = balance.changes ?? moved;
  showBalance("uni", balance.uni, moved.uni);
  showBalance("ton", balance.ton, moved.ton);
  if (changes.uni === 0 && changes.ton === 0) return;
  const list = part("incoming");
  list.prepend(entryOf(balance, changes));
  while (list.children.length > KEPT) list.lastElementChild.remove();
}

for (const time of page.querySelectorAll("time[datetime]")) {
  time.textContent = timeOfDay(new Date(time.dateTime));
}

openChannel(Number(page.dataset.user), {
  version: Number(page.dataset.version),
  onLink: showLink,
  onBalance: receive,
});
