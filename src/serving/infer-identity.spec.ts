import { describe, expect, it } from 'vitest';
import { readIdentity, readRowIdentities } from './infer-identity.js';

const perRow = (name: string, data: readonly unknown[], datatype = 'BYTES'): object => ({ name: `perennial_${name}`, datatype, shape: [data.length], data });

describe('what a caller says of a request', () => {
  it.each([
    ['a', 'é漢字 🛫', 'tab\there', 'x'.repeat(200)],
  ])('is taken as it is', (...texts) => {
    for (const text of texts) expect(readIdentity({ prediction_id: text, entity_key: text })).toEqual({ predictionId: text, entityKey: text, eventTimeMs: null });
  });

  it.each(['a\u0000b', '\ud800', 'x\udfffy', '\u001b', '\u007f'])('is refused as %j, which would not be kept as it is', (text) => {
    for (const name of ['prediction_id', 'entity_key']) expect(() => readIdentity({ [name]: text })).toThrow(/control character or half a surrogate pair/);
    expect(() => readRowIdentities([perRow('prediction_id', ['a', text])], 2)).toThrow(/row 1, holds a control character/);
    expect(() => readRowIdentities([perRow('entity_key', ['a', text])], 2)).toThrow(/row 1, holds a control character/);
  });

  it.each([
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)], ['2024-02-29T00:00:00+01:00', Date.UTC(2024, 1, 28, 23)], ['2024-12-31T23:59:59.5Z', Date.UTC(2024, 11, 31, 23, 59, 59, 500)], [5, 5], [-1.5, -1.5],
  ])('is of the time %s', (time, ms) => {
    expect(readIdentity({ event_time: time }).eventTimeMs).toBe(ms);
  });

  it.each(['2023-02-29T00:00:00Z', '2024-02-30T00:00:00Z', '2024-04-31T00:00:00Z', '2024-13-01T00:00:00Z', '2024-00-10T00:00:00Z', '2024-01-00T00:00:00Z', '2024-01-01', '2024-01-01T00:00:00', 8.65e15, null, true])('is of no time %j', (time) => {
    expect(() => readIdentity({ event_time: time })).toThrow(/must be a time/);
  });

  it('names each of 100,000 rows once, in a moment', () => {
    const ids = Array.from({ length: 100_000 }, (_, row) => `prediction-${row}`);
    expect(readRowIdentities([perRow('prediction_id', ids)], ids.length)?.predictionIds).toEqual(ids);
    expect(() => readRowIdentities([perRow('prediction_id', [...ids, ids[7]])], ids.length + 1)).toThrow(/names "prediction-7" twice/);
  });
});
