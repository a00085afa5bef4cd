import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PerennialError } from '../contracts/failures.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { admitModel } from './onnx-admission.js';
import {
  externalFloats, field, floats, graph, graphAttribute, linearParts, logisticParts, message, model, node, sequenceOfMaps,
  tensorAttribute, tensorInfo, type ModelParts,
} from './tiny-onnx.js';

const feature = (name: string) => ({ name, type: 'number', maxMissing: 0 }) as const;
const spec = { task: 'binary-classification', data: { features: [feature('a'), feature('b'), feature('c')] } } as unknown as ModelSpec;
const regression = { ...spec, task: 'regression' } as ModelSpec;
const sound = logisticParts([1, 2, 3]);

let folder: string;
let number = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'admission-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(bytes: Uint8Array | string): string {
  const path = join(folder, `model-${number++}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

async function reasonsFor(path: string, under: ModelSpec = spec, maxBytes?: number): Promise<string[]> {
  const error: unknown = await admitModel(path, under, maxBytes).then(() => 'admitted', (failure: unknown) => failure);
  expect(error).toBeInstanceOf(PerennialError);
  expect(error).toMatchObject({ type: 'ModelRefused' });
  return (error as PerennialError).details.reasons as string[];
}

const refusal = async (parts: Partial<ModelParts>, under = spec): Promise<string[]> => reasonsFor(write(model({ ...sound, ...parts })), under);
const extraNode = (...attributes: Uint8Array[]): ModelParts['nodes'] => [...sound.nodes, node({ type: 'Constant', outputs: ['spare'], attributes })];

describe('a sound model', () => {
  it('is admitted with what it is made of', async () => {
    const bytes = model({ ...sound, opsets: { '': 17, 'ai.onnx.ml': 3 } });
    expect(await admitModel(write(bytes), spec)).toMatchObject({
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
      bytes: bytes.length,
      irVersion: 8,
      opset: { 'ai.onnx': 17, 'ai.onnx.ml': 3 },
      operators: { MatMul: 1, Add: 1, Sigmoid: 1, Sub: 1, Concat: 1 },
      producer: 'tiny-onnx',
      inputs: [{ name: 'features', elementType: 'float32', shape: [null, 3] }],
      outputs: [{ name: 'probabilities', elementType: 'float32', shape: [null, 2] }],
    });
  });

  it('may give the class as well, and leave output dimensions open', async () => {
    const outputs = [tensorInfo('label', 7, [1]), tensorInfo('probabilities', 1, ['rows', 'classes'])];
    await expect(admitModel(write(model({ ...sound, outputs })), spec)).resolves.toBeDefined();
  });

  it('may list its initializers among its inputs, as IR version 3 does', async () => {
    const inputs = [...sound.inputs!, tensorInfo('weights', 1, [3, 1]), tensorInfo('bias', 1, [1]), tensorInfo('one', 1, [1])];
    await expect(admitModel(write(model({ ...sound, inputs, irVersion: 3 })), spec)).resolves.toBeDefined();
  });

  it('may be a regressor with [N, 1] or [N]', async () => {
    const parts = linearParts([1, 2, 3]);
    await expect(admitModel(write(model(parts)), regression)).resolves.toBeDefined();
    await expect(admitModel(write(model({ ...parts, outputs: [tensorInfo('predictions', 1, ['rows'])] })), regression)).resolves.toBeDefined();
  });
});

describe('data in other files', () => {
  it.each([
    ['beside', 'weights.bin'], ['above', '../weights.bin'], ['absolute', '/etc/hostname'], ['a symbolic link', 'link.bin'], ['a hard link', 'hard.bin'], ['nowhere named', ''],
  ])('%s', async (_, location) => {
    const place = mkdtempSync(join(folder, 'external-'));
    mkdirSync(join(place, 'inner'));
    for (const path of ['weights.bin', 'inner/weights.bin']) writeFileSync(join(place, path), new Uint8Array(12));
    symlinkSync(join(place, 'weights.bin'), join(place, 'inner/link.bin'));
    linkSync(join(place, 'weights.bin'), join(place, 'inner/hard.bin'));
    const path = join(place, 'inner/model.onnx');
    writeFileSync(path, model({ ...sound, initializers: [externalFloats('weights', [3, 1], location), ...sound.initializers!.slice(1)] }));
    expect(await reasonsFor(path)).toEqual([expect.stringContaining('tensor "weights" keeps its data in another file')]);
  });

  const hidden = externalFloats('hidden', [1], 'hard.bin');
  const within = (parts: Uint8Array): ModelParts['nodes'] => [...sound.nodes, node({ type: 'If', inputs: ['one'], outputs: ['spare'], attributes: [graphAttribute('then_branch', parts)] })];
  it.each<[string, Partial<ModelParts>]>([
    ['a constant', { nodes: extraNode(tensorAttribute('value', hidden)) }],
    ['a list of tensors', { nodes: extraNode(message(field(1, 'values'), field(10, hidden))) }],
    ['a sparse constant', { nodes: extraNode(message(field(1, 'sparse_value'), field(22, field(1, hidden)))) }],
    ['the indices of a list of sparse tensors', { nodes: extraNode(message(field(1, 'values'), field(23, message(field(1, floats('v', [1], [1])), field(2, hidden))))) }],
    ['a subgraph', { nodes: within(graph({ nodes: [], initializers: [hidden] })) }],
    ['a subgraph in a subgraph', { nodes: within(graph({ nodes: within(graph({ nodes: extraNode(tensorAttribute('value', hidden)) })) })) }],
    ['a list of graphs', { nodes: extraNode(message(field(1, 'graphs'), field(11, graph({ nodes: [], initializers: [hidden] })))) }],
    ['a sparse initializer', { more: [field(7, field(15, field(1, hidden)))] }],
    ['a second graph behind the first', { more: [field(7, graph({ nodes: [], initializers: [hidden] }))] }],
    ['a function', { more: [field(25, message(field(1, 'own'), field(7, node({ type: 'Constant', attributes: [tensorAttribute('value', hidden)] }))))] }],
    ['a training graph', { more: [field(20, field(2, graph({ nodes: [], initializers: [hidden] })))] }],
    ['a tensor that says so twice, last not', { nodes: extraNode(tensorAttribute('value', message(hidden, field(14, 0)))) }],
    ['a location without the external flag', { nodes: extraNode(tensorAttribute('value', message(field(8, 'hidden'), field(13, message(field(1, 'location'), field(2, 'hard.bin')))))) }],
  ])('hidden in %s', async (_, parts) => {
    expect(await refusal(parts)).toContainEqual(expect.stringContaining('tensor "hidden" keeps its data in another file ("hard.bin")'));
  });
});

describe('files that are no ONNX', () => {
  it.each([
    ['a pickle, protocol 4', Buffer.from('80049505000000000000008c01619430', 'hex'), /Python pickle \(protocol 4\)/],
    ['a pickle, protocol 0', Buffer.from("cposix\nsystem\n(S'true'\ntR."), /Python pickle \(protocol 0\)/],
    ['a zip, as torch.save writes', Buffer.from('504b0304140000000000', 'hex'), /zip archive/],
    ['gzip', Buffer.from('1f8b0800', 'hex'), /gzip/],
    ['NumPy', Buffer.from('\x93NUMPY\x01\0', 'latin1'), /NumPy/],
    ['HDF5', Buffer.from('\x89HDF\r\n', 'latin1'), /HDF5/],
    ['text', Buffer.from('not a model at all'), /no whole ONNX file/],
    ['zeros', Buffer.alloc(64), /no whole ONNX file: a field has the impossible number 0/],
    ['an empty file', Buffer.alloc(0), /it is empty/],
    ['an endless number', Buffer.alloc(32, 0xff), /longer than ten bytes/],
    ['a length beyond the end', Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f]), /ends \d+ bytes after the end/],
  ])('%s', async (_, bytes, reason) => {
    expect((await reasonsFor(write(bytes))).join()).toMatch(reason);
  });

  it('a model that is cut off anywhere', async () => {
    const whole = model(sound);
    for (let length = 1; length < whole.length; length += 7) expect((await reasonsFor(write(whole.subarray(0, length)))).length).toBeGreaterThan(0);
  });

  it('graphs nested deeper than protobuf reads', async () => {
    let inner = graph({ nodes: [] });
    for (let depth = 0; depth < 200; depth++) inner = graph({ nodes: [node({ type: 'If', attributes: [graphAttribute('then_branch', inner)] })] });
    expect((await refusal({ more: [field(7, inner)] })).join()).toMatch(/nested more than 100 deep/);
  });

  it('a symbolic link, a folder, nothing, and a file over the limit', async () => {
    const target = write(model(sound));
    symlinkSync(target, join(folder, 'link.onnx'));
    expect((await reasonsFor(join(folder, 'link.onnx'))).join()).toMatch(/symbolic link/);
    expect((await reasonsFor(folder)).join()).toMatch(/not a regular file/);
    expect((await reasonsFor(join(folder, 'absent.onnx'))).join()).toMatch(/does not exist/);
    expect((await reasonsFor(target, spec, 100)).join()).toMatch(/the limit is 100/);
  });
});

describe('operators and versions', () => {
  const with_ = (type: string, domain?: string): Partial<ModelParts> => ({ nodes: [...sound.nodes, node({ type, ...(domain === undefined ? {} : { domain }) })] });
  it.each<[string, Partial<ModelParts>, RegExp]>([
    ['a custom domain', with_('RunShell', 'evil.ops'), /operator RunShell is of the domain evil.ops/],
    ['the runtime’s own domain', with_('EPContext', 'com.microsoft'), /domain com.microsoft/],
    ['a custom domain in a subgraph', { nodes: extraNode(graphAttribute('body', graph({ nodes: [node({ type: 'X', domain: 'evil.ops' })] }))) }, /domain evil.ops/],
    ['an import alone', { opsets: { '': 17, 'evil.ops': 1 } }, /imports operators of the domain evil.ops/],
    ['a ZipMap', with_('ZipMap', 'ai.onnx.ml'), /ZipMap.*zipmap=False/],
    ['a random operator', with_('RandomNormalLike'), /RandomNormalLike answers at random/],
    ['a function', { more: [field(25, message(field(1, 'own'), field(10, 'mine')))] }, /functions of its own \(mine.own\)/],
    ['a training graph', { more: [field(20, field(1, graph({ nodes: [] })))] }, /training graph/],
    ['an opset too new', { opsets: { '': 27 } }, /operator set ai.onnx 27; the runtime takes 7 to 26/],
    ['an opset too old', { opsets: { '': 6 } }, /operator set ai.onnx 6/],
    ['an ml opset too new', { opsets: { '': 17, 'ai.onnx.ml': 6 } }, /operator set ai.onnx.ml 6; the runtime takes 1 to 5/],
    ['no opset', { opsets: {} }, /does not say which version/],
    ['an IR version too new', { irVersion: 14 }, /IR version is 14/],
  ])('%s', async (_, parts, reason) => {
    expect((await refusal(parts)).join('\n')).toMatch(reason);
  });
});

describe('inputs and outputs', () => {
  it.each<[string, Partial<ModelParts>, RegExp]>([
    ['another name', { inputs: [tensorInfo('input', 1, ['n', 3])] }, /there is no input features/],
    ['another type', { inputs: [tensorInfo('features', 11, ['n', 3])] }, /features: float64 \[\?, 3\] has the wrong type/],
    ['another width', { inputs: [tensorInfo('features', 1, ['n', 4])] }, /features: float32 \[\?, 4\] has the wrong shape/],
    ['another rank', { inputs: [tensorInfo('features', 1, [3])] }, /wrong shape/],
    ['a fixed number of rows', { inputs: [tensorInfo('features', 1, [1, 3])] }, /exactly 1 rows/],
    ['one more input', { inputs: [...sound.inputs!, tensorInfo('clock', 7, [1])] }, /input clock: int64 \[1\] is not expected/],
    ['no probabilities', { outputs: [tensorInfo('label', 7, ['n'])] }, /there is no output probabilities/],
    ['one column', { outputs: [tensorInfo('probabilities', 1, ['n', 1])] }, /probabilities: float32 \[\?, 1\] is not/],
    ['a fixed number of answers', { outputs: [tensorInfo('probabilities', 1, [1, 2])] }, /probabilities: float32 \[1, 2\] is not/],
    ['text labels', { outputs: [...sound.outputs!, tensorInfo('label', 8, ['n'])] }, /label: string \[\?\] is not expected/],
    ['a sequence of maps', { outputs: [sequenceOfMaps('probabilities')] }, /probabilities: sequence is not a tensor; export with zipmap=False/],
  ])('%s', async (_, parts, reason) => {
    expect((await refusal(parts)).join('\n')).toMatch(reason);
  });

  it('of a regressor', async () => {
    expect((await reasonsFor(write(model(sound)), regression)).join('\n')).toMatch(/there is no output predictions/);
  });

  it('are all told at once, with everything else', async () => {
    const reasons = await refusal({
      irVersion: 99, inputs: [tensorInfo('x', 1, [3])], outputs: [], nodes: [node({ type: 'X', domain: 'evil.ops' })], initializers: [externalFloats('w', [1], '../w')],
    });
    expect(reasons).toHaveLength(6);
  });
});
