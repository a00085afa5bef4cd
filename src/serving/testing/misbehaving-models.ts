import {
  field, floats, graph, graphAttribute, integers, logisticParts, message, type ModelParts, node, tensorAttribute, tensorInfo,
} from '../../evaluation/tiny-onnx.js';

/** Of a logistic model over the three features, which these are for values up to 40. */
export const WEIGHTS = [1, 0.5, -0.25];

const constant = (name: string, value: Uint8Array): Uint8Array => node({ type: 'Constant', outputs: [name], attributes: [tensorAttribute('value', value)] });
/** Does something with the largest value beyond 40, 0 where there is none: the rows that a start tries stay below. */
function onLargeValues(build: (count: string) => { nodes: Uint8Array[]; initializers?: Uint8Array[]; features: string }): ModelParts {
  const parts = logisticParts(WEIGHTS);
  const { nodes, initializers = [], features } = build('count');
  return {
    ...parts,
    nodes: [
      node({ type: 'Greater', inputs: ['features', 'forty'], outputs: ['large'] }),
      node({ type: 'Where', inputs: ['large', 'features', 'none'], outputs: ['larges'] }),
      node({ type: 'ReduceMax', inputs: ['larges'], outputs: ['most'], attributes: [message(field(1, 'keepdims'), field(3, 0), field(20, 2))] }),
      node({ type: 'Cast', inputs: ['most'], outputs: ['count'], attributes: [message(field(1, 'to'), field(3, 7), field(20, 2))] }),
      ...nodes, node({ type: 'MatMul', inputs: [features, 'weights'], outputs: ['product'] }), ...parts.nodes.slice(1),
    ],
    initializers: [...parts.initializers!, floats('forty', [1], [40]), floats('none', [1], [0]), ...initializers],
  };
}
/** Takes long where a feature is large. */
export const sleeping = (): ModelParts => onLargeValues((count) => {
  const body = graph({
    nodes: [node({ type: 'Identity', inputs: ['go'], outputs: ['go_on'] }), node({ type: 'Identity', inputs: ['x'], outputs: ['x_next'] })],
    inputs: [tensorInfo('turn', 7, []), tensorInfo('go', 9, []), tensorInfo('x', 1, ['rows', 3])],
    outputs: [tensorInfo('go_on', 9, []), tensorInfo('x_next', 1, ['rows', 3])],
  });
  return {
    nodes: [constant('yes', message(field(2, 9), field(9, Uint8Array.of(1)))), node({ type: 'Loop', inputs: [count, 'yes', 'features'], outputs: ['looped'], attributes: [graphAttribute('body', body)] })],
    features: 'looped',
  };
});
/** Fills memory where a feature is large. */
export const swelling = (): ModelParts => onLargeValues((count) => ({
  nodes: [
    node({ type: 'Reshape', inputs: [count, 'one_dimension'], outputs: ['size'] }),
    node({ type: 'ConstantOfShape', inputs: ['size'], outputs: ['zeros'] }),
    node({ type: 'ReduceSum', inputs: ['zeros', 'axis0'], outputs: ['nothing'] }),
    node({ type: 'Add', inputs: ['features', 'nothing'], outputs: ['same'] }),
  ],
  initializers: [integers('one_dimension', [1], [1]), integers('axis0', [1], [0])],
  features: 'same',
}));
/** Fails where a feature is not a valid index. */
export const throwing = (): ModelParts => onLargeValues((count) => ({
  nodes: [
    node({ type: 'Gather', inputs: ['two', count], outputs: ['found'] }),
    node({ type: 'Mul', inputs: ['found', 'zero'], outputs: ['nothing_whole'] }),
    node({ type: 'Cast', inputs: ['nothing_whole'], outputs: ['nothing'], attributes: [message(field(1, 'to'), field(3, 1), field(20, 2))] }),
    node({ type: 'Add', inputs: ['features', 'nothing'], outputs: ['same'] }),
  ],
  initializers: [integers('two', [2], [1, 1]), integers('zero', [], [0])],
  features: 'same',
}));
/** Answers more rows than it was asked for where a feature is large. */
export const multiplying = (): ModelParts => onLargeValues((count) => ({
  nodes: [
    node({ type: 'Add', inputs: [count, 'once'], outputs: ['times'] }),
    node({ type: 'Concat', inputs: ['times', 'once'], outputs: ['repeats'], attributes: [message(field(1, 'axis'), field(3, 0), field(20, 2))] }),
    node({ type: 'Tile', inputs: ['features', 'repeats'], outputs: ['multiplied'] }),
  ],
  initializers: [integers('once', [1], [1])],
  features: 'multiplied',
}));
