import { describe, expect, it } from 'vitest';
import { failureOf, specWith } from './data-fixture.js';
import { parseAsOf, windowsAsOf } from './windows.js';

const ASOF = Date.parse('2024-01-17T00:00:00Z');
const OLDEST = Date.parse('2024-01-01T00:00:00Z');

describe('windowsAsOf', () => {
  it('ends the evaluation where labels are complete and the training where the evaluation begins', () => {
    expect(windowsAsOf(specWith(), ASOF, OLDEST)).toEqual({
      train: { start: '2024-01-01T00:00:00.000Z', end: '2024-01-11T00:00:00.000Z' },
      evaluation: { start: '2024-01-11T00:00:00.000Z', end: '2024-01-16T00:00:00.000Z' },
    });
  });

  it('goes back a duration where the spec says one', () => {
    expect(windowsAsOf(specWith({ training: { window: 'P3D' } }), ASOF, OLDEST).train.start).toBe('2024-01-08T00:00:00.000Z');
  });

  it('goes on training until the end of the evaluation where blocks are held out', () => {
    expect(windowsAsOf(specWith({ training: { window: 'P3D' }, evaluation: { holdOutEvery: 4 } }), ASOF, OLDEST)).toEqual({
      train: { start: '2024-01-08T00:00:00.000Z', end: '2024-01-16T00:00:00.000Z' },
      evaluation: { start: '2024-01-11T00:00:00.000Z', end: '2024-01-16T00:00:00.000Z' }, heldOut: { every: 4, block: 'P1D' },
    });
  });

  it('has an empty training window where the source begins later', () => {
    expect(windowsAsOf(specWith(), ASOF, Date.parse('2024-01-12T00:00:00Z')).train).toEqual({ start: '2024-01-11T00:00:00.000Z', end: '2024-01-11T00:00:00.000Z' });
  });
});

describe('parseAsOf', () => {
  it('reads a time with a zone', () => {
    expect(parseAsOf('2024-01-17T02:00:00+02:00')).toBe(ASOF);
  });

  it.each(['2024-01-17', '2024-01-17T00:00:00', 'yesterday', '', '2024-13-01T00:00:00Z'])('refuses %j', async (text) => {
    expect((await failureOf(Promise.resolve().then(() => parseAsOf(text)))).type).toBe('InvalidRequest');
  });
});
