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
  return { name, shape, datatype, data: Array.from(data, jsonValue) };
}

/** 64-bit integers come as bigint; those beyond 2^53 lose precision in JSON's numbers. */
const jsonValue = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
