import { FAILURES, type FailureType, PerennialError } from '../contracts/failures.js';
import { GUARD_NAMES } from './guard-rails.js';

/** Whose fault a failed request is: the caller's, the model's, the record's, or ours. */
export type FailureSource = 'caller' | 'model' | 'record' | 'gateway';

export interface GuardUses {
  readonly model: string;
  readonly deployment: string;
  /** By code of `GUARD`. */
  readonly rows: number[];
}

const OF_MODEL: ReadonlySet<FailureType> = new Set(['InferenceFailed', 'ModelRefused']);
const OF_RECORD: ReadonlySet<FailureType> = new Set(['ModelNotReady', 'RoutingStale', 'DependencyUnavailable', 'ArtifactMissing', 'ArtifactCorrupt']);

/** What a gateway counts beside the versions' tallies, since it started. */
export class ServingCounters {
  readonly refusals = new Map<FailureType, number>();
  readonly guardUses = new Map<string, GuardUses>();
  private readonly counted = new WeakSet<Error>();
  runs = 0;
  runRequests = 0;
  runRows = 0;

  run(requests: number, rows: number): void {
    this.runs += 1;
    this.runRequests += requests;
    this.runRows += rows;
  }

  /** A request that got no answer from a model. */
  refused(error: unknown): void {
    if (error instanceof Error) this.counted.add(error);
    this.refuse(error instanceof PerennialError ? error.type : 'Internal');
  }

  /** A request that HTTP answers with an error; most of them were counted before they came here. */
  answered(error: Error, type: FailureType): void {
    if (!this.counted.has(error)) this.refuse(type);
  }

  guarded({ model, deployment }: { readonly model: string; readonly deployment: string }, guards: Uint8Array): void {
    const key = `${model}/${deployment}`;
    let uses = this.guardUses.get(key);
    if (!uses) this.guardUses.set(key, (uses = { model, deployment, rows: GUARD_NAMES.map(() => 0) }));
    for (const code of guards) uses.rows[code]! += 1;
  }

  private refuse(type: FailureType): void {
    this.refusals.set(type, (this.refusals.get(type) ?? 0) + 1);
  }
}

export function sourceOf(type: FailureType): FailureSource {
  if (OF_MODEL.has(type)) return 'model';
  if (OF_RECORD.has(type)) return 'record';
  return FAILURES[type].status < 500 ? 'caller' : 'gateway';
}
