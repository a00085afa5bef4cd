import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiConnection } from './api-connection.js';
import { type ProblemDetail, ProblemError } from './problem-error.js';

const TIMEOUT_MS = 30_000;
const ATTEMPTS = 3;
const RETRY_AFTER_MS = 500;
const GATEWAY_STATUSES = new Set([502, 503, 504]);

export interface ApiBody {
  readonly mediaType: string;
  readonly content: string | Uint8Array;
}

export const jsonBody = (value: unknown): ApiBody => ({ mediaType: 'application/json', content: JSON.stringify(value) });

/** Speaks with the API. A command carries one key for the whole invocation, so that sending it again does no harm. */
export class ApiClient {
  constructor(
    private readonly connection: ApiConnection,
    private readonly idempotencyKey: string = randomUUID(),
  ) {}

  /** @throws ProblemError what the API answered, or that it does not answer */
  get<T>(path: string): Promise<T> {
    return this.attempt<T>(path, { headers: this.headers() });
  }

  /** A long answer, piece by piece. @throws as {@link get}, also when it breaks off */
  async* stream(path: string): AsyncGenerator<Uint8Array> {
    const url = this.connection.url + path;
    const begun = new AbortController();
    const late = setTimeout(() => begun.abort(), TIMEOUT_MS);
    try {
      const answer = await fetch(url, { headers: { ...this.headers(), accept: '*/*' }, redirect: 'error', signal: begun.signal }).finally(() => clearTimeout(late));
      if (!answer.ok || answer.body === null) throw problemOf(url, answer.status, parse(await answer.text()));
      yield* answer.body;
    } catch (error) {
      throw error instanceof ProblemError ? error : unreachable(this.connection.url, error);
    }
  }

  /** @throws as {@link get} */
  command<T>(path: string, body: ApiBody): Promise<T> {
    const headers = { ...this.headers(), 'content-type': body.mediaType, 'idempotency-key': this.idempotencyKey };
    return this.attempt<T>(path, { method: 'POST', headers, body: body.content as NonNullable<RequestInit['body']> });
  }

  private headers(): Record<string, string> {
    return { authorization: `Bearer ${this.connection.key}`, accept: 'application/json' };
  }

  private async attempt<T>(path: string, request: RequestInit): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.send<T>(path, request);
      } catch (error) {
        const again = error instanceof ProblemError && GATEWAY_STATUSES.has(error.problem.status);
        if (!again || attempt === ATTEMPTS) throw error;
        await sleep(RETRY_AFTER_MS * attempt);
      }
    }
  }

  private async send<T>(path: string, request: RequestInit): Promise<T> {
    const url = this.connection.url + path;
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
      text = await answer.text();
    } catch (error) {
      throw unreachable(this.connection.url, error);
    }
    const body = parse(text);
    if (answer.ok && body !== undefined) return body as T;
    throw problemOf(url, answer.status, body);
  }
}

function unreachable(url: string, error: unknown): ProblemError {
  const cause = (error as { cause?: { code?: unknown } } | null)?.cause?.code;
  const reason = typeof cause === 'string' ? ` (${cause})` : '';
  return ProblemError.of('DependencyUnavailable', `The API does not answer at ${url}${reason}: start it with \`npm start\`, or set API_URL to where it runs`, url);
}

const problemOf = (url: string, status: number, body: unknown): ProblemError => new ProblemError(isProblem(body) ? body : strange(url, status));

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const isProblem = (body: unknown): body is ProblemDetail =>
  typeof body === 'object' && body !== null && typeof (body as ProblemDetail).detail === 'string' && typeof (body as ProblemDetail).status === 'number';

const strange = (url: string, status: number): ProblemDetail =>
  ProblemError.of(status >= 500 ? 'DependencyUnavailable' : 'InvalidRequest', `${url} answered ${status}, but not as Perennial's API does; check API_URL`, url).problem;
