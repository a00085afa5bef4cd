import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { SegmentEntry } from './segment-decoder.js';
import { SegmentEncoder } from './segment-encoder.js';
import { inspectFrame, MAGIC, type SegmentHeader } from './segment-frames.js';
import { SegmentReader } from './segment-reader.js';
import { contextOf, mirroredOf, observationOf, randomMirrored, randomObservations } from './testing/random-observations.js';

const folder = mkdtempSync(join(tmpdir(), 'perennial-segments-'));
const path = join(folder, 'one.sealed');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HEADER: SegmentHeader = { gateway: 'g', boot: 'b', segment: 1, openedAtMs: 1_700_000_000_000, writer: { host: 'h', pid: 1, started: '42' } };

function encoded(observations = randomObservations(1, 20), mirrored = randomMirrored(2, 20)): { bytes: Buffer; entries: SegmentEntry[] } {
  const encoder = new SegmentEncoder();
  encoder.startSegment(HEADER);
  for (const observation of observations) encoder.observation(observation);
  for (const output of mirrored) encoder.mirrored(output);
  const entries = [...observations.map((observation) => ({ kind: 'observation' as const, observation })), ...mirrored.map((output) => ({ kind: 'mirrored' as const, output }))];
  return { bytes: Buffer.from(encoder.view()), entries };
}

async function read(bytes: Buffer, chunkBytes?: number): Promise<{ entries: SegmentEntry[]; reader: SegmentReader }> {
  writeFileSync(path, bytes);
  const reader = new SegmentReader(path, chunkBytes);
  const entries: SegmentEntry[] = [];
  for await (const some of reader.entries()) entries.push(...some);
  return { entries, reader };
}

/** Where each frame begins, and where the last one ends. */
function bordersOf(bytes: Buffer): number[] {
  const borders = [MAGIC.length];
  for (let at = MAGIC.length; at < bytes.length;) {
    at += 8 + (inspectFrame(bytes, at, true) as number);
    borders.push(at);
  }
  return borders;
}

describe('a segment', () => {
  it('has the checksum that the standard gives', () => {
    expect(crc32('123456789')).toBe(0xcbf43926);
    expect(crc32('')).toBe(0);
    expect(crc32('The quick brown fox jumps over the lazy dog')).toBe(0x414fa339);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('gives back what was put in, with seed %i', async (seed) => {
    const { bytes, entries } = encoded(randomObservations(seed, 300), randomMirrored(seed + 100, 100));
    for (const chunkBytes of [64, 4_096, undefined]) {
      const found = await read(bytes, chunkBytes);
      expect(found.entries).toEqual(entries);
      expect(found.reader).toMatchObject({ header: HEADER, wholeBytes: bytes.length, tornBytes: 0 });
    }
  });

  it('names each context once, and again in the next segment', () => {
    const encoder = new SegmentEncoder();
    const names = (): number => encoder.view().toString('latin1').split('"flight-delay"').length - 1;
    for (let segment = 1; segment <= 2; segment += 1) {
      encoder.startSegment({ ...HEADER, segment });
      for (let sequence = 1; sequence <= 10; sequence += 1) encoder.observation(observationOf(sequence));
      encoder.observation(observationOf(11, { context: contextOf({ version: 8 }) }));
      for (let sequence = 1; sequence <= 10; sequence += 1) encoder.mirrored(mirroredOf(sequence));
      expect(names()).toBe(3);
      encoder.clear();
    }
  });

  it('that was cut at any byte gives every whole frame, and counts the rest', async () => {
    const { bytes, entries } = encoded(randomObservations(5, 2), randomMirrored(6, 2));
    const borders = bordersOf(bytes);
    const before = borders.map((_, index) => index).filter((index) => index > 0);
    for (let length = 0; length < bytes.length; length += 1) {
      const found = await read(bytes.subarray(0, length), 256);
      const whole = borders.filter((border) => border <= length).at(-1) ?? 0;
      expect(found.reader).toMatchObject({ wholeBytes: whole, tornBytes: length - whole });
      expect(found.entries).toEqual(entries.slice(0, found.entries.length));
      // Frames that only name something hold no entry.
      const frames = before.filter((index) => (borders[index] as number) <= whole).map((index) => bytes[(borders[index - 1] as number) + 8] as number);
      expect(found.entries.length).toBe(frames.filter((kind) => kind >= 4).length);
    }
  });

  it('whose end a lost power left as zeros or rubbish is torn there', async () => {
    const { bytes, entries } = encoded();
    for (const end of [Buffer.alloc(8), Buffer.alloc(5_000), Buffer.alloc(64, 0xff), Buffer.from('no frame at all, but some text')]) {
      const found = await read(Buffer.concat([bytes, end]));
      expect(found.entries).toEqual(entries);
      expect(found.reader.tornBytes).toBe(end.length);
    }
  });

  it('with a changed bit is refused with the place, and everything before is given', async () => {
    const { bytes, entries } = encoded();
    const borders = bordersOf(bytes);
    for (const frame of [2, 9, borders.length - 3]) {
      const position = borders[frame] as number;
      // The length, the checksum and the content.
      for (const offset of [0, 2, 5, 12]) {
        const changed = Buffer.from(bytes);
        changed[position + offset] = (changed[position + offset] as number) ^ 0x40;
        writeFileSync(path, changed);
        const got: SegmentEntry[] = [];
        const reading = (async () => {
          for await (const some of new SegmentReader(path, 512).entries()) got.push(...some);
        })();
        await expect(reading).rejects.toMatchObject({ type: 'SegmentDamaged', details: { segment: 'one.sealed', position } });
        expect(got).toEqual(entries.slice(0, got.length));
      }
    }
  });

  it('of something else is refused', async () => {
    await expect(read(Buffer.from('{"not": "a segment"}'))).rejects.toMatchObject({ type: 'SegmentDamaged', details: { position: 0 } });
  });

  it('holds frames that are longer than what is read at once', async () => {
    const features = Float32Array.from({ length: 2 * 200_000 }, (_, index) => index);
    const observation = observationOf(1, { rows: 200_000, features, outputs: new Float32Array(200_000) });
    const { bytes, entries } = encoded([observationOf(0), observation, observationOf(2)], []);
    expect((await read(bytes, 4_096)).entries).toEqual(entries);
  });

  it('takes nothing whose arrays do not fit its rows', () => {
    const encoder = new SegmentEncoder();
    encoder.startSegment(HEADER);
    const length = encoder.length;
    for (const misfit of [{ rows: 2 }, { features: new Float32Array(3) }, { rawOutputs: new Float32Array(2) }, { guards: new Uint8Array(0) }]) {
      expect(() => encoder.observation(observationOf(1, misfit))).toThrow(RangeError);
    }
    expect(() => encoder.mirrored(mirroredOf(1, { rows: 2 }))).toThrow(RangeError);
    expect(encoder.length).toBe(length);
  });
});
