import type { MirroredOutput } from '../observations/segment-format.js';
import type { ReadRows } from './infer-request.js';
import { checkedOutputs, mirroredFailure, type Scored } from './inference-outcome.js';
import type { ChallengerPlan, InferencePlan } from './inference-plan.js';
import { type PreparedRequest, rowsFor } from './inference-request.js';

export interface MirroringSettings {
  readonly maxRows: number;
  /** How long a challenger may take for the answer of a canary, in milliseconds. */
  readonly withinMs: number;
  /** Takes what never reached a challenger. */
  readonly sink: (outputs: readonly MirroredOutput[]) => void;
}

/** By request that a challenger is to answer: what it gave, or null when it failed or was late. */
export type Canaries = ReadonlyMap<PreparedRequest, Promise<Scored | null>>;

/** Gives each challenger its part of a run: requests to answer, and all others to be mirrored. Never waits, never throws. */
export function involveChallengers(plan: InferencePlan, run: readonly PreparedRequest[], settings: MirroringSettings): Canaries {
  const canaries = new Map<PreparedRequest, Promise<Scored | null>>();
  const lacking: MirroredOutput[] = [];
  for (const challenger of plan.challengers) {
    const [own, others]: { request: PreparedRequest; rows: ReadRows }[][] = [[], []];
    for (const request of run) {
      const rows = rowsFor(request, challenger, settings.maxRows);
      if (rows === null) lacking.push(mirroredFailure(request, challenger, 'schema'));
      else (request.canary === challenger ? own : others)!.push({ request, rows });
    }
    if (others!.length > 0) challenger.challenger.mirror(others!.map(({ request: { sequence }, rows }) => ({ sequence, rows })), challenger.context);
    if (own!.length > 0) ask(challenger, own!, settings.withinMs, canaries);
  }
  if (lacking.length > 0) settings.sink(lacking);
  return canaries;
}

function ask(plan: ChallengerPlan, own: readonly { request: PreparedRequest; rows: ReadRows }[], withinMs: number, canaries: Map<PreparedRequest, Promise<Scored | null>>): void {
  const answers = plan.challenger.answer(own.map(({ rows }) => rows), withinMs).catch(() => []);
  own.forEach(({ request, rows }, at) => canaries.set(request, answers.then((outputs) => scoredBy(plan, request, rows, outputs[at] ?? null))));
}

function scoredBy(by: ChallengerPlan, request: PreparedRequest, rows: ReadRows, outputs: Scored['outputs'] | null): Scored | null {
  try {
    return outputs && { request, by, rows, outputs: checkedOutputs(outputs, rows.rows, by), from: 0 };
  } catch {
    return null;
  }
}
