/** Numbers as people read them, the same on the terminal and on the page. */

/** A share of 1 in percent. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** Bytes in megabytes of 10^6, to three digits. */
export function megabytes(bytes: number): string {
  return threeDigits(bytes / 1e6);
}

/** A ratio to three digits. */
export function times(ratio: number): string {
  return `${threeDigits(ratio)}×`;
}

/** A text with its first letter large. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A whole number with its thousands set apart. */
export function whole(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** At least three significant digits; none after the point from 100 on. */
function threeDigits(value: number): string {
  if (value >= 100) return whole(value);
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}
