import { type FailureType, PerennialError } from '../contracts/failures.js';
import { DEFAULT_DEPLOYMENT } from '../contracts/motion.js';
import type { RetirementService } from '../contracts/retirements.js';
import type { Challenger } from './challenger.js';
import type { ServedVersion } from './served-version.js';
import type { ServingPolicy } from './serving-policy.js';

/** What a deployment serves at one revision; replaced as a whole, so that version and epoch always belong together. */
export interface ServedDeployment {
  readonly model: string;
  readonly deployment: string;
  readonly revision: number;
  readonly epoch: number;
  readonly champion: ServedVersion | null;
  /** Those that run; one that cannot be started is not among them. */
  readonly challengers: readonly Challenger[];
  /** Percent of the entities that each challenger answers, by version. The version may not run: then the champion answers. */
  readonly weights: ReadonlyMap<number, number>;
  /** Makes the assignment of entities differ between deployments. */
  readonly salt: string;
  /** A paused release goes on as it stands: mirrors and weights hold. */
  readonly paused: boolean;
  /** Of the champion's spec; null without a champion. */
  readonly policy: ServingPolicy | null;
  /** What it does while its model retires; null: it serves. */
  readonly retirement: RetirementService | null;
}

export interface ReadyDeployment extends ServedDeployment {
  readonly champion: ServedVersion;
  readonly policy: ServingPolicy;
}

/** A deployment as the record wants it; what is served follows once it is loaded. */
interface Slot {
  served: ServedDeployment | null;
  wantedVersion: number | null;
  failure: RoutingFailure | null;
  /** Challengers of the served revision that could not be started. */
  readonly challengerFailures: Map<number, FailureType>;
  withdrawn: ReadonlySet<number>;
}

/** A revision that could not be put into service; what served before goes on. */
export interface RoutingFailure {
  readonly revision: number;
  readonly type: FailureType;
  /** The challenger that it is about; then the revision serves without it. */
  readonly challenger?: number;
}

/** How long ago the record confirmed the routing, in milliseconds, and whether that is too long. */
export interface RoutingAge {
  readonly ageMs: number;
  readonly stale: boolean;
}

/** What this gateway serves, by model and deployment. Keys are callers' words, so only maps hold them. */
export class RoutingTable {
  private readonly models = new Map<string, Map<string, Slot>>();
  private readonly retiring = new Set<Promise<void>>();
  private confirmedAtMs: number | undefined;
  private wasReady = false;

  /**
   * @param staleAfterMs age from which answers say that they may be outdated
   * @param clock milliseconds of a clock that never jumps
   */
  constructor(
    private readonly staleAfterMs: number,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** Notes that the record was read, as it was at `atMs`. */
  confirm(atMs: number): void {
    this.confirmedAtMs = atMs;
  }

  /** Notes what the record wants of a deployment, before it can be served. */
  announce(model: string, deployment: string, wantedVersion: number | null): void {
    const slot = this.slot(model, deployment);
    if (slot) slot.wantedVersion = wantedVersion;
    else this.add(model, deployment, wantedVersion);
  }

  /** The revision that is served; 0 where none is yet. */
  revision(model: string, deployment: string): number {
    return this.slot(model, deployment)?.served?.revision ?? 0;
  }

  served(model: string, deployment: string): ServedDeployment | null {
    return this.slot(model, deployment)?.served ?? null;
  }

  /** Whether the record has the deployment, as far as it was read. */
  knows(model: string, deployment: string): boolean {
    return this.slot(model, deployment) !== undefined;
  }

  /** Replaces what a deployment serves; versions and challengers that nobody routes to any more are let go. */
  swap(next: ServedDeployment): void {
    const slot = this.slot(next.model, next.deployment) ?? this.add(next.model, next.deployment, next.champion?.version ?? null);
    const before = slot.served;
    const rises = !before || next.revision > before.revision;
    const leaving = rises ? before : next;
    if (rises) {
      Object.assign(slot, { served: next, failure: null });
      slot.challengerFailures.clear();
    }
    if (leaving) this.letGo(leaving, slot.served);
  }

  /** Adds a challenger to the revision that it was started for. @returns whether that revision is still served */
  join(model: string, deployment: string, revision: number, challenger: Challenger): boolean {
    const slot = this.slot(model, deployment);
    if (slot?.served?.revision !== revision) return false;
    slot.served = { ...slot.served, challengers: [...slot.served.challengers, challenger] };
    slot.challengerFailures.delete(challenger.version);
    return true;
  }

  /** Notes that a challenger of the served revision could not be started. */
  failChallenger(model: string, deployment: string, version: number, type: FailureType): void {
    this.slot(model, deployment)?.challengerFailures.set(version, type);
  }

  /** Notes which versions serve no more, so that whoever asks for one of them by its number hears that it is gone. */
  withdraw(model: string, deployment: string, versions: ReadonlySet<number>): void {
    const slot = this.slot(model, deployment);
    if (slot) slot.withdrawn = versions;
  }

  /** Notes that a revision could not be put into service. */
  fail(model: string, deployment: string, failure: RoutingFailure): void {
    const slot = this.slot(model, deployment);
    if (slot) slot.failure = failure;
  }

  /**
   * @throws PerennialError `ModelNotFound`, `NotFound`, `ModelNotReady`, `VersionNotFound` when another version serves,
   * `VersionWithdrawn` when it or the whole deployment serves no more, `ModelRetired`, `RoutingStale` when the champion's spec wants no
   * answer from a routing that is so old, or the model retires and may have stopped meanwhile
   */
  find(model: string, deployment: string, version?: string): ReadyDeployment {
    const slot = this.models.get(model)?.get(deployment) ?? this.unknown(model, deployment);
    const { served, wantedVersion } = slot;
    if (served?.retirement?.state === 'retired') throw retired(model, served.retirement);
    if (!served?.champion || !served.policy) throw served && served.epoch > 0 && wantedVersion === null ? deploymentWithdrawn(model, deployment) : notReady(model, deployment, wantedVersion);
    if (version !== undefined && version !== String(served.champion.version)) throw otherVersion(served as ReadyDeployment, version, slot.withdrawn);
    if (stopsWhenStale(served)) this.requireFresh(served.policy);
    return served as ReadyDeployment;
  }

  /** Whether an answer must say that its routing may be outdated. */
  stale({ policy }: ReadyDeployment): boolean {
    const { ageMs, stale } = this.age();
    return stale || ageMs > policy.maxStaleMs;
  }

  age(): RoutingAge {
    if (this.confirmedAtMs === undefined) return { ageMs: Infinity, stale: true };
    const ageMs = Math.max(0, this.clock() - this.confirmedAtMs);
    return { ageMs, stale: ageMs > this.staleAfterMs };
  }

  /** Deployments whose champion has never been loaded, as `model/deployment`. */
  waiting(): string[] {
    return [...this.models].flatMap(([model, slots]) =>
      [...slots].filter(([, { served, wantedVersion }]) => wantedVersion !== null && !served?.champion).map(([deployment]) => `${model}/${deployment}`));
  }

  /** Revisions that could not be put into service. */
  failures(): ({ readonly model: string; readonly deployment: string } & RoutingFailure)[] {
    return [...this.models].flatMap(([model, slots]) =>
      [...slots].flatMap(([deployment, { failure, served, challengerFailures }]) => [
        ...(failure ? [{ model, deployment, ...failure }] : []),
        ...[...challengerFailures].map(([challenger, type]) => ({ model, deployment, revision: served?.revision ?? 0, type, challenger })),
        ...(served?.challengers ?? []).filter((challenger) => challenger.figures().state === 'restarting')
          .map(({ version: challenger }) => ({ model, deployment, revision: served?.revision ?? 0, type: 'InferenceFailed' as const, challenger })),
      ]));
  }

  /** Everything that is served, for figures. */
  deployments(): ServedDeployment[] {
    return [...this.models.values()].flatMap((slots) => [...slots.values()].flatMap(({ served }) => (served ? [served] : [])));
  }

  /** True once every champion was loaded. A model that is added later and cannot be loaded takes no readiness from the others. */
  ready(): boolean {
    this.wasReady ||= this.confirmedAtMs !== undefined && this.waiting().length === 0;
    return this.wasReady;
  }

  /** Lets go of every version. @returns when no challenger's process runs any more */
  async clear(): Promise<void> {
    for (const served of this.deployments()) this.letGo(served, null);
    this.models.clear();
    await Promise.all(this.retiring);
  }

  private letGo(leaving: ServedDeployment, staying: ServedDeployment | null): void {
    if (leaving.champion !== staying?.champion) leaving.champion?.retire();
    for (const challenger of leaving.challengers) {
      if (staying?.challengers.includes(challenger)) continue;
      const retired = challenger.retire().finally(() => this.retiring.delete(retired));
      this.retiring.add(retired);
    }
  }

  private requireFresh({ maxStaleMs }: ServingPolicy): void {
    const { ageMs } = this.age();
    if (ageMs <= maxStaleMs) return;
    throw new PerennialError('RoutingStale', `The routing was last confirmed ${Math.round(ageMs / 1000)} s ago, and the model's spec allows ${maxStaleMs / 1000} s (serving.maxStale, whenStale: stop, or the model is being retired); it answers again once the gateway reaches the record`);
  }

  private slot(model: string, deployment: string): Slot | undefined {
    return this.models.get(model)?.get(deployment);
  }

  private add(model: string, deployment: string, wantedVersion: number | null): Slot {
    const slots = this.models.get(model) ?? new Map<string, Slot>();
    const slot: Slot = { served: null, wantedVersion, failure: null, challengerFailures: new Map(), withdrawn: new Set() };
    this.models.set(model, slots);
    slots.set(deployment, slot);
    return slot;
  }

  private unknown(model: string, deployment: string): never {
    if (this.confirmedAtMs === undefined) throw new PerennialError('ModelNotReady', 'The gateway has not read the routing yet; try again in a moment');
    const slots = this.models.get(model);
    if (!slots) throw new PerennialError('ModelNotFound', `No model is registered as ${JSON.stringify(model.slice(0, 100))}`);
    const known = [...slots.keys()].slice(0, 10).join(', ');
    throw new PerennialError('NotFound', `${model} has no deployment ${JSON.stringify(deployment.slice(0, 100))}; it has ${known || DEFAULT_DEPLOYMENT}`);
  }
}

/** The record may have stopped a model that retires, without this gateway having heard of it. */
export const stopsWhenStale = ({ policy, retirement }: Pick<ServedDeployment, 'policy' | 'retirement'>): boolean => policy?.whenStale === 'stop' || retirement !== null;

const retired = (model: string, { replacement }: RetirementService): PerennialError =>
  new PerennialError('ModelRetired', `${model} was retired and answers no more; ${replacement === null ? 'nothing took its place' : `ask ${replacement} instead`}`, { replacement });

const notReady = (model: string, deployment: string, wantedVersion: number | null): PerennialError =>
  new PerennialError('ModelNotReady', wantedVersion === null
    ? `${model} has no champion in ${deployment} yet; a retrain that passes its gate brings one`
    : `Version ${wantedVersion} of ${model} is not loaded yet; try again in a moment`);

const deploymentWithdrawn = (model: string, deployment: string): PerennialError =>
  new PerennialError('VersionWithdrawn', `${model} was withdrawn from ${deployment}; it serves there no more`);

function otherVersion({ model, deployment, champion }: ReadyDeployment, version: string, withdrawn: ReadonlySet<number>): PerennialError {
  const [what, now] = [`Version ${JSON.stringify(version.slice(0, 100))} of ${model}`, `version ${champion.version} is in service`];
  return withdrawn.has(Number(version)) && version === String(Number(version))
    ? new PerennialError('VersionWithdrawn', `${what} was withdrawn from ${deployment}; ${now}`)
    : new PerennialError('VersionNotFound', `${what} is not in service in ${deployment}; ${now}`);
}
