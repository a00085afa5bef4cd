import { Injectable } from '@nestjs/common';
import { Client, isGrpcServiceError } from '@temporalio/client';
import type { History } from './history-document.js';

/** A run as Temporal lists it. */
export interface ListedRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
}

export type HistoryEvent = NonNullable<History['events']>[number];

const CALL_MS = 10_000;
const RUNS_A_QUERY = 100;
const EVENTS_A_PAGE = 500;
const RUN_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Of gRPC: `NOT_FOUND`, and `INVALID_ARGUMENT` for what can be the id of no run. */
const ABSENT: ReadonlySet<unknown> = new Set([5, 3]);

/** Temporal's runs and their histories, a page at a time. */
@Injectable()
export class TemporalRuns {
  constructor(private readonly client: Client) {}

  /** How long Temporal keeps a run after it has closed, in milliseconds. */
  async retentionMs(): Promise<number> {
    const { config } = await this.call((service, namespace) => service.describeNamespace({ namespace }));
    return Number(String(config?.workflowExecutionRetentionTtl?.seconds ?? 0)) * 1_000;
  }

  /** @param query of Temporal's visibility; @param cursor of the page before, or empty */
  async list(query: string, pageSize: number, cursor: string): Promise<{ runs: ListedRun[]; cursor: string | null }> {
    const { executions, nextPageToken } = await this.call((service, namespace) =>
      service.listWorkflowExecutions({ namespace, query, pageSize, nextPageToken: Buffer.from(cursor, 'base64') }));
    const runs = executions.map(({ execution, type }) => ({ workflowId: execution?.workflowId ?? '', runId: execution?.runId ?? '', type: type?.name ?? '' }));
    return { runs, cursor: nextPageToken.length > 0 ? Buffer.from(nextPageToken).toString('base64') : null };
  }

  /** Which of these runs Temporal has, with the id of their workflow. Its lists may be a moment behind, so that each one they lack is asked for by itself. */
  async workflowsOf(runs: readonly { readonly workflowId: string; readonly runId: string }[]): Promise<Map<string, string>> {
    const known = new Map<string, string>();
    const listable = runs.map(({ runId }) => runId).filter((runId) => RUN_ID.test(runId));
    for (let from = 0; from < listable.length; from += RUNS_A_QUERY) {
      const names = listable.slice(from, from + RUNS_A_QUERY).map((runId) => `'${runId}'`);
      const page = await this.list(`RunId IN (${names.join(', ')})`, RUNS_A_QUERY, '');
      for (const { runId, workflowId } of page.runs) known.set(runId, workflowId);
    }
    for (const run of runs) if (!known.has(run.runId) && (await this.exists(run))) known.set(run.runId, run.workflowId);
    return known;
  }

  /** What happened in a run, from its beginning; nothing where Temporal has forgotten it meanwhile. */
  async* events({ workflowId, runId }: { readonly workflowId: string; readonly runId: string }): AsyncGenerator<HistoryEvent> {
    let token: Uint8Array = new Uint8Array();
    do {
      const page = await unlessAbsent(this.call((service, namespace) =>
        service.getWorkflowExecutionHistory({ namespace, execution: { workflowId, runId }, maximumPageSize: EVENTS_A_PAGE, nextPageToken: token })));
      yield* page?.history?.events ?? [];
      token = page?.nextPageToken ?? new Uint8Array();
    } while (token.length > 0);
  }

  private async exists({ workflowId, runId }: { readonly workflowId: string; readonly runId: string }): Promise<boolean> {
    return (await unlessAbsent(this.call((service, namespace) => service.describeWorkflowExecution({ namespace, execution: { workflowId, runId } })))) !== undefined;
  }

  private call<T>(work: (service: Client['workflowService'], namespace: string) => Promise<T>): Promise<T> {
    return this.client.withDeadline(Date.now() + CALL_MS, () => work(this.client.workflowService, this.client.options.namespace));
  }
}

async function unlessAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isGrpcServiceError(error) && ABSENT.has(error.code)) return undefined;
    throw error;
  }
}
