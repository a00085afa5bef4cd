import { describe, expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import { parseSpec } from '../spec/parse-spec.js';
import { checkOutputs, readEnvelope, readRows } from './infer-request.js';
import { type ModelSignature, modelSignature } from './model-signature.js';
import { specOf } from './testing/served-registry.js';

const OUTPUTS = [
  { name: 'probabilities', datatype: 'FP32', shape: [-1, 2] },
  { name: 'label', datatype: 'INT64', shape: [-1] },
] as const;
/** Features: distance (number), carrier (AA, UA, 7), delay (number). */
const { features } = parseSpec(specOf('flights')).spec.data;
const signature: ModelSignature = modelSignature(features, OUTPUTS);
const MAX_ROWS = 4;
const NO_IDENTITY = { predictionId: null, entityKey: null, eventTimeMs: null };
const OUTPUT_NAMES = OUTPUTS.map(({ name }) => name);

const read = (...inputs: unknown[]): number[][] => {
  const { rows, features: encoded } = readRows(inputs, signature, MAX_ROWS);
  const width = encoded.length / rows;
  return Array.from({ length: rows }, (_, row) => [...encoded.slice(row * width, (row + 1) * width)]);
};
const refusal = (work: () => unknown): PerennialError => {
  try {
    work();
  } catch (error) {
    if (error instanceof PerennialError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};
const encoded = (changes: object = {}): object => ({ name: 'features', datatype: 'FP32', shape: [2, 3], data: [1, 2, 3, 4, 0, 6], ...changes });
const column = (name: string, changes: object = {}): object => ({ name, datatype: name === 'carrier' ? 'BYTES' : 'FP64', shape: [1], data: [name === 'carrier' ? 'UA' : 1], ...changes });
const row = (changes: Record<string, object> = {}): object[] => ['distance', 'carrier', 'delay'].map((name) => column(name, changes[name]));

describe('readEnvelope', () => {
  it('reads id, deployment and outputs', () => {
    expect(readEnvelope({ id: 'x', inputs: [1], parameters: { deployment: 'hamburg', anything: { else: 1 } }, outputs: [{ name: 'label' }] }))
      .toEqual({ id: 'x', deployment: 'hamburg', identity: NO_IDENTITY, inputs: [1], rowInputs: [], outputs: ['label'] });
    expect(readEnvelope({ inputs: [1], outputs: [], unknown: true })).toEqual({ id: undefined, deployment: 'default', identity: NO_IDENTITY, inputs: [1], rowInputs: [], outputs: null });
  });

  it('takes nothing from prototypes', () => {
    const body = JSON.parse('{"inputs": [1], "parameters": {"__proto__": {"deployment": "stolen"}}}') as unknown;
    expect(readEnvelope(body).deployment).toBe('default');
  });

  it.each([
    [undefined, /not a JSON object/], [null, /not a JSON object/], [[], /not a JSON object/], ['text', /not a JSON object/], [1, /not a JSON object/],
    [{}, /`inputs` must be/], [{ inputs: [] }, /`inputs` must be/], [{ inputs: {} }, /`inputs` must be/],
    [{ inputs: [1], id: 7 }, /id must be/], [{ inputs: [1], id: 'x'.repeat(1_001) }, /id must be/],
    [{ inputs: [1], parameters: [] }, /`parameters` must be/], [{ inputs: [1], parameters: null }, /`parameters` must be/],
    [{ inputs: [1], parameters: { deployment: 1 } }, /deployment must be/], [{ inputs: [1], parameters: { deployment: '' } }, /deployment must be/],
    [{ inputs: [1], outputs: {} }, /`outputs` must be/], [{ inputs: [1], outputs: ['label'] }, /outputs\[0\]/], [{ inputs: [1], outputs: [{ name: 1 }] }, /outputs\[0\]/],
  ])('refuses %j', (body, message) => {
    expect(refusal(() => readEnvelope(body))).toMatchObject({ type: 'InferenceInvalid', message: expect.stringMatching(message) as string });
  });
});

describe('checkOutputs', () => {
  it('lets known outputs pass and names others', () => {
    checkOutputs(null, OUTPUT_NAMES);
    checkOutputs(['label', 'probabilities'], OUTPUT_NAMES);
    expect(refusal(() => checkOutputs(['label', 'logits'], OUTPUT_NAMES)).message).toBe('The model has no output "logits"; its outputs are "probabilities", "label"');
    expect(refusal(() => checkOutputs(['label', 'label'], OUTPUT_NAMES)).message).toMatch(/twice/);
  });
});

describe('encoded rows', () => {
  it('come flat or nested, null as missing', () => {
    expect(read(encoded({ data: [1, null, 3, 0.1, -0, 6] }))).toEqual([[1, NaN, 3], [Math.fround(0.1), -0, 6]]);
    expect(read(encoded({ data: [[1, 2, 3], [4, null, 6]] }))).toEqual([[1, 2, 3], [4, NaN, 6]]);
  });

  it.each<[object, RegExp]>([
    [{ datatype: 'FP64' }, /must be FP32/], [{ datatype: 'fp32' }, /known datatype/], [{ datatype: undefined }, /known datatype/], [{ datatype: 'toString' }, /known datatype/],
    [{ shape: [3], data: [1, 2, 3] }, /\[rows, 3\]/], [{ shape: [3, 2] }, /\[rows, 3\]/], [{ shape: [1, 2, 3] }, /one or two dimensions/], [{ shape: [] }, /one or two dimensions/],
    [{ shape: '2,3' }, /one or two dimensions/], [{ shape: undefined }, /one or two dimensions/], [{ shape: [2, -3] }, /counts/], [{ shape: [2, 1.5] }, /counts/], [{ shape: ['2', 3] }, /counts/],
    [{ shape: [2, 2 ** 60] }, /counts/], [{ shape: [0, 3], data: [] }, /empty/], [{ shape: [2, 0], data: [] }, /empty/],
    [{ data: [1, 2, 3] }, /3 values.*2 × 3 = 6/], [{ data: [] }, /0 values/], [{ data: undefined }, /no `data`/], [{ data: 'AAAA' }, /no `data`/], [{ data: { length: 6 } }, /no `data`/],
    [{ data: [[1, 2, 3]] }, /1 rows of data/], [{ data: [[1, 2, 3], [4, 5]] }, /row 1 that is not an array of 3/], [{ data: [[1, 2, 3], 4] }, /row 1 that is not/],
    [{ data: [[[1], 2, 3], [4, 5, 6]] }, /row 0, column 0.*an array/], [{ data: [1, 2, 3, 4, 5, [6]] }, /row 1, column 2.*an array/],
    [{ data: [1, 2, 3, 4, 5, '6'] }, /row 1, column 2 that is no FP32: "6"/], [{ data: [1, 2, 3, 4, 5, true] }, /no FP32: true/], [{ data: [1, 2, 3, 4, 5, {}] }, /an object/],
    [{ data: [1, 2, 3, 4, 5, 1e39] }, /no FP32: 1e\+39/], [{ data: [1, 2, 3, 4, 5, Infinity] }, /Infinity/], [{ data: [1, 2, 3, 4, 5, NaN] }, /NaN/],
    [{ data: [1, 3, 3, 4, 0, 6] }, /row 0, column 1 that is no code of carrier: 3; send 0 to 2/], [{ data: [1, 2, 3, 4, -1, 6] }, /row 1, column 1.*: -1/], [{ data: [[1, 0.5, 3], [4, 0, 6]] }, /row 0, column 1.*: 0\.5/],
    [{ parameters: { binary_data_size: 24 }, data: undefined }, /binary data/],
  ])('refuse %j', (changes, message) => {
    expect(refusal(() => read(encoded(changes)))).toMatchObject({ type: 'InferenceInvalid', message: expect.stringMatching(message) as string });
  });

  it('are bounded in number', () => {
    expect(refusal(() => read(encoded({ shape: [5, 3], data: Array(15).fill(1) })))).toMatchObject({ type: 'BodyTooLarge', details: { rows: 5, maxRows: MAX_ROWS } });
    expect(read(encoded({ shape: [4, 3], data: Array(12).fill(1) }))).toHaveLength(4);
  });

  it('stand alone', () => {
    expect(refusal(() => read(encoded(), column('delay'))).message).toMatch(/only input/);
    expect(refusal(() => read(encoded(), encoded())).message).toMatch(/only input/);
  });
});

describe('requests that were broken at random', () => {
  const SEED = 20_260_101;
  const JUNK = [null, true, '', '1', -1, 0, 0.5, 7, 1e308, 2 ** 53, [], {}, [[]], [null], 'features', 'BYTES', '__proto__', { length: 3 }];

  /** Linear congruential generator of Numerical Recipes. */
  function random(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }

  /** Replaces, adds or removes one member somewhere below. */
  function breakOnce(value: unknown, pick: (below: number) => number): unknown {
    if (typeof value !== 'object' || value === null || pick(4) === 0) return JUNK[pick(JUNK.length)];
    const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
    const keys = Object.keys(copy);
    const key = keys[pick(keys.length)] ?? 'inputs';
    if (pick(6) === 0) delete copy[key];
    else copy[key] = breakOnce(copy[key], pick);
    return copy;
  }

  it('are answered, or refused as the fault of the caller', () => {
    const pick = random(SEED);
    const wholes = [{ id: 'a', parameters: { deployment: 'default' }, inputs: [encoded()], outputs: [{ name: 'label' }] }, { inputs: row() }];
    const seen = new Map<string, number>();
    for (let round = 0; round < 20_000; round++) {
      let body: unknown = wholes[round % 2];
      for (let times = 0; times <= pick(3); times++) body = breakOnce(body, pick);
      let outcome = 'answered';
      try {
        const envelope = readEnvelope(JSON.parse(JSON.stringify(body) ?? 'null'));
        checkOutputs(envelope.outputs, OUTPUT_NAMES);
        const { rows, features: encodedRows } = readRows(envelope.inputs, signature, MAX_ROWS);
        expect(encodedRows).toHaveLength(rows * 3);
        expect(encodedRows.some((value) => Math.abs(value) === Infinity)).toBe(false);
      } catch (error) {
        if (!(error instanceof PerennialError)) throw error;
        outcome = error.type;
      }
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(['BodyTooLarge', 'InferenceInvalid', 'answered']);
  });
});

describe('rows by feature', () => {
  it('come in any order, of any fitting type, with the codes of their categories', () => {
    expect(read(...row().reverse())).toEqual([[1, 1, 1]]);
    expect(read(...row({
      distance: { datatype: 'INT32', shape: [3, 1], data: [[1], [-2], [null]] },
      carrier: { shape: [3], data: ['7', 'LH', null] },
      delay: { datatype: 'BOOL', shape: [3], data: [true, false, null] },
    }))).toEqual([[1, 2, 1], [-2, NaN, 0], [NaN, NaN, NaN]]);
    expect(read(...row({ carrier: { datatype: 'INT64', data: [7] } }))).toEqual([[1, 2, 1]]);
    expect(read(...row({ delay: { data: [1e300] } }))).toEqual([[1, 1, NaN]]);
  });

  it('names every input that is unknown, double or missing', () => {
    const { message } = refusal(() => read(column('distance'), column('distance'), column('gate'), column('__proto__')));
    expect(message).toBe('The inputs do not fit the model: the model has no feature "gate", "__proto__"; "distance" came twice; '
      + '"carrier", "delay" are missing (send null for values that are not known)');
    expect(refusal(() => read(...row().slice(1))).message).toMatch(/"distance" is missing/);
    const many = Array.from({ length: 30 }, (_, index) => column(`x${index}`));
    expect(refusal(() => read(...many)).message).toMatch(/"x9" and 20 more/);
  });

  it.each<[Record<string, object>, RegExp]>([
    [{ distance: { datatype: 'BYTES', data: ['1'] } }, /distance is a number/],
    [{ carrier: { datatype: 'FP32', data: [1] } }, /carrier is a category/],
    [{ distance: { data: ['far'] } }, /row 0 that is no FP64: "far"/],
    [{ delay: { datatype: 'INT32', data: [1.5] } }, /row 0 that is no INT32: 1.5/],
    [{ delay: { datatype: 'UINT8', data: [-1] } }, /no UINT8/],
    [{ carrier: { data: [7] } }, /no BYTES: 7/],
    [{ delay: { shape: [2], data: [1, 2] } }, /"delay" has 2 rows and the inputs before it 1/],
    [{ delay: { shape: [1, 2], data: [1, 2] } }, /\[rows\] or \[rows, 1\]/],
    [{ distance: { shape: [0], data: [] } }, /empty/],
  ])('refuse %j', (changes, message) => {
    expect(refusal(() => read(...row(changes)))).toMatchObject({ type: 'InferenceInvalid', message: expect.stringMatching(message) as string });
  });

  it.each<[unknown, RegExp]>([
    [null, /inputs\[2\] is not an object/], ['delay', /inputs\[2\] is not an object/], [[], /inputs\[2\] is not an object/],
    [{ datatype: 'FP32', shape: [1], data: [1] }, /inputs\[2\].name is missing/], [{ name: 7 }, /inputs\[2\].name is missing/],
  ])('tell an input without a name by its place: %j', (input, message) => {
    expect(refusal(() => read(...row().slice(0, 2), input)).message).toMatch(message);
  });

  it('shortens what it repeats of the caller', () => {
    expect(refusal(() => read(...row(), column('x'.repeat(10_000)))).message.length).toBeLessThan(300);
    expect(refusal(() => read(...row({ delay: { data: ['y'.repeat(10_000)] } }))).message.length).toBeLessThan(300);
  });

  it('take a feature that is itself named features as a raw value', () => {
    const named = modelSignature([{ name: 'features', type: 'category', categories: ['few', 'many'], maxUnknown: 0, maxMissing: 0 }], OUTPUTS);
    expect(readRows([{ name: 'features', datatype: 'BYTES', shape: [1], data: ['many'] }], named, MAX_ROWS)).toEqual({ rows: 1, features: new Float32Array([1]), unknown: [] });
  });
});
