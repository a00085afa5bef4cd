import { hash } from 'node:crypto';

/** Hexadecimal digits: 52 bits, so that a place is an exact double. */
const PLACE_DIGITS = 13;

/**
 * The place of an entity in [0, 100): the first 52 bits of SHA-256 (FIPS 180-4) of salt and key, uniform over entities and
 * independent between salts.
 */
export function placeOf(salt: string, key: string): number {
  // The salt's length keeps ("a", "bc") and ("ab", "c") apart.
  return (parseInt(hash('sha256', `${salt.length}:${salt}${key}`, 'hex').slice(0, PLACE_DIGITS), 16) / 16 ** PLACE_DIGITS) * 100;
}

/**
 * Which version answers an entity: challengers take stretches of [0, 100) in the order of their numbers, the champion the
 * rest. An entity keeps its place, so that one whom a share of 5 % sent to the only challenger stays there at 25 %.
 * @param weights percent of each challenger, by version; what goes beyond 100 in all is cut off
 * @returns the challenger's version, or null for the champion
 */
export function assign(salt: string, key: string, weights: ReadonlyMap<number, number>): number | null {
  if (weights.size === 0) return null;
  const place = placeOf(salt, key);
  let upTo = 0;
  for (const version of weights.size === 1 ? weights.keys() : [...weights.keys()].sort((a, b) => a - b)) {
    upTo += weights.get(version) ?? 0;
    if (place < upTo) return version;
  }
  return null;
}
