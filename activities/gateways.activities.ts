import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { shedAlarm, shedAlarmKey } from '../src/alarms/shed-alarm.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import type { Alarm } from '../src/registry/entities/alarm.entity.js';
import type { GatewayLease } from '../src/registry/entities/gateway.entity.js';
import { GatewaysRepository } from '../src/registry/gateways.repository.js';
import { heartbeating, origin } from './activity-context.js';

export interface GatewayReport {
  /** Alarms that were raised, and that ended. */
  readonly raised: number;
  readonly ended: number;
}

const POLL_MS = 50;

/** Whether the gateways follow the routing, and can keep what they answer. */
@Injectable()
export class GatewayActivities {
  constructor(
    private readonly gateways: GatewaysRepository,
    private readonly alarms: AlarmsRepository,
  ) {}

  /** Waits until every live gateway serves the revision. @returns those that did not in time. */
  async awaitGateways(model: string, deployment: string, revision: number, withinMs: number): Promise<string[]> {
    return heartbeating(async (signal) => {
      const until = Date.now() + withinMs;
      for (;;) {
        const behind = await this.gateways.behind(model, deployment, revision, new Date());
        if (behind.length === 0 || Date.now() >= until) return behind;
        await pause(POLL_MS, undefined, { signal });
      }
    });
  }

  /** Whether an alarm is to be raised or ended. */
  async isDue(): Promise<boolean> {
    const { began, over } = await this.changes();
    return began.length + over.length > 0;
  }

  /** Raises an alarm for each gateway that sheds observations, and ends it when it keeps them again or runs no more. */
  async checkGateways(): Promise<GatewayReport> {
    const { began, over } = await this.changes();
    let [raised, ended] = [0, 0];
    for (const { gateway, observationLog } of began) {
      if (observationLog && (await this.alarms.raise(shedAlarm(gateway, observationLog), new Date(), origin())).raised) raised += 1;
    }
    for (const { alarm, reason } of over) if (await this.alarms.end(alarm.id, reason, new Date(), origin())) ended += 1;
    return { raised, ended };
  }

  private async changes(): Promise<{ began: GatewayLease[]; over: { alarm: Alarm; reason: string }[] }> {
    const [live, open] = await Promise.all([this.gateways.live(new Date()), this.alarms.openOf('observationsShed')]);
    const shedding = live.filter(({ observationLog }) => observationLog?.shedding);
    const named = new Map(live.map((lease) => [shedAlarmKey(lease.gateway), lease]));
    return {
      began: shedding.filter(({ gateway }) => !open.some(({ dedupKey }) => dedupKey === shedAlarmKey(gateway))),
      over: open.flatMap((alarm) => {
        const lease = named.get(alarm.dedupKey);
        if (lease?.observationLog?.shedding) return [];
        return [{ alarm, reason: lease ? `It keeps observations again; ${lease.observationLog?.shedObservations ?? 0} were lost since it started` : 'The gateway runs no more' }];
      }),
    };
  }
}
