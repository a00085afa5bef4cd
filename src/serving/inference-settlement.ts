import type { MirroredOutput } from '../observations/segment-format.js';
import type { Canaries } from './inference-mirroring.js';
import { answerOf, mirroredFailure, mirroredOutput, type Outcome, outcomeOf, type Scored } from './inference-outcome.js';
import type { ArrivedRequest, PreparedRequest } from './inference-request.js';
import type { ObservationLog } from './observation-log.js';
import type { Place, ServingCounters } from './serving-counters.js';
import type { ServingTallies } from './serving-tallies.js';

export interface SettlementSettings {
  readonly log: Pick<ObservationLog, 'append' | 'appendMirrored'>;
  readonly tallies: ServingTallies;
  readonly counters: ServingCounters;
}

interface Failed {
  readonly request: PreparedRequest;
  readonly error: unknown;
}

/** What became of a request: a version's outputs, or why there are none. */
export type Result = Scored | Failed;

const hasFailed = (result: Result): result is Failed => 'error' in result;

/** Ends requests: logs what is answered, answers it, and counts both. */
export class InferenceSettlement {
  constructor(private readonly settings: SettlementSettings) {}

  /** Answers the requests; none leaves before all are in the log. */
  settle(results: readonly Result[]): void {
    const nowMs = performance.now();
    const outcomes: Outcome[] = [];
    for (const result of results) {
      if (!hasFailed(result)) outcomes.push(outcomeOf(result, nowMs));
      else this.fail(result);
    }
    if (outcomes.length === 0) return;
    this.settings.log.append(outcomes.map(({ observation }) => observation));
    for (const outcome of outcomes) this.answer(outcome);
  }

  /** Where challengers answer a part: the champion's part at once, each other answer when it has come or cannot come any more. */
  async settleCanaries(results: readonly Result[], canaries: Canaries): Promise<void> {
    const scoredMs = performance.now();
    this.settle(results.filter(({ request }) => !canaries.has(request)));
    await Promise.all(results.map(async (reserve) => {
      const { request } = reserve;
      const pending = canaries.get(request);
      if (pending) this.settleCanary(reserve, scoredMs - request.arrived.startedMs, await pending);
    }));
  }

  mirrored(outputs: readonly MirroredOutput[]): void {
    this.settings.log.appendMirrored(outputs);
    this.settings.tallies.mirrored(outputs);
  }

  /** @param place the deployment that was asked, where it is known */
  refuse({ reply }: ArrivedRequest, error: unknown, place: Place | null): void {
    this.settings.counters.refused(error, place);
    reply.refuse(error);
  }

  private settleCanary(reserve: Result, reserveLatencyMs: number, scored: Scored | null): void {
    const { request } = reserve;
    if (scored === null) {
      request.canary!.counter.failed('InferenceFailed');
      this.mirrored([mirroredFailure(request, request.canary!, 'no answer in time')]);
      this.settle([reserve]);
      return;
    }
    this.mirrored([hasFailed(reserve) ? mirroredFailure(request, request.plan.champion, 'failed') : mirroredOutput(reserve, reserveLatencyMs)]);
    this.settle([scored]);
  }

  private answer(outcome: Outcome): void {
    const { scored: { request, by }, observation, guarded } = outcome;
    request.arrived.reply.answer(answerOf(outcome));
    by.counter.answered(observation.rows, observation.latencyMs);
    if (guarded && guarded.used > 0) this.settings.counters.guarded(observation.context, guarded.guards);
  }

  private fail({ request, error }: Failed): void {
    request.plan.champion.counter.failed('InferenceFailed');
    this.refuse(request.arrived, error, request.plan.served);
  }
}
