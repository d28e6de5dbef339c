// Amounts have six decimals and stay below 9,000,000,000, so millionths fit a number exactly.

/** Millionths of an amount given as a number or as decimal text. */
export const toMicro = (amount) => Math.round(Number(amount) * 1e6);

/** The text that every page shows for an amount: always six decimals. */
export const toText = (micro) => (micro / 1e6).toFixed(6);

/** The same with a sign in front; a real minus sign, since it stands beside digits. */
export const toSigned = (micro) => `${micro < 0 ? "\u2212" : "+"}${toText(Math.abs(micro))}`;

/** Show an amount: whole part strong, decimals quieter, the text itself untouched. */
export function showAmount(element, micro) {
  const [whole, decimals] = toText(micro).split(".");
  const small = document.createElement("small");
  small.textContent = `.${decimals}`;
  element.replaceChildren(whole, small);
}
