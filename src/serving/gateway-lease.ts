import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayIdentity } from '../registry/gateways.repository.js';

const RENEW_MS = 1_500;
const LEASE_MS = 6_000;

interface LeaseRecord {
  renew(identity: GatewayIdentity, now: Date, expiresAt: Date): Promise<void>;
  expire(identity: GatewayIdentity, now: Date): Promise<void>;
}

/** Tells the record that this gateway runs, so that a change of routing waits for it. */
export class GatewayLeaseKeeper {
  private readonly stopping = new AbortController();
  private loop: Promise<void> | undefined;

  constructor(
    private readonly gateways: LeaseRecord,
    readonly identity: GatewayIdentity,
  ) {}

  /** Returns once the lease is held, or the keeper was ended: nobody may take this gateway for absent when it begins to serve. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.loop ??= this.run(resolve).finally(resolve);
    });
  }

  /** Lets the lease expire at once, so that nobody waits for a gateway that has gone. */
  async end(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await this.gateways.expire(this.identity, new Date());
  }

  private async run(onHeld: () => void): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const now = Date.now();
      // The follower reports a record that does not answer; a lease that is missed once is renewed by the next turn.
      await this.gateways.renew(this.identity, new Date(now), new Date(now + LEASE_MS)).then(onHeld, () => undefined);
      await sleep(RENEW_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }
}
