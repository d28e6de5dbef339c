// Amounts are whole millionths. They are read and written as text: multiplying a number by a
// million, or dividing it, loses the last decimal of a large balance.

/** Millionths of an amount given as a number or as decimal text. */
export const toMicro = (amount) => {
  const text = typeof amount === "string" ? amount : amount.toFixed(6);
  return Number(text.replace(".", ""));
};

/** The text that every page shows for an amount: always six decimals. */
export function toText(micro) {
  const digits = String(Math.abs(micro)).padStart(7, "0");
  return `${micro < 0 ? "-" : ""}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/** The same with a sign in front; a real minus sign, since it stands beside digits. */
export const toSigned = (micro) => `${micro < 0 ? "\u2212" : "+"}${toText(Math.abs(micro))}`;

/** Show an amount: whole part strong, decimals quieter, the text itself untouched. */
export function showAmount(element, micro) {
  const [whole, decimals] = toText(micro).split(".");
  const small = document.createElement("small");
  small.textContent = `.${decimals}`;
  element.replaceChildren(whole, small);
}
