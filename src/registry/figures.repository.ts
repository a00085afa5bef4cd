import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { dueAlarms } from './alarm-actions.js';

/** How much is waiting, open and behind at one moment. */
export interface OperationFigures {
  readonly commandsWaiting: number;
  readonly retrainsOpen: number;
  readonly rollbacksOpen: number;
  readonly releasesOpen: number;
  readonly gatewaysLive: number;
  /** Live gateways that do not serve the newest revision of some deployment yet. */
  readonly gatewaysBehind: number;
  /** Without tests. */
  readonly alarmsOpen: number;
  /** Without those that are snoozed; with those whose snooze has passed and that were not sent again. */
  readonly alarmsUndelivered: number;
  /** Entries that are not in the tree of the ledger yet. */
  readonly auditWaiting: number;
  /** Entries in the tree that no checkpoint stands over. */
  readonly auditUnsigned: number;
  readonly auditRefusals: number;
  /** Of the places outside that are set: where the copy of a checkpoint has waited for longer than a minute. */
  readonly auditSinksBehind: number;
  /** In seconds, at the place where one has waited longest. */
  readonly auditSinkLag: number;
}

/** For each place that copies of checkpoints go to, for how long the oldest that is not there has waited. */
const sinkWaits = (now: string): string =>
  `SELECT greatest(0, extract(epoch FROM ${now}::timestamptz - min(checkpoint.at))) AS seconds FROM audit_sink sink JOIN audit_checkpoint checkpoint ON checkpoint.size > sink.size WHERE sink.active GROUP BY sink.sink`;

/** Counts over the record, for operators. */
@Injectable()
export class FiguresRepository {
  constructor(private readonly dataSource: DataSource) {}

  async at(now: Date): Promise<OperationFigures> {
    const [figures]: OperationFigures[] = await this.dataSource.query(
      `SELECT (SELECT count(*)::int FROM command WHERE state = 'accepted') AS "commandsWaiting",
         (SELECT count(*)::int FROM retrain WHERE outcome IS NULL) AS "retrainsOpen",
         (SELECT count(*)::int FROM rollback WHERE outcome IS NULL) AS "rollbacksOpen",
         (SELECT count(*)::int FROM release WHERE outcome IS NULL) AS "releasesOpen",
         (SELECT count(*)::int FROM gateway_lease WHERE expires_at > $1) AS "gatewaysLive",
         (SELECT count(DISTINCT lease.gateway)::int FROM gateway_lease lease CROSS JOIN routing
            LEFT JOIN gateway_acknowledgement known
              ON known.gateway = lease.gateway AND known.boot = lease.boot AND known.model = routing.model AND known.deployment = routing.deployment
            WHERE lease.expires_at > $1 AND coalesce(known.revision, 0) < routing.revision) AS "gatewaysBehind",
         (SELECT count(*)::int FROM alarm LEFT JOIN alarm_end ON alarm_id = id WHERE alarm_id IS NULL AND NOT test) AS "alarmsOpen",
         (SELECT count(*)::int FROM (${dueAlarms('$1')}) waiting) AS "alarmsUndelivered",
         (SELECT count(*)::int FROM audit_pending) AS "auditWaiting",
         (SELECT (coalesce((SELECT max(position) + 1 FROM audit_leaf), 0) - coalesce((SELECT max(size) FROM audit_checkpoint), 0))::int) AS "auditUnsigned",
         (SELECT count(*)::int FROM audit_refusal) AS "auditRefusals",
         (SELECT count(*)::int FROM (${sinkWaits('$1')}) waiting WHERE seconds > 60) AS "auditSinksBehind",
         (SELECT coalesce(max(seconds), 0)::float8 FROM (${sinkWaits('$1')}) waiting) AS "auditSinkLag"`,
      [now],
    );
    return figures as OperationFigures;
  }
}
