import { setTimeout as sleep } from 'node:timers/promises';
import type { AlarmAnswer } from '../api/alarms/alarms.dto.js';
import type { ApprovalAnswer } from '../api/approvals/approvals.dto.js';
import type { GoLiveConfirmed } from '../api/go-lives/go-lives.dto.js';
import type { RetirementAnswer } from '../api/retirement/retirement.dto.js';
import type { RetrainDetail, RetrainStarted } from '../api/retrains/retrains.dto.js';
import type { ValidationAnswer } from '../api/validations/validations.dto.js';
import type { WhyAnswer } from '../api/why/why.dto.js';
import { ApiClient, jsonBody } from '../cli/api-client.js';
import { ProblemError } from '../cli/problem-error.js';
import type { ApprovalKind } from '../contracts/approvals.js';
import { PerennialError } from '../contracts/failures.js';
import { durationMs, isoTime } from '../contracts/time.js';
import { parseSpec } from '../spec/parse-spec.js';
import { askGateway } from './ask-gateway.js';
import { WEEK_MS } from './event-days.js';
import { prepareEmploymentData, prepareExample } from './flight-data.js';
import type { TourPlaces } from './flight-tour.js';
import { type LifePeople, lifePeople, type Person } from './life-people.js';
import { lifeSpec, SOUNDNESS } from './life-scenario.js';
import { MonitoredCourse, type WatchedWindow } from './monitored-course.js';
import { employmentWindows, flightScenario } from './monitor-scenario.js';
import { RowTraffic } from './row-traffic.js';

/** What the tour tells while it goes. */
export interface LifeWatcher {
  phase(line: string): void;
  stage(model: string, title: string): void;
  /** Somebody did something, or something came of it. */
  told(who: string, line: string): void;
}

export interface LifeOutcome {
  readonly flights: { readonly model: string; readonly version: number; readonly windows: readonly WatchedWindow[] };
  readonly employment: { readonly model: string; readonly version: number; readonly retirement: RetirementAnswer };
}

const FOLLOW_EVERY_MS = 300;
const PATIENCE_MS = 180_000;
/** Assessed in the tour; one more begins. */
const WINDOWS = 2;
const FINDING_DUE_DAYS = 90;
const HTTP_GONE = 410;

/**
 * The tour of a model's life: the flights, a low tier, go through their first five stages, and the employment model, as if it decided whom an agency
 * invites, goes before a committee, through a conditional approval and into retirement. Local users of different roles do it, by the HTTP API alone.
 * @throws PerennialError, ProblemError; `Internal` where a stage does not come to what the tour shows
 */
export async function lifeTour(places: TourPlaces, watcher: LifeWatcher): Promise<LifeOutcome> {
  const { weekZero } = await prepareExample(places.environment, (line) => watcher.phase(line));
  await prepareEmploymentData(places.environment, (line) => watcher.phase(line));
  const people = await lifePeople(places.apiUrl, places.environment.STATE_DIR);
  const flights = await new Life(places, watcher, people, await lifeSpec('flight-delay')).lowTier(Date.parse(weekZero));
  const employment = await new Life(places, watcher, people, await lifeSpec('acs-employment')).criticalTier();
  return { flights, employment };
}

class Life {
  private readonly parsed: ReturnType<typeof parseSpec>;
  private readonly base: string;

  constructor(
    private readonly places: TourPlaces,
    private readonly watcher: LifeWatcher,
    private readonly people: LifePeople,
    private readonly source: string,
  ) {
    this.parsed = parseSpec(source);
    this.base = `/v1/models/${this.model}`;
  }

  private get model(): string {
    return this.parsed.spec.model;
  }

  async lowTier(zeroMs: number): Promise<LifeOutcome['flights']> {
    const { developer, validator } = this.people.local;
    const windows = flightScenario(zeroMs).windows.slice(0, WINDOWS + 1);
    await this.propose();
    const version = await this.develop(windows[0]!.fromMs);
    await this.validated(version, ({ outcome }) => outcome !== null);
    await this.goneLive(version);
    this.watcher.stage(this.model, '5 Production');
    const watched = await this.watch(windows);
    await this.post('/reviews', validator, 'review', { outcome: 'continue', reason: 'Two windows, labels in time, no alarm of harm.' });
    const { nextReviewDueAt } = await this.get<{ nextReviewDueAt: string | null }>('', developer);
    this.watcher.told('validator', `reviews it: continue; the next review is due on ${nextReviewDueAt?.slice(0, 10) ?? 'no day'}`);
    return { model: this.model, version, windows: watched };
  }

  async criticalTier(): Promise<LifeOutcome['employment']> {
    const { developer, validator, operator, owner, approver } = this.people.local;
    const voters = [approver, ...this.people.committee];
    await this.propose();
    await this.refusedVote(developer);
    await this.vote('useCase', voters.slice(0, 3), ['approve', 'reject', 'approve']);
    const version = await this.develop(employmentWindows()[0]!.fromMs);
    const { approval } = await this.conditionally(version, validator);
    this.watcher.told('perennial', `a critical tier asks the committee too: approval ${approval}`);
    await this.vote('version', voters.slice(1), ['approve', 'approve', 'approve']);
    await this.settled(`${this.base}/versions/${version}/validation`, ({ outcome }: ValidationAnswer) => outcome !== null);
    await this.goneLive(version);
    await this.post('/findings/1/close', validator, 'close', { evidence: 'The figures by group were shown to the committee, which set the limits of the next spec.' });
    this.watcher.told('validator', 'closes finding 1 with evidence; its owner could not have');
    return { model: this.model, version, retirement: await this.retire(owner, operator, voters) };
  }

  private async propose(): Promise<void> {
    this.watcher.stage(this.model, '1 Use case approval');
    await new ApiClient(this.connection(this.people.local.developer), this.keyed('apply')).command('/v1/models', { mediaType: 'application/yaml', content: this.source });
    const { tier, rule, outcome, digest } = await this.newestApproval('useCase');
    this.watcher.told('developer', `applies the spec, ${digest.slice(0, 19)}…: tier ${tier}, ${outcome ?? rule}`);
  }

  private async refusedVote(person: Person): Promise<void> {
    const { number, digest } = await this.newestApproval('useCase');
    try {
      await this.post(`/approvals/${number}/votes`, person, 'refused', { choice: 'approve', digest, reason: 'It is mine.' });
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.watcher.told(person.name, `wants to vote on it: ${error.message}`);
      return;
    }
    throw new PerennialError('Internal', `${person.name} applied the spec of ${this.model} and could vote on it`);
  }

  private async vote(kind: ApprovalKind, voters: readonly Person[], choices: readonly ('approve' | 'reject')[]): Promise<void> {
    const { number, digest } = await this.newestApproval(kind);
    for (const [index, person] of voters.entries()) {
      const choice = choices[index]!;
      const { outcome, reason } = await this.post<{ outcome: string | null; reason: string | null }>(`/approvals/${number}/votes`, person, `${kind}-${person.name}`, { choice, digest, reason: choice === 'approve' ? 'Read and weighed.' : 'It knows too little of those who live in institutions.' });
      this.watcher.told(person.name, `votes ${choice} on approval ${number}${outcome === null ? '' : `, which is ${outcome}: ${reason ?? ''}`}`);
    }
  }

  private async develop(atMs: number): Promise<number> {
    this.watcher.stage(this.model, '2 Development');
    const asOf = isoTime(atMs + (durationMs(this.parsed.spec.data.labelHorizon) as number));
    const { number } = await this.post<RetrainStarted>('/retrains', this.people.local.developer, 'retrain', { asOf, reason: 'tour of a life: the first version' });
    const retrain = await this.settled(`${this.base}/retrains/${number}`, ({ outcome }: RetrainDetail) => outcome !== null);
    if (retrain.version === null || retrain.outcome !== 'validating') throw new PerennialError('Internal', `The first version of ${this.model} ended as ${retrain.outcome ?? 'nothing'}: ${retrain.reason ?? 'no reason given'}`);
    this.watcher.told('developer', `retrains: version ${retrain.version}, AUC ${retrain.evaluation?.metrics['auc']?.value?.toFixed(4) ?? '–'} on ${retrain.evaluation?.rows.toLocaleString('en') ?? '–'} rows that it has not seen; its gate says ${retrain.evaluation?.verdict ?? '–'}`);
    return retrain.version;
  }

  private async validated(version: number, until: (answer: ValidationAnswer) => boolean): Promise<ValidationAnswer> {
    this.watcher.stage(this.model, '3 Validation');
    const path = `${this.base}/versions/${version}/validation`;
    const done = await this.settled(path, until);
    for (const { name, verdict, explanation } of done.checks) this.watcher.told('perennial', `${name}: ${verdict}. ${explanation}`);
    if (done.outcome !== null) this.watcher.told('perennial', `${done.decision?.reason ?? ''} ${done.outcome}: ${done.reason ?? ''}`);
    return done;
  }

  private async conditionally(version: number, validator: Person): Promise<{ approval: number | null }> {
    const { reportDigest, checks } = await this.validated(version, ({ outcome, waitsFor }) => outcome !== null || waitsFor === 'validator' || waitsFor === 'approvers');
    const dueAt = isoTime(Math.floor(Date.now() / WEEK_MS) * WEEK_MS + FINDING_DUE_DAYS * 86_400_000);
    const findings = checks.filter(({ verdict }) => verdict !== 'pass').map(({ name, explanation }) => ({
      title: `${name}: ${explanation}`.slice(0, 200), severity: 'medium', owner: 'developer', dueAt, evidenceNeeded: 'Figures that meet the threshold, or limits and thresholds of the next spec that the committee has agreed to.',
    }));
    await this.post(`/versions/${version}/validation/decision`, validator, 'decide', {
      decision: 'conditional', reportDigest, reason: 'Sound, and stable with another seed; it may serve while what the checks found is mended.', answers: SOUNDNESS, findings,
    });
    this.watcher.told('validator', `reads the report ${reportDigest?.slice(0, 19) ?? ''}… and approves on condition: ${findings.length} findings, due on ${dueAt.slice(0, 10)}`);
    return this.settled(`${this.base}/versions/${version}/validation`, ({ approval }: ValidationAnswer) => approval !== null);
  }

  /** What it had to have, that it answers, and the owner's word. */
  private async goneLive(version: number): Promise<void> {
    const { developer, owner } = this.people.local;
    this.watcher.stage(this.model, '4 Deployment');
    const { goLive } = await this.get<WhyAnswer>('/why', developer);
    for (const { name, state, explanation } of goLive?.setUp?.criteria ?? []) this.watcher.told('perennial', `${name}: ${state}. ${explanation}`);
    await this.answering();
    const champion = await this.get<{ version: number; epoch: number }>('/champion', developer);
    this.watcher.told('perennial', `version ${champion.version} answers in default, epoch ${champion.epoch}; its windows are assessed by a Schedule of their own`);
    const alarm = await this.settled(`/v1/alarms?model=${this.model}`, ({ items }: { items: AlarmAnswer[] }) => items.some(({ kind }) => kind === 'goLiveUnconfirmed'));
    this.watcher.told('perennial', alarm.items.find(({ kind }) => kind === 'goLiveUnconfirmed')!.summary);
    const { specDigest } = await this.post<GoLiveConfirmed>(`/versions/${version}/go-live/confirm`, owner, 'go-live', { reason: 'It answers, and I know who is called when it alarms.' });
    this.watcher.told('owner', `confirms that version ${version} went live, under the spec ${specDigest.slice(0, 19)}…`);
  }

  /** The record is ahead of the gateways by a moment. On a second tour the model may be retired. */
  private async answering(): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const { ok, status } = await askGateway(this.places, this.model, 'ready');
      if (ok || status === HTTP_GONE) return;
      if (performance.now() > until) throw new PerennialError('Internal', `The gateway does not answer for ${this.model}`);
      await sleep(FOLLOW_EVERY_MS);
    }
  }

  private async watch(windows: ReturnType<typeof employmentWindows>): Promise<WatchedWindow[]> {
    const traffic = await RowTraffic.open(this.places.environment, this.parsed.spec, this.places);
    try {
      const watched: WatchedWindow[] = [];
      for await (const one of new MonitoredCourse(this.places, this.parsed.spec, traffic, this.keyed('course')).play(windows)) {
        watched.push(one);
        const { window } = one;
        this.watcher.told('perennial', `window of ${window.from.slice(0, 10)}: ${window.verdict}, ${window.rows.toLocaleString('en')} rows, AUC ${window.measured?.value?.toFixed(3) ?? '–'}`);
      }
      return watched;
    } finally {
      traffic.close();
    }
  }

  private async retire(owner: Person, operator: Person, voters: readonly Person[]): Promise<RetirementAnswer> {
    this.watcher.stage(this.model, '6 Retirement');
    await this.post('/retirement', owner, 'retire', { trigger: 'unused', reason: 'The agency invites by hand again.' });
    this.watcher.told('owner', 'asks that it be retired; from now on nothing new begins');
    await this.vote('retirement', voters.slice(1), ['approve', 'approve', 'approve']);
    const path = `${this.base}/retirement`;
    const { consumers } = await this.settled(path, ({ steps }: RetirementAnswer) => steps.some(({ step }) => step === 'told'));
    for (const [index, { name }] of consumers.entries()) {
      await this.post('/retirement/confirmations', operator, `confirm-${index}`, { consumer: name, said: 'We do without it.' });
      this.watcher.told('operator', `${name} has confirmed`);
    }
    const retired = await this.settled(path, ({ certificate }: RetirementAnswer) => certificate !== null);
    for (const { step, actor, details } of retired.steps) this.watcher.told(actor, `${step}${stepText(details)}`);
    return retired;
  }

  /** On a second tour the model has had them all. */
  private async newestApproval(kind: ApprovalKind): Promise<ApprovalAnswer> {
    const { items } = await this.get<{ items: ApprovalAnswer[] }>('/approvals', this.people.local.approver);
    const newest = items.find((approval) => approval.kind === kind);
    if (!newest) throw new PerennialError('Internal', `${this.model} has nothing to approve`);
    return newest;
  }

  private readonly connection = ({ key }: Person): { url: string; key: string } => ({ url: this.places.apiUrl, key });
  private readonly keyed = (step: string): string => `life-${this.parsed.digest.slice(7, 19)}-${step}`;
  private readonly get = <T>(path: string, person: Person): Promise<T> => new ApiClient(this.connection(person)).get<T>(this.base + path);
  /** The key of a step stays the same when a tour that was cut off goes on. */
  private readonly post = <T>(path: string, person: Person, step: string, body: unknown): Promise<T> => new ApiClient(this.connection(person), this.keyed(step)).command<T>(this.base + path, jsonBody(body));

  private async settled<T>(path: string, done: (answer: T) => boolean): Promise<T> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await new ApiClient(this.connection(this.people.local.developer)).get<T>(path);
      if (done(answer)) return answer;
      if (performance.now() > until) throw new PerennialError('Internal', `${path} did not come to an end in ${PATIENCE_MS / 1_000} s`);
      await sleep(FOLLOW_EVERY_MS);
    }
  }
}

/** The few details that fit a line. */
function stepText(details: Readonly<Record<string, unknown>>): string {
  const told = Object.entries(details).filter(([, value]) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean').map(([name, value]) => `${name} ${String(value)}`);
  return told.length === 0 ? '' : `: ${told.join(', ')}`;
}
