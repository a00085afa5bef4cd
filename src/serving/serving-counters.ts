import { type FailureType, PerennialError } from '../contracts/failures.js';
import { GUARD_NAMES } from './guard-rails.js';

/** A deployment of the record; never a caller's words. */
export interface Place {
  readonly model: string;
  readonly deployment: string;
}

export interface PlaceRefusals extends Place {
  readonly errors: Map<FailureType, number>;
}

export interface GuardUses extends Place {
  /** By code of `GUARD`. */
  readonly rows: number[];
}

/** What a gateway counts beside the versions' tallies, since it started. */
export class ServingCounters {
  readonly refusals = new Map<FailureType, number>();
  /** Of them those of a deployment that is known. */
  readonly placedRefusals = new Map<string, PlaceRefusals>();
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

  /** A request that got no answer from a model. @param place whose it was, where that is known */
  refused(error: unknown, place: Place | null = null): void {
    if (error instanceof Error) this.counted.add(error);
    const type = error instanceof PerennialError ? error.type : 'Internal';
    this.refuse(type);
    if (place) this.refuseAt(place, type);
  }

  /** A request that HTTP answers with an error; most of them were counted before they came here. */
  answered(error: Error, type: FailureType): void {
    if (!this.counted.has(error)) this.refuse(type);
  }

  guarded({ model, deployment }: Place, guards: Uint8Array): void {
    const key = `${model}/${deployment}`;
    let uses = this.guardUses.get(key);
    if (!uses) this.guardUses.set(key, (uses = { model, deployment, rows: GUARD_NAMES.map(() => 0) }));
    for (const code of guards) uses.rows[code]! += 1;
  }

  private refuseAt({ model, deployment }: Place, type: FailureType): void {
    const key = `${model}/${deployment}`;
    let refusals = this.placedRefusals.get(key);
    if (!refusals) this.placedRefusals.set(key, (refusals = { model, deployment, errors: new Map() }));
    refusals.errors.set(type, (refusals.errors.get(type) ?? 0) + 1);
  }

  private refuse(type: FailureType): void {
    this.refusals.set(type, (this.refusals.get(type) ?? 0) + 1);
  }
}
