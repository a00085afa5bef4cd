import type { RetirementService } from '../contracts/retirements.js';
import { GUARD_NAMES } from './guard-rails.js';
import type { OutputSignature } from './model-signature.js';
import type { OutputTensor } from './scoring-session.js';

/** Who answers: the same for every answer of a version at a revision. */
export interface Answerer {
  readonly model: string;
  readonly deployment: string;
  readonly version: number;
  readonly epoch: number;
  readonly revision: number;
  readonly role: 'champion' | 'challenger';
  /** Whether the model is on its way out of service; then `replacement` is to be asked. */
  readonly retirement: RetirementService | null;
}

/** The parts of an answer's JSON that do not change from request to request. */
export interface AnswerTemplate {
  /** Up to the request's id. */
  readonly head: string;
  /** Up to the value of the prediction id. */
  readonly parameters: string;
  /** By output: up to its shape, and between shape and values. */
  readonly outputs: readonly { readonly name: string; readonly start: string; readonly datatype: string }[];
}

/** What one request is answered: `rows` of a run's outputs from row `from` on. */
export interface Answer {
  /** The caller's, echoed. */
  readonly id: string | undefined;
  readonly predictionId: string;
  readonly stale: boolean;
  readonly outputs: readonly OutputTensor[];
  readonly from: number;
  readonly rows: number;
  /** Names of the outputs that are wanted; null: all. */
  readonly wanted: readonly string[] | null;
  /** [rows] of `GUARD`; null where the model has no guard rails. */
  readonly guards: Uint8Array | null;
}

/** The output that tells what guard rails did, BYTES [rows], one of `GUARD_NAMES`. */
export const GUARD_OUTPUT = 'guard';
const NAMES_AS_JSON = GUARD_NAMES.map((name) => JSON.stringify(name));

export function answerTemplate({ model, deployment, version, epoch, revision, role, retirement }: Answerer, outputs: readonly OutputSignature[]): AnswerTemplate {
  const parameters = JSON.stringify({ version, epoch, deployment, revision, ...(role === 'challenger' ? { role } : {}), ...(retirement ? { deprecated: true, ...(retirement.replacement !== null && { replacement: retirement.replacement }) } : {}) });
  return {
    head: `{"model_name":${JSON.stringify(model)},"model_version":"${version}",`,
    parameters: `"parameters":${parameters.slice(0, -1)},"prediction_id":`,
    outputs: outputs.map(({ name, datatype }) => ({ name, start: `{"name":${JSON.stringify(name)},"shape":[`, datatype: `],"datatype":"${datatype}","data":` })),
  };
}

/** The answer's JSON. Values that JSON cannot carry (NaN, infinities) are null. */
export function answerJson(template: AnswerTemplate, answer: Answer): string {
  const { id, predictionId, stale } = answer;
  const start = `${template.head}${id === undefined ? '' : `"id":${JSON.stringify(id)},`}${template.parameters}${JSON.stringify(predictionId)}${stale ? ',"stale":true' : ''}},"outputs":[`;
  return `${start}${outputsJson(template, answer)}]}`;
}

function outputsJson(template: AnswerTemplate, answer: Answer): string {
  const { wanted, guards, rows } = answer;
  const guard = guards ? `{"name":"${GUARD_OUTPUT}","shape":[${rows}],"datatype":"BYTES","data":${guardsJson(guards)}}` : null;
  if (wanted) return wanted.map((name) => (name === GUARD_OUTPUT ? guard : tensorJson(template, template.outputs.findIndex((output) => output.name === name), answer))).join(',');
  let text = '';
  for (let index = 0; index < template.outputs.length; index++) text += (index > 0 ? ',' : '') + tensorJson(template, index, answer);
  return guard === null ? text : `${text},${guard}`;
}

function tensorJson({ outputs }: AnswerTemplate, index: number, answer: Answer): string {
  const [{ start, datatype }, { shape, data }] = [outputs[index]!, answer.outputs[index]!];
  let [width, lengths] = [1, String(answer.rows)];
  for (let axis = 1; axis < shape.length; axis++) {
    width *= shape[axis]!;
    lengths += `,${shape[axis]}`;
  }
  return `${start}${lengths}${datatype}${valuesJson(data, answer.from * width, (answer.from + answer.rows) * width)}}`;
}

/** 64-bit integers come as bigint; those beyond 2^53 lose precision in JSON's numbers. */
function valuesJson(data: ArrayLike<unknown>, from: number, to: number): string {
  const values: unknown[] = [];
  for (let at = from; at < to; at++) {
    const value = data[at];
    values.push(typeof value === 'bigint' ? Number(value) : value);
  }
  return JSON.stringify(values);
}

function guardsJson(guards: Uint8Array): string {
  let text = '';
  for (let row = 0; row < guards.length; row++) text += (row > 0 ? ',' : '[') + NAMES_AS_JSON[guards[row]!]!;
  return `${text}]`;
}
