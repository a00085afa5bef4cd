import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { quantile } from '../statistics.js';

/**
 * Sends one request over and over, from a process of its own, on plain sockets: an HTTP client would cost as much as the
 * server. Closed loop: each connection sends its next request when the answer has come. Open loop: requests are due at
 * fixed times whatever happens, and latency counts from then, so that a server that stalls cannot hide it.
 */
export interface Load {
  readonly port: number;
  readonly path: string;
  /** File with the body. */
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
  /** Not counted. */
  readonly warmUpSeconds: number;
  /** Requests a second of an open loop; 0: closed. */
  readonly rate: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly perSecond: number;
  /** Answers by status; 0 for a connection that broke. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** 99 % quantile in each half second. */
  readonly p99s: readonly number[];
  /** Share of a processor that the generator itself took. */
  readonly processor: number;
}

const WINDOW_MS = 500;
const HEAD_END = Buffer.from('\r\n\r\n');

class Connection {
  private readonly socket: Socket;
  private due = NaN;
  private left = 0;
  private pending: Buffer | null = null;

  constructor(port: number, private readonly request: Buffer, private readonly onAnswer: (connection: Connection, dueMs: number, status: number) => void) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      if (!Number.isNaN(this.due)) this.onAnswer(this, this.due, 0);
    });
  }

  send(dueMs: number): void {
    this.due = dueMs;
    this.socket.write(this.request);
  }

  end(): void {
    this.due = NaN;
    this.socket.destroy();
  }

  private status = 0;

  private read(chunk: Buffer): void {
    if (this.left > 0) this.left -= chunk.length;
    else {
      const all = this.pending ? Buffer.concat([this.pending, chunk]) : chunk;
      const end = all.indexOf(HEAD_END);
      this.pending = end < 0 ? all : null;
      if (end < 0) return;
      const head = all.toString('latin1', 0, end);
      this.status = Number(head.slice(9, 12));
      this.left = Number(/content-length: (\d+)/i.exec(head)?.[1]) - (all.length - end - HEAD_END.length);
    }
    if (this.left > 0) return;
    const { due } = this;
    this.due = NaN;
    this.onAnswer(this, due, this.status);
  }
}

async function generate({ port, path, body, connections, seconds, warmUpSeconds, rate }: Load): Promise<LoadReport> {
  const bytes = readFileSync(body);
  const request = Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\ncontent-length: ${bytes.length}\r\n\r\n`), bytes]);
  const latencies: number[] = [];
  const windows: number[][] = [];
  const statuses: Record<string, number> = {};
  const startMs = performance.now() + 200 + warmUpSeconds * 1_000;
  const endMs = startMs + seconds * 1_000;
  const free: Connection[] = [];
  const overdue: number[] = [];
  const answered = (connection: Connection, dueMs: number, status: number): void => {
    const nowMs = performance.now();
    if (dueMs >= startMs && dueMs < endMs) {
      statuses[status] = (statuses[status] ?? 0) + 1;
      latencies.push(nowMs - dueMs);
      (windows[Math.floor((dueMs - startMs) / WINDOW_MS)] ??= []).push(nowMs - dueMs);
    }
    if (status === 0 || nowMs >= endMs) return;
    if (rate === 0) connection.send(nowMs);
    else if (overdue.length > 0) connection.send(overdue.shift()!);
    else free.push(connection);
  };
  const all = Array.from({ length: connections }, () => new Connection(port, request, answered));
  await new Promise((settle) => setTimeout(settle, 200));
  const usage = process.cpuUsage();
  const begunMs = performance.now();
  if (rate === 0) for (const connection of all) connection.send(begunMs);
  else {
    free.push(...all);
    await openLoop(rate, begunMs, endMs, (dueMs) => {
      const connection = free.pop();
      if (connection) connection.send(dueMs);
      else overdue.push(dueMs);
    });
  }
  await new Promise((settle) => setTimeout(settle, Math.max(0, endMs - performance.now()) + 300));
  const { user, system } = process.cpuUsage(usage);
  const processor = (user + system) / 1e3 / (performance.now() - begunMs);
  for (const connection of all) connection.end();
  const missing = overdue.filter((dueMs) => dueMs >= startMs).length;
  if (missing > 0) statuses['unsent'] = missing;
  const at = (share: number): number => (latencies.length > 0 ? quantile(latencies, share) : NaN);
  return { requests: latencies.length, perSecond: latencies.length / seconds, statuses, p50: at(0.5), p99: at(0.99), max: at(1), p99s: windows.map((window) => quantile(window, 0.99)), processor };
}

/** Calls `send` for each request that is due, looking at the clock once a turn of the event loop. */
function openLoop(rate: number, begunMs: number, endMs: number, send: (dueMs: number) => void): Promise<void> {
  return new Promise((settle) => {
    let sent = 0;
    const turn = (): void => {
      const nowMs = performance.now();
      for (let dueMs = begunMs + (sent * 1_000) / rate; dueMs <= nowMs && dueMs < endMs; dueMs = begunMs + (sent * 1_000) / rate) {
        send(dueMs);
        sent += 1;
      }
      if (nowMs >= endMs) settle();
      else setTimeout(turn, 1);
    };
    turn();
  });
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(await generate(JSON.parse(process.argv[2]!) as Load)));
