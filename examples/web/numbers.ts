/** Numbers as people read them on the page, beside those of examples/mnist/format.ts. */

/** Three significant digits, thousands apart. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e9)) return value.toExponential(2);
  return Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

/** Seconds, or milliseconds where they are few. */
export function duration(seconds: number): string {
  return seconds >= 1 ? `${digits(seconds)} s` : `${digits(1000 * seconds)} ms`;
}
