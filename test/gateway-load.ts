import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LoadAnswer {
  /** null: the connection was cut before an answer. */
  readonly status: number | null;
  readonly predictionId: string;
  readonly type: string | undefined;
  readonly version: string | undefined;
  readonly epoch: number | undefined;
  readonly stale: boolean;
  readonly positive: number | undefined;
}

export interface LoadOrders {
  readonly url: string;
  readonly model: string;
  /** Of each row. */
  readonly row: readonly number[];
  readonly rows?: number;
  readonly callers?: number;
  /** Between an answer and the next request. */
  readonly pauseMs?: number;
  /** Begins the prediction ids; unique in a test. */
  readonly name: string;
}

interface Body {
  readonly type?: string;
  readonly model_version?: string;
  readonly parameters?: { readonly epoch?: number; readonly stale?: boolean };
  readonly outputs?: readonly { readonly data: readonly number[] }[];
}

/** Callers that each have one connection and ask again when they are answered. */
export class GatewayLoad {
  /** By connection, in the order of its answers. */
  readonly connections: LoadAnswer[][];
  private readonly ended: Promise<unknown>;
  private going = true;

  constructor(private readonly orders: LoadOrders) {
    this.connections = Array.from({ length: orders.callers ?? 4 }, () => []);
    this.ended = Promise.all(this.connections.map(async (answers, caller) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (let at = 0; this.going && answers.at(-1)?.status !== null; at++) {
        answers.push(await this.ask(agent, `${orders.name}-${caller}-${at}`));
        if (orders.pauseMs) await sleep(orders.pauseMs);
      }
      agent.destroy();
    }));
  }

  get answers(): LoadAnswer[] {
    return this.connections.flat();
  }

  /** A caller whose connection is cut ends by itself. */
  async end(): Promise<void> {
    this.going = false;
    await this.ended;
  }

  private ask(agent: Agent, predictionId: string): Promise<LoadAnswer> {
    const { url, model, row, rows = 1 } = this.orders;
    const body = JSON.stringify({
      parameters: { prediction_id: predictionId },
      inputs: [{ name: 'features', datatype: 'FP32', shape: [rows, row.length], data: Array.from({ length: rows }, () => row).flat() }],
    });
    return new Promise((resolve) => {
      const cut = (): void => resolve({ status: null, predictionId, type: undefined, version: undefined, epoch: undefined, stale: false, positive: undefined });
      const sent = request(`${url}/v2/models/${model}/infer`, { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', cut).on('end', () => {
          const { type, model_version: version, parameters, outputs } = JSON.parse(text) as Body;
          resolve({ status: response.statusCode ?? null, predictionId, type, version, epoch: parameters?.epoch, stale: parameters?.stale === true, positive: outputs?.[0]?.data[1] });
        });
      });
      sent.on('error', cut).end(body);
    });
  }
}
