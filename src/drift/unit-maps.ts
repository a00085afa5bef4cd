/**
 * What a unit change makes of a value: y = offset + scale · x, x in the baseline's unit and y in the window's. The list is short
 * on purpose: the denser it is, the more honest changes of scale lie near one of its factors. Factors between 2/3 and 1.5
 * (a yard for a metre, a millimetre of mercury for a hectopascal) are left out: honest changes are as large.
 */
export interface UnitMap {
  /** As in `Fahrenheit to Celsius`: the baseline's unit, then the window's. */
  readonly name: string;
  readonly offset: number;
  readonly scale: number;
}

/** The value as it was. */
export const IDENTITY: UnitMap = { name: 'the same unit', offset: 0, scale: 1 };

/** Two units, and what makes the second of the first. Sources: NIST SP 811 (2008), appendix B; IEC 80000-13 for bytes. */
type UnitPair = readonly [from: string, to: string, scale: number, offset?: number];

const PAIRS: readonly UnitPair[] = [
  ['Fahrenheit', 'Celsius', 5 / 9, -160 / 9],
  ['Celsius', 'Kelvin', 1, 273.15],
  ['Fahrenheit', 'Kelvin', 5 / 9, 273.15 - 160 / 9],
  ['inches', 'centimetres', 2.54],
  ['feet', 'metres', 0.3048],
  ['pounds', 'kilograms', 0.45359237],
  ['miles', 'kilometres', 1.609344],
  ['metres per second', 'kilometres per hour', 3.6],
  ['miles per hour', 'metres per second', 0.44704],
  ['knots', 'metres per second', 1852 / 3600],
  ['square feet', 'square metres', 0.09290304],
  ['ounces', 'grams', 28.349523125],
  ['US gallons', 'litres', 3.785411784],
  ['pounds per square inch', 'kilopascals', 6.894757293168],
  ['inches of mercury', 'hectopascals', 33.86389],
  ['degrees', 'radians', Math.PI / 180],
  ['minutes', 'seconds', 60],
  ['hours', 'seconds', 3_600],
  ['days', 'hours', 24],
  ['days', 'minutes', 1_440],
  ['days', 'seconds', 86_400],
  ['weeks', 'days', 7],
  ['kibibytes', 'bytes', 1_024],
  ['mebibytes', 'bytes', 1_048_576],
];

const GREATEST_POWER = 9;

/** All known maps, the likelier ones first: the powers of ten from 10⁻⁹ to 10⁹, which also stand for percent and metric prefixes, then each pair both ways. */
export const UNIT_MAPS: readonly UnitMap[] = [
  ...Array.from({ length: GREATEST_POWER }, (_, index) => index + 1).flatMap((power) => [
    { name: `times 10^${power}`, offset: 0, scale: 10 ** power },
    { name: `times 10^-${power}`, offset: 0, scale: 10 ** -power },
  ]),
  ...PAIRS.flatMap(([from, to, scale, offset = 0]) => [
    { name: `${from} to ${to}`, offset, scale },
    { name: `${to} to ${from}`, offset: 0 - offset / scale, scale: 1 / scale },
  ]),
];
