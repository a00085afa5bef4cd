/** Fields that say on which machine, and where on it, something ran; a replay needs none of them. */
const PLACES: Readonly<Record<string, string>> = { identity: 'recorded', stackTrace: '', binaryChecksum: '', buildId: '' };

/** A history as JSON, without the names of machines and folders. */
export function withoutPlace(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlace);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, typeof member === 'string' && Object.hasOwn(PLACES, name) ? PLACES[name] : withoutPlace(member)]),
  );
}
