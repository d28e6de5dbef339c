// What leaves the server, read into one shape. Unknown types and fields are ignored.

import { toMicro } from "./money.js";

const atOf = (timestamp) => {
  const parsed = new Date(timestamp ?? Number.NaN);
  return Number.isNaN(parsed.getTime()) ? new Date() : parsed;
};

/** connection-aware and canonical updates: the changes come along, the canonical adds a version. */
const fromBalanceData = (frame, data) => ({
  type: "balance",
  uni: toMicro(data.balanceUni),
  ton: toMicro(data.balanceTon),
  changes: { uni: toMicro(data.changes.uni), ton: toMicro(data.changes.ton) },
  sources: data.sources ?? [],
  version: frame.version ?? null,
  at: atOf(data.timestamp),
});

/** user-id-only updates: balances alone. */
const fromData = (data) => ({
  type: "balance",
  uni: toMicro(data.balance_uni),
  ton: toMicro(data.balance_ton),
  changes: null,
  sources: [],
  version: null,
  at: atOf(data.timestamp),
});

/** One text frame as `{type, ...}`; null when it says nothing that a page must act on. */
export function readFrame(text) {
  const frame = JSON.parse(text);
  if (frame.type === "balance_update" && frame.balanceData) return fromBalanceData(frame, frame.balanceData);
  if (frame.type === "balance_update" && frame.data) return fromData(frame.data);
  if (frame.type === "subscription_confirmed") return { type: "subscribed" };
  return null;
}
