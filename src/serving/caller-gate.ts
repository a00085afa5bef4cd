import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallerIdentification, type Credential, credentialOf, type RequestHeaders } from '../access/caller-identification.js';
import { PerennialError } from '../contracts/failures.js';
import { permits, refusalText, rolesWith } from '../contracts/permissions.js';
import type { Caller } from '../registry/callers.repository.js';

const PERMISSION = 'prediction.request';
/** Whoever lost a key or a role is let in for no longer, while the record answers. */
const FRESH_MS = 5_000;
/** Whoever was let in stays so for this long while the record is away: predictions go on. */
const KEPT_MS = 600_000;
/** A record that takes longer counts as away for somebody who is known. */
const PATIENCE_MS = 500;
/** A record that is away is asked again no sooner, for those who are known. */
const AWAY_MS = 2_000;
/** Callers that are remembered; the one that came first is forgotten first. */
const REMEMBERED = 10_000;

interface Pass {
  readonly caller: Caller;
  /** On a clock that never jumps. */
  readonly knownAtMs: number;
}

/** Lets those in who may ask a model for predictions. What it remembers of a key or a token is its hash. */
export class CallerGate {
  private readonly known = new Map<string, Pass>();
  /** One question for whoever is asked for many times at once. */
  private readonly questions = new Map<string, Promise<Caller>>();
  private awayUntilMs = 0;

  constructor(private readonly identification: Pick<CallerIdentification, 'identify'>) {}

  /** Whether somebody is known who may, so that nobody has to be asked. */
  passes(headers: RequestHeaders, model: string): boolean {
    const shown = credentialOf(headers);
    const caller = shown && this.remembered(keyOf(shown));
    return caller !== undefined && permits(caller, PERMISSION, model);
  }

  /** @throws PerennialError `Unauthenticated`, `Forbidden`, or `DependencyUnavailable` where nobody can say who it is */
  async admit(headers: RequestHeaders, model: string): Promise<void> {
    const shown = credentialOf(headers);
    const key = shown ? keyOf(shown) : '';
    const caller = this.remembered(key) ?? (await this.find(key, shown));
    if (!permits(caller, PERMISSION, model)) throw new PerennialError('Forbidden', refusalText(caller.name, caller.kind, PERMISSION, model), { permission: PERMISSION, roles: rolesWith(PERMISSION) });
  }

  private remembered(key: string): Caller | undefined {
    const pass = this.known.get(key);
    if (!pass) return undefined;
    const now = performance.now();
    return now - pass.knownAtMs < (now < this.awayUntilMs ? KEPT_MS : FRESH_MS) ? pass.caller : undefined;
  }

  private async find(key: string, shown: Credential | undefined): Promise<Caller> {
    const question = this.questions.get(key) ?? this.ask(key, shown);
    const pass = this.known.get(key);
    if (!pass || performance.now() - pass.knownAtMs >= KEPT_MS) return question;
    const found = await Promise.race([question.catch((error: unknown) => error), sleep(PATIENCE_MS, null)]);
    if (found instanceof PerennialError && isRefusal(found)) throw found;
    if (found !== null && !(found instanceof Error)) return found as Caller;
    this.awayUntilMs = performance.now() + AWAY_MS;
    return pass.caller;
  }

  private ask(key: string, shown: Credential | undefined): Promise<Caller> {
    const question = this.identification.identify(shown).then(
      (caller) => {
        this.remember(key, caller);
        return caller;
      },
      (error: unknown) => {
        if (!(error instanceof PerennialError)) throw new PerennialError('DependencyUnavailable', 'The registry does not answer, and it alone knows who you are; try again shortly', { dependency: 'registry' }, { cause: error });
        if (isRefusal(error)) this.known.delete(key);
        throw error;
      },
    ).finally(() => this.questions.delete(key));
    if (shown) this.questions.set(key, question);
    return question;
  }

  private remember(key: string, caller: Caller): void {
    this.known.delete(key);
    this.known.set(key, { caller, knownAtMs: performance.now() });
    if (this.known.size > REMEMBERED) this.known.delete(this.known.keys().next().value!);
  }
}

const isRefusal = ({ type }: PerennialError): boolean => type === 'Unauthenticated' || type === 'Forbidden';

const keyOf = ({ value }: Credential): string => hash('sha256', value, 'base64');
