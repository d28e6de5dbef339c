// One user on the look page: what their page shows, beside what the database holds.

import { openChannel } from "./channel.js";
import { showAmount, toMicro, toSigned, toText } from "./money.js";
import { drawTrace } from "./trace.js";
import { ago, sourceNames } from "./words.js";

const ON_ITS_WAY_MS = 2_000; // a frame keeps a distance from the one before, and may take this long
const KEPT_MS = 120_000;
const CURRENCIES = ["uni", "ton"];
const LINK_WORDS = { connecting: "connecting", live: "live", lost: "offline", refused: "refused" };

export class Card {
  /** `root` is the card's element, `onHeard` is called after each frame of this user. */
  constructor(root, { onHeard }) {
    this.root = root;
    this.userId = Number(root.dataset.user);
    this.page = { uni: toMicro(root.dataset.uni), ton: toMicro(root.dataset.ton) };
    this.booked = { ...this.page };
    this.steps = { booked: [], shown: [[Date.now(), this.page.uni]] };
    this.apartSince = null;
    this.heard = null;
    openChannel(this.userId, {
      version: Number(root.dataset.version),
      onLink: (state) => this.showLink(state),
      onBalance: (balance) => { this.receive(balance); onHeard(); },
    });
  }

  part(name) { return this.root.querySelector(`[data-testid="${name}-${this.userId}"]`); }

  showLink(state) {
    this.root.dataset.link = state;
    this.part("link").textContent = LINK_WORDS[state];
  }

  /** A frame came in: from now on the page shows it. */
  receive(balance) {
    const moved = { uni: balance.uni - this.page.uni, ton: balance.ton - this.page.ton };
    this.page = { uni: balance.uni, ton: balance.ton };
    this.steps.shown.push([Date.now(), balance.uni]);
    const changes = balance.changes ?? moved;
    this.heard = { at: Date.now(), changes, sources: balance.sources };
    this.root.dataset.frames = Number(this.root.dataset.frames) + 1;
    this.compare();
  }

  /** What the database holds and who serves, as the server just said; `skew` is its clock minus ours. */
  update(user, skew) {
    this.booked = { uni: toMicro(user.uni), ton: toMicro(user.ton) };
    this.steps.booked = user.steps.map(([at, uni]) => [at - skew, toMicro(uni)]);
    this.root.dataset.side = user.side;
    this.root.dataset.reason = user.reason;
    this.part("side").textContent = user.side;
    this.part("bucket").textContent = user.bucket === null ? "no bucket" : `bucket ${user.bucket}`;
    this.compare();
  }

  /** In step, on its way, or apart: and since when. */
  compare() {
    const apart = CURRENCIES.some((currency) => this.page[currency] !== this.booked[currency]);
    this.apartSince = apart ? this.apartSince ?? Date.now() : null;
    this.draw();
  }

  get isApart() {
    return this.apartSince !== null && Date.now() - this.apartSince > ON_ITS_WAY_MS;
  }

  draw() {
    this.root.dataset.state = this.isApart ? "apart" : "together";
    for (const currency of CURRENCIES) {
      this.showValue(`page-${currency}`, currency, this.page[currency]);
      this.showValue(`booked-${currency}`, currency, this.booked[currency]);
    }
    this.part("verdict").textContent = this.isApart ? this.difference() : "Page and database agree";
    this.part("heard").textContent = this.lastHeard();
    this.drawTrace();
  }

  showValue(name, currency, micro) {
    const element = this.part(name);
    element.dataset.value = toText(micro);
    element.dataset.differs = this.isApart && this.page[currency] !== this.booked[currency];
    showAmount(element, micro);
  }

  difference() {
    const unseen = CURRENCIES.map((currency) => [currency, this.booked[currency] - this.page[currency]])
      .filter(([, micro]) => micro !== 0)
      .map(([currency, micro]) => `${toSigned(micro)} ${currency.toUpperCase()}`);
    const since = Math.max(this.apartSince, this.heard?.at ?? 0);
    return `${unseen.join(", ")} booked, unseen for ${ago(Date.now() - since)}`;
  }

  lastHeard() {
    if (this.heard === null) return "Nothing was sent to this page since it was opened";
    const { at, changes, sources } = this.heard;
    const amounts = CURRENCIES.filter((currency) => changes[currency] !== 0)
      .map((currency) => `${toSigned(changes[currency])} ${currency.toUpperCase()}`);
    const what = amounts.length === 0 ? "the present balance" : `${sourceNames(sources)} ${amounts.join(", ")}`;
    return `Last sent ${ago(Date.now() - at)} ago: ${what}`;
  }

  drawTrace() {
    const now = Date.now();
    this.steps.shown = this.steps.shown.filter(([at], n, all) => n === all.length - 1 || now - at < KEPT_MS);
    drawTrace(this.part("trace"), { booked: this.steps.booked, shown: this.steps.shown, now });
  }
}
