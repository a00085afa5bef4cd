import { involveChallengers } from './inference-mirroring.js';
import { checkedOutputs, type Scored } from './inference-outcome.js';
import type { InferencePlan } from './inference-plan.js';
import { type ArrivedRequest, placeOf, type PreparedRequest, prepareRequest, type RequestReading } from './inference-request.js';
import { InferenceSettlement, type Result, type SettlementSettings } from './inference-settlement.js';

export interface TurnSettings extends RequestReading, SettlementSettings {
  /** How long a canary's challenger may take before the champion answers, in milliseconds. Default 250. */
  readonly canaryWaitMs?: number;
}

/**
 * Rows that one run of the model takes together. A run holds up the event loop; beyond this many rows it gains
 * nothing, and answers come back in smaller steps.
 */
const MAX_RUN_ROWS = 128;
const CANARY_WAIT_MS = 250;

/**
 * Answers what one turn of the event loop brings: each request is validated by itself, those of a version are scored in
 * one run, logged in one write, and then answered. There is no timer: a lone request waits for nobody.
 */
export class InferenceTurn {
  private arrived: ArrivedRequest[] = [];
  private sequence = 0;
  /** Those under way: how many requests each has, and when its first one was received. */
  private readonly runs = new Set<{ readonly requests: number; readonly receivedAtMs: number }>();
  private readonly settlement: InferenceSettlement;

  constructor(private readonly settings: TurnSettings) {
    this.settlement = new InferenceSettlement(settings);
  }

  /** Requests that were read and not yet answered. */
  get waiting(): number {
    return Array.from(this.runs).reduce((sum, { requests }) => sum + requests, this.arrived.length);
  }

  /** When the oldest of them was received, milliseconds since 1970; Infinity without one. */
  get oldestReceivedMs(): number {
    return Math.min(this.arrived[0]?.receivedAtMs ?? Infinity, ...Array.from(this.runs, ({ receivedAtMs }) => receivedAtMs));
  }

  add(request: ArrivedRequest): void {
    if (this.arrived.push(request) === 1) setImmediate(() => this.turn());
  }

  private turn(): void {
    const { arrived } = this;
    this.arrived = [];
    for (const group of this.prepared(arrived).values()) {
      for (const run of runsOf(group)) {
        const began = { requests: run.length, receivedAtMs: run[0]!.arrived.receivedAtMs };
        this.runs.add(began);
        void this.score(run[0]!.plan, run)
          .catch((error: unknown) => this.settlement.settle(run.map((request) => ({ request, error }))))
          .finally(() => this.runs.delete(began));
      }
    }
  }

  private prepared(arrived: readonly ArrivedRequest[]): Map<InferencePlan, PreparedRequest[]> {
    const groups = new Map<InferencePlan, PreparedRequest[]>();
    for (const request of arrived) {
      try {
        const prepared = prepareRequest(request, ++this.sequence, this.settings);
        const group = groups.get(prepared.plan);
        if (group) group.push(prepared);
        else groups.set(prepared.plan, [prepared]);
      } catch (error) {
        this.settlement.refuse(request, error, placeOf(request, this.settings.table));
      }
    }
    return groups;
  }

  /** The champion scores every request, those that a challenger answers too: its answer is in reserve. */
  private async score(plan: InferencePlan, run: readonly PreparedRequest[]): Promise<void> {
    const release = plan.served.champion.hold();
    try {
      const scoring = this.run(plan, run);
      // The run only begins in the next turn, so that what challengers cost here holds up nobody's run.
      const canaries = plan.challengers.length === 0 ? null : involveChallengers(plan, run, {
        maxRows: this.settings.maxRows, withinMs: this.settings.canaryWaitMs ?? CANARY_WAIT_MS, sink: (outputs) => this.settlement.mirrored(outputs),
      });
      const results = await scoring.catch((error: unknown) => (run.length === 1 ? [{ request: run[0]!, error }] : this.scoreEach(plan, run)));
      if (canaries === null || canaries.size === 0) this.settlement.settle(results);
      else await this.settlement.settleCanaries(results, canaries);
    } finally {
      release();
    }
  }

  private async run(plan: InferencePlan, run: readonly PreparedRequest[]): Promise<Result[]> {
    const { features, rows } = joined(run);
    const outputs = checkedOutputs(await plan.served.champion.score({ features, rows }), rows, plan.champion);
    this.settings.counters.run(run.length, rows);
    let from = 0;
    return run.map((request) => {
      const scored: Scored = { request, by: plan.champion, rows: request.rows, outputs, from };
      from += request.rows.rows;
      return scored;
    });
  }

  /** After a run that failed: only the request that made it fail shall. */
  private async scoreEach(plan: InferencePlan, run: readonly PreparedRequest[]): Promise<Result[]> {
    const results: Result[] = [];
    for (const request of run) results.push(...(await this.run(plan, [request]).catch((error: unknown) => [{ request, error }])));
    return results;
  }
}

/**
 * Requests of one version, cut into runs in their order; one that is larger than a run is one by itself. Models whose
 * rows are not the same in company are scored request by request.
 */
function runsOf(requests: readonly PreparedRequest[]): readonly (readonly PreparedRequest[])[] {
  if (requests.length === 1) return [requests];
  const most = requests[0]!.plan.served.champion.rowsIndependent ? MAX_RUN_ROWS : 0;
  const runs: PreparedRequest[][] = [];
  let rows = Infinity;
  for (const request of requests) {
    rows += request.rows.rows;
    if (rows <= most) runs.at(-1)!.push(request);
    else {
      runs.push([request]);
      ({ rows } = request.rows);
    }
  }
  return runs;
}

function joined(run: readonly PreparedRequest[]): { features: Float32Array; rows: number } {
  if (run.length === 1) return run[0]!.rows;
  let [rows, length] = [0, 0];
  for (const request of run) {
    rows += request.rows.rows;
    length += request.rows.features.length;
  }
  const features = new Float32Array(length);
  let offset = 0;
  for (const { rows: { features: part } } of run) {
    features.set(part, offset);
    offset += part.length;
  }
  return { features, rows };
}
