import { digitsApart, valueText } from '../page/figures.js';
import { niceStep, round } from '../page/plot-steps.js';

/** From values to pixels. */
export interface PlotScale {
  readonly at: (value: number) => number;
  readonly ticks: readonly { readonly at: number; readonly label: string }[];
}

const TICKS = 6;
const LOG_TICKS = 5;
/** Values that differ by less than this part of their size look the same: their digits have no room beside an axis. */
const LEAST_SPREAD = 1e-3;
const ROOM = 0.06;
/** Evidence below it says nothing, however small it is. */
const LEAST_EXPONENT = -3;
/** Zeros of larger powers are not counted at a glance. */
const PLAIN_EXPONENT = 4;

/** @param start the pixel of the least value @param end that of the greatest */
export function linearScale(values: readonly number[], start: number, end: number): PlotScale {
  const [least, most] = withRoom(extent(values));
  const at = (value: number): number => round(start + ((value - least) / (most - least)) * (end - start));
  const step = niceStep((most - least) / TICKS);
  const first = Math.ceil(least / step - 1e-9);
  const ticks = Array.from({ length: Math.floor(most / step + 1e-9) - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
  const digits = digitsApart(ticks);
  return { at, ticks: ticks.map((tick) => ({ at: at(tick), label: valueText(tick, digits) })) };
}

/** Powers of ten; 0 stands at the least of them. */
export function logScale(values: readonly number[], start: number, end: number): PlotScale {
  const [least, most] = extent(values.filter((value) => value > 0).map(Math.log10));
  const low = Math.min(0, Math.max(LEAST_EXPONENT, Math.floor(least)));
  const high = Math.max(low + 1, Math.ceil(most));
  const atExponent = (exponent: number): number => round(start + ((exponent - low) / (high - low)) * (end - start));
  const step = Math.ceil((high - low) / LOG_TICKS);
  const first = Math.ceil(low / step);
  const exponents = Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) => (first + index) * step);
  return {
    at: (value) => atExponent(value > 0 ? Math.max(low, Math.log10(value)) : low),
    ticks: exponents.map((exponent) => ({ at: atExponent(exponent), label: Math.abs(exponent) < PLAIN_EXPONENT ? String(Number(`1e${exponent}`)) : `1e${exponent}` })),
  };
}

/** Of at least one value; spread arguments would overflow the stack of many. */
function extent(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
}

/** No room is made below 0 where nothing lies there. */
function withRoom([least, most]: readonly [number, number]): [number, number] {
  const spread = Math.max(most - least, LEAST_SPREAD * Math.max(Math.abs(least), Math.abs(most))) || 1;
  const middle = (least + most) / 2;
  const reach = spread * (0.5 + ROOM);
  return [least >= 0 ? Math.max(0, middle - reach) : middle - reach, middle + reach];
}
