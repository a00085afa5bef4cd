import { setTimeout as sleep } from 'node:timers/promises';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { FiguresRepository, OperationFigures } from '../../registry/figures.repository.js';

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Scrapes within this time share one look at the record: nobody can load PostgreSQL by scraping. */
const FIGURES_HOLD_MS = 1_000;
const FIGURES_TIMEOUT_MS = 2_000;

const FIGURES: Readonly<Record<keyof OperationFigures, readonly [string, string]>> = {
  commandsWaiting: ['perennial_commands_waiting', 'Accepted commands that no workflow has settled yet.'],
  retrainsOpen: ['perennial_retrains_open', 'Retrains that have not ended.'],
  rollbacksOpen: ['perennial_rollbacks_open', 'Rollbacks that have not ended.'],
  releasesOpen: ['perennial_releases_open', 'Releases that have not ended, queued ones too.'],
  gatewaysLive: ['perennial_gateways_live', 'Gateways with a live lease.'],
  gatewaysBehind: ['perennial_gateways_behind', 'Live gateways that do not serve the newest routing of some deployment yet.'],
  alarmsOpen: ['perennial_alarms_open', 'Alarms that have not ended, tests left out.'],
  alarmsUndelivered: ['perennial_alarms_undelivered', 'Alarms that their receiver has not acknowledged or, when their snooze had passed, not again; snoozed ones and tests left out.'],
  auditWaiting: ['perennial_audit_entries_waiting', 'Entries of the audit ledger that are not in its tree yet.'],
  auditUnsigned: ['perennial_audit_entries_unsigned', 'Entries in the tree that no signed checkpoint stands over yet; below zero where the database was set back.'],
  auditRefusals: ['perennial_audit_refusals', 'How often a checkpoint was refused, because the tree did not continue the one before; any is a reason to look.'],
  auditSinksBehind: ['perennial_audit_sinks_behind', 'Places outside where the copy of a checkpoint of the audit ledger has waited for longer than a minute.'],
  auditSinkLag: ['perennial_audit_sink_lag_seconds', 'For how long a checkpoint has waited at the place outside that is furthest behind.'],
};

/** What the API says of itself and of the record, in Prometheus' format. */
export class ApiMetrics {
  private readonly registry = new Registry();
  private readonly gauges = new Map<keyof OperationFigures, Gauge>();
  private readonly recordUp: Gauge;
  private readonly latency: Histogram<'method' | 'route' | 'status'>;
  private figures: { readonly atMs: number; readonly read: Promise<OperationFigures | undefined> } | undefined;

  constructor(private readonly record: FiguresRepository) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.latency = new Histogram({ name: 'perennial_http_request_duration_seconds', help: 'From the request to the end of its answer, by route template and class of status.', labelNames: ['method', 'route', 'status'], buckets: BUCKETS_S, registers });
    this.recordUp = new Gauge({ name: 'perennial_record_up', help: 'Whether PostgreSQL answered this scrape; without it the figures of the record are left out.', registers });
    for (const [figure, [name, help]] of Object.entries(FIGURES) as [keyof OperationFigures, readonly [string, string]][]) this.gauges.set(figure, new Gauge({ name, help, registers }));
  }

  readonly contentType = this.registry.contentType;

  /** @param route the template that the router matched; undefined where none did: paths are the callers' to choose, series are not */
  observe(method: string, route: string | undefined, status: number, ms: number): void {
    this.latency.observe({ method, route: route ?? 'none', status: `${Math.floor(status / 100)}xx` }, ms / 1_000);
  }

  async scrape(now: Date): Promise<string> {
    const figures = await this.heldFigures(now);
    this.recordUp.set(figures ? 1 : 0);
    for (const [figure, gauge] of this.gauges) {
      if (figures) gauge.set(figures[figure]);
      else gauge.remove();
    }
    return this.registry.metrics();
  }

  private heldFigures(now: Date): Promise<OperationFigures | undefined> {
    if (!this.figures || now.getTime() - this.figures.atMs >= FIGURES_HOLD_MS) {
      this.figures = { atMs: now.getTime(), read: Promise.race([this.record.at(now).catch(() => undefined), sleep(FIGURES_TIMEOUT_MS, undefined, { ref: false })]) };
    }
    return this.figures.read;
  }
}
