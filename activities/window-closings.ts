import { Injectable } from '@nestjs/common';
import type { WindowCompleteness, WindowId } from '../src/contracts/window-assessment.js';
import { completenessOf, type GatewayStanding, SILENT_MS } from '../src/observations/window-completeness.js';
import type { GatewayLease } from '../src/registry/entities/gateway.entity.js';
import { GatewaysRepository } from '../src/registry/gateways.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';

export interface WindowClosing {
  readonly completeness: WindowCompleteness;
  /** Wall time at which the window's last predictions were received, milliseconds since 1970. */
  readonly endedMs: number;
}

/** Whether what was answered in a window is on the record. */
@Injectable()
export class WindowClosings {
  constructor(
    private readonly gateways: GatewaysRepository,
    private readonly observations: ObservationsRepository,
  ) {}

  /** @param leadMs of the deployment's event time over its receipt: a replay of the past receives it today */
  async of(window: WindowId, leadMs: number): Promise<WindowClosing> {
    const behindMs = Math.min(0, leadMs);
    const received = { fromMs: window.fromMs - behindMs, untilMs: window.untilMs - behindMs };
    const [leases, unconverted] = [await this.gateways.leasesSince(new Date(received.fromMs - SILENT_MS)), await this.observations.unconvertedWithin(window)];
    return { completeness: completenessOf(leases.map(standingOf), received, unconverted), endedMs: received.untilMs };
  }
}

function standingOf({ gateway, renewedAt, expiresAt, observationLog }: GatewayLease): GatewayStanding {
  const kept = observationLog?.keptUntil ?? null;
  return { gateway, renewedAtMs: renewedAt.getTime(), ended: expiresAt.getTime() <= renewedAt.getTime(), keptUntilMs: kept === null ? null : Date.parse(kept) };
}
