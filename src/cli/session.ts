import type { Environment } from '../config/environment.js';
import { ApiClient } from './api-client.js';
import { findApi } from './api-connection.js';
import type { Terminal } from './terminal.js';

export const EXIT = { done: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a verb works with. */
export class Session {
  private client: ApiClient | undefined;

  constructor(
    readonly environment: Environment,
    readonly programPath: string,
    readonly terminal: Terminal,
    /** The answer is one JSON document. */
    readonly json: boolean,
  ) {}

  get api(): ApiClient {
    this.client ??= new ApiClient(findApi(this.environment));
    return this.client;
  }

  /** Writes the result: the document, or what a person reads. */
  show(document: unknown, text: () => string): void {
    this.terminal.out(this.json ? `${JSON.stringify(document, null, 2)}\n` : text());
  }

  /** A line on how it goes; not part of the result. */
  note(line: string): void {
    if (!this.json) this.terminal.error(`${line}\n`);
  }
}
