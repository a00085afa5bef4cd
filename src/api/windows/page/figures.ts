/** Stands where a figure is not defined. */
export const NO_FIGURE = '–';

const DIGITS = 4;
/** A p-value below what a double can hold comes as 0, which no p-value is. */
const LEAST_P_VALUE = 1e-300;
const SCIENTIFIC_BELOW = 1e-3;
/** Beyond, zeros would stand for digits that are not known. */
const PLAIN_FROM = 1e-4;
const PLAIN_BELOW = 1e6;
/** A double is told from its neighbours by so many. */
const MOST_DIGITS = 17;
/** A decimal fraction is read back as it was written. */
const LONE_DIGITS = 15;

/** A measured figure in four significant digits, zeros at the end kept. */
export const figure = (value: number | null): string => (value === null ? NO_FIGURE : value === 0 ? '0' : plainOr(value, value.toPrecision(DIGITS)));

/** A value of a feature: as {@link figure}, without zeros at the end. */
export const valueText = (value: number | null, digits = DIGITS): string =>
  value === null ? NO_FIGURE : plainOr(value, String(Number(value.toPrecision(digits))), digits);

function plainOr(value: number, plain: string, digits = DIGITS): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= PLAIN_FROM && size < Math.max(PLAIN_BELOW, 10 ** digits))) return plain.includes('e') ? String(Number(plain)) : plain;
  return trimmed(value.toExponential(digits - 1));
}

/** 1.000e+6 is 1e6. */
const trimmed = (scientific: string): string => scientific.replace(/\.?0*e\+?/, 'e');

/** With how far it may be off, where it is not exact. */
export const figureWithin = (value: number, error: number): string => (error > 0 ? `${figure(value)} ± ${Number(error.toPrecision(2))}` : figure(value));

/** In scientific form below 0.001. */
export function pValueText(value: number | null): string {
  if (value === null) return NO_FIGURE;
  if (value < LEAST_P_VALUE) return `< ${LEAST_P_VALUE}`;
  return value < SCIENTIFIC_BELOW ? value.toExponential(DIGITS - 1) : value.toPrecision(DIGITS);
}

/** A part of a whole in percent, four significant digits; a dash where the whole is nothing. */
export const percentOf = (part: number, whole: number): string => (whole === 0 ? NO_FIGURE : `${Number(((100 * part) / whole).toPrecision(DIGITS))} %`);

export const countText = (value: number): string => value.toLocaleString('en-US');

/** ISO 8601 to be read: seconds and what is below them only where there are any. What is no time stays as it is. */
export function instantText(iso: string): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  const [day = '', time = ''] = new Date(ms).toISOString().split('T');
  return `${day} ${time.replace('Z', '').replace(/(:00)?\.000$/, '')} UTC`;
}

/** As many digits as show three of what lies within a range: times in seconds all begin alike. One value alone is shown as it is. */
export function digitsWithin(least: number, greatest: number): number {
  if (least === greatest) return LONE_DIGITS;
  const before = Math.ceil(Math.log10(Math.max(Math.abs(least), Math.abs(greatest)) / (greatest - least)));
  return Math.min(LONE_DIGITS, Math.max(DIGITS, before + 3));
}

/** As many digits as tell ascending numbers from each other, four at least. */
export function digitsApart(ascending: readonly number[]): number {
  for (let digits = DIGITS; digits < MOST_DIGITS; digits++) {
    const texts = ascending.map((value) => valueText(value, digits));
    if (texts.every((text, index) => index === 0 || text !== texts[index - 1])) return digits;
  }
  return MOST_DIGITS;
}
