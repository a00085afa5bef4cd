const ROWS = [[1.5, 1, -2], [null, 0, 4]];

/** Values that readers trip over, as JSON writes them or as some writers would. */
const ODD_VALUES = [
  'null', 'true', 'NaN', '-Infinity', '-0', '-1', '0.5', '1e999', '1e308', '1e39', '3.5e38', '9007199254740993', '18446744073709551615', '""', '"\\u0000"', '"\\ud800"', '"__proto__"',
  '"é\u2028"', '[]', '{}', '[[]]', '[null]', '{"a":[]}', '[[[[[1]]]]]', '"BF16"', '"FP16"', '"BYTES"', '"UINT64"', '"features"', '"2026-13-45T99:99:99Z"', '"0001-01-01T00:00:00Z"', '-8640000000000000',
  '"' + 'x'.repeat(5_000) + '"', '['.repeat(40) + ']'.repeat(40),
];
const DATATYPES = ['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64', 'FP16', 'FP32', 'FP64', 'BYTES', 'BF16', 'float32', ''];

/** Inference requests that are broken in ways that follow from a generator of numbers in [0, 1) alone. */
export class MutatedBodies {
  constructor(private readonly random: () => number) {}

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.random() * values.length)]!;
  }

  next(): Buffer {
    const body = this.valid();
    const kind = this.random();
    if (kind < 0.1) return Buffer.from(JSON.stringify(body));
    if (kind < 0.6) return Buffer.from(this.withOddValues(body));
    if (kind < 0.8) return this.withBrokenBytes(Buffer.from(JSON.stringify(body)));
    return Buffer.from(this.withBrokenText(JSON.stringify(body)));
  }

  /** Encoded rows, raw values by feature, a batch with ids of its own, or a tensor that is large. */
  private valid(): object {
    const [id, parameters] = [`id-${Math.floor(this.random() * 1e6)}`, { prediction_id: `p-${Math.floor(this.random() * 1e9)}`, entity_key: 'k', event_time: 1_700_000_000_000 }];
    const encoded = { name: 'features', datatype: 'FP32', shape: [2, 3], data: ROWS.flat() };
    const kind = this.random();
    if (kind < 0.4) return { id, parameters, inputs: [encoded], outputs: [{ name: 'probabilities', parameters: { binary_data: false } }] };
    if (kind < 0.5) return { id, parameters, inputs: [{ ...encoded, shape: [500, 3], data: Array.from({ length: 1_500 }, () => Math.floor(this.random() * 3)) }] };
    if (kind < 0.7) {
      return { id, inputs: [encoded, { name: 'perennial_prediction_id', datatype: 'BYTES', shape: [2], data: ['a', 'b'] }, { name: 'perennial_event_time', datatype: 'INT64', shape: [2, 1], data: [[5], [6]] }] };
    }
    const category = { name: 'carrier', datatype: 'BYTES', shape: [2], data: ['UA', this.pick(['AA', 'no such carrier', '', '\u0000', '\ud800', "'); DROP TABLE x; --"])] };
    return { id, parameters, inputs: ['distance', 'delay'].map((name): object => ({ name, datatype: this.pick(DATATYPES), shape: this.pick([[2], [2, 1]]), data: [1, this.pick([0, 1, null, 0.5])] })).concat(category) };
  }

  /** Replaces, doubles or removes members and elements anywhere; the rest stays JSON unless a value is none. */
  private withOddValues(body: object): string {
    let text = JSON.stringify(body);
    for (let times = 1 + Math.floor(this.random() * 3); times > 0; times -= 1) {
      const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|null|true|false|\[[^[\]]*\]/g)];
      const place = this.pick(places);
      if (!place) return text;
      const kind = this.random();
      const instead = kind < 0.8 ? this.pick(ODD_VALUES) : kind < 0.9 ? `${place[0]},${place[0]}` : '';
      text = text.slice(0, place.index) + instead + text.slice(place.index + place[0].length);
    }
    return text;
  }

  private withBrokenText(text: string): string {
    const at = Math.floor(this.random() * text.length);
    const length = Math.floor(this.random() * 40);
    return this.pick([
      () => text.slice(0, at), () => text.slice(at), () => text + text, () => `[${text}]`, () => `\ufeff${text}`, () => text.slice(0, at) + text.slice(at + length),
      () => text.slice(0, at) + text.slice(at, at + length).repeat(3) + text.slice(at + length), () => text.replaceAll(':', '='), () => text.replaceAll('"', "'"), () => JSON.stringify(text), () => '',
    ])();
  }

  private withBrokenBytes(bytes: Buffer): Buffer {
    for (let times = 1 + Math.floor(this.random() * 8); times > 0; times -= 1) bytes[Math.floor(this.random() * bytes.length)] = Math.floor(this.random() * 256);
    return bytes;
  }
}
