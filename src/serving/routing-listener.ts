import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { causeOf, type GatewayLog } from './gateway-log.js';

const RECONNECT_FIRST_MS = 250;
const RECONNECT_MAX_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Hears PostgreSQL's announcements of changed routing on a connection of its own, made again when it is lost. It only
 * makes gateways quicker: what an announcement lost is found by the next poll.
 */
export class RoutingListener {
  private readonly stopping = new AbortController();
  private client: pg.Client | undefined;
  private loop: Promise<void> | undefined;

  constructor(
    private readonly databaseUrl: string,
    private readonly onChange: () => void,
    private readonly log: GatewayLog,
  ) {}

  start(): void {
    this.loop ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.client?.end().catch(() => undefined);
    await this.loop;
  }

  private async run(): Promise<void> {
    let delayMs = RECONNECT_FIRST_MS;
    while (!this.stopping.signal.aborted) {
      try {
        await this.listen(() => (delayMs = RECONNECT_FIRST_MS));
      } catch (error) {
        this.log.warn({ ...causeOf(error), retryInMs: delayMs }, 'Announcements of routing cannot be heard; polling goes on');
      }
      await sleep(delayMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      delayMs = Math.min(delayMs * 2, RECONNECT_MAX_MS);
    }
  }

  /** Returns when the connection ends. */
  private async listen(onConnected: () => void): Promise<void> {
    const client = new pg.Client({
      connectionString: this.databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, keepAlive: true, application_name: 'perennial-gateway',
    });
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.on('error', () => void client.end().catch(() => undefined));
    client.on('notification', () => this.onChange());
    this.client = client;
    try {
      await client.connect();
      await client.query('LISTEN routing');
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    onConnected();
    // What was announced before this connection heard it.
    this.onChange();
    if (this.stopping.signal.aborted) await client.end();
    await ended;
  }
}
