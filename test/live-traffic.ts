import { setTimeout as pause } from 'node:timers/promises';
import type { Installation } from './installation.js';

const HOUR_MS = 3_600_000;
const ROWS = 100;
const PATIENCE_MS = 150_000;
/** Between two requests. */
const PACE_MS = 200;
/** The small model's labels take a day. */
const HORIZON_HOURS = 24;
const LABELS_EVERY_HOURS = 6;

/** Requests in an event time of their own, an hour of it in a moment, with labels that come when their horizon has passed. */
export class LiveTraffic {
  truth: 'real' | 'inverted';
  private hour = 0;
  private seed = 1;
  private readonly start = Date.parse('2024-04-01T00:00:00.000Z');
  private readonly waiting: { readonly hour: number; readonly lines: string }[] = [];

  constructor(
    private readonly perennial: Installation,
    private readonly model: string,
    { truth = 'real' }: { readonly truth?: 'real' | 'inverted' } = {},
  ) {
    this.truth = truth;
  }

  /** Goes on until there is an answer. */
  async until<T>(ask: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (Date.now() > end) throw new Error(`Waited ${PATIENCE_MS / 1_000} s in vain for ${this.model}, at hour ${this.hour}`);
      await this.next();
      await pause(PACE_MS);
    }
  }

  private async next(): Promise<void> {
    const rows = Array.from({ length: ROWS }, () => ({ size: this.random(), age: this.random(), colour: Math.floor(this.random() * 3), noise: this.random() }));
    const id = `${this.model}-${this.hour}`;
    const response = await fetch(`${this.perennial.instance.gatewayUrl}/v2/models/${this.model}/infer`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        parameters: { prediction_id: id, entity_key: `customer-${this.hour % 97}`, event_time: new Date(this.start + this.hour * HOUR_MS).toISOString() },
        inputs: [{ name: 'features', shape: [ROWS, 3], datatype: 'FP32', data: rows.flatMap(({ size, age, colour }) => [size, age, colour]) }],
      }),
    });
    if (response.status !== 200) throw new Error(`infer answered ${response.status}: ${await response.text()}`);
    const lines = rows.map(({ size, age, colour, noise }, row) => {
      const bought = size + 0.3 * age + (colour === 2 ? 0.3 : 0) + noise * 0.4 > 0.95;
      return `${id}/${row},${bought === (this.truth === 'real') ? 1 : 0}`;
    });
    this.waiting.push({ hour: this.hour, lines: lines.join('\n') });
    this.hour += 1;
    await this.label();
  }

  private async label(): Promise<void> {
    if (this.hour % LABELS_EVERY_HOURS !== 0) return;
    const due = this.waiting.findLastIndex(({ hour }) => hour + HORIZON_HOURS - LABELS_EVERY_HOURS <= this.hour);
    if (due < 0) return;
    const lines = this.waiting.splice(0, due + 1).map((batch) => batch.lines).join('\n');
    const { status, body } = await this.perennial.call('POST', `/v1/models/${this.model}/labels`, `prediction_id,label\n${lines}\n`, { 'content-type': 'text/csv' });
    if (status !== 202) throw new Error(`labels answered ${status}: ${JSON.stringify(body)}`);
  }

  /** mulberry32 */
  private random(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
