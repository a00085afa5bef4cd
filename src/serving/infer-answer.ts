import type { RequestEnvelope } from './infer-request.js';
import type { ModelSignature } from './model-signature.js';
import type { ReadyDeployment } from './routing-table.js';
import type { OutputTensor } from './scoring-session.js';

/** The answer's JSON. Values that JSON cannot carry (NaN, infinities) are null. */
export function inferAnswer(envelope: RequestEnvelope, served: ReadyDeployment, outputs: readonly OutputTensor[], stale: boolean): string {
  const { version, signature } = served.champion;
  return JSON.stringify({
    model_name: served.model,
    model_version: String(version),
    ...(envelope.id === undefined ? {} : { id: envelope.id }),
    parameters: { version, epoch: served.epoch, deployment: served.deployment, revision: served.revision, ...(stale ? { stale } : {}) },
    outputs: selected(envelope.outputs, outputs).map((output) => answerTensor(output, signature)),
  });
}

function selected(wanted: readonly string[] | null, outputs: readonly OutputTensor[]): readonly OutputTensor[] {
  return wanted ? wanted.flatMap((name) => outputs.filter((output) => output.name === name)) : outputs;
}

function answerTensor({ name, shape, data }: OutputTensor, signature: ModelSignature): object {
  const datatype = signature.outputs.find((output) => output.name === name)?.datatype;
  return { name, shape, datatype, data: jsonValues(data) };
}

/** 64-bit integers come as bigint; those beyond 2^53 lose precision in JSON's numbers. A loop is several times as fast as `Array.from`. */
function jsonValues(data: ArrayLike<unknown>): unknown[] {
  const values = new Array<unknown>(data.length);
  for (let at = 0; at < data.length; at++) {
    const value = data[at];
    values[at] = typeof value === 'bigint' ? Number(value) : value;
  }
  return values;
}
