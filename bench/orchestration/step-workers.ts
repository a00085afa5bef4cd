import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection, ServiceError } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { FailureInterceptor } from '../../activities/failure-interceptor.js';
import { eventSignal, OTHER_QUEUE, type signalled, type StepKind, type steps } from './steps.workflow.js';
import { timesOf } from './history-times.js';

const OWN_QUEUE = 'bench-own';
const SIGNAL_DEADLINE_MS = 10_000;

/** Workers for steps that do nothing, with the options of src/worker/worker.ts, and a client to run them. */
export class StepWorkers {
  private constructor(
    private readonly client: Client,
    private readonly workers: readonly Worker[],
    private readonly running: Promise<unknown>,
    private readonly connection: NativeConnection,
  ) {}

  static async start(address: string, namespace: string): Promise<StepWorkers> {
    const workflowsPath = fileURLToPath(new URL('./steps.workflow.js', import.meta.url));
    const bundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
    const connection = await NativeConnection.connect({ address, grpcCompression: { codec: 'none' } });
    const options = (taskQueue: string): WorkerOptions => ({
      connection, namespace, taskQueue, activities: { doNothing: async () => undefined },
      maxHeartbeatThrottleInterval: '2 seconds', shutdownGraceTime: '5 seconds',
      interceptors: { activity: [() => ({ inbound: new FailureInterceptor() })] },
    });
    const workers = [await Worker.create({ ...options(OWN_QUEUE), workflowBundle: bundle }), await Worker.create(options(OTHER_QUEUE))];
    const client = new Client({ connection: await Connection.connect({ address }), namespace });
    return new StepWorkers(client, workers, Promise.all(workers.map((worker) => worker.run())), connection);
  }

  /** @returns milliseconds from the start's call to the result. */
  async run(kind: StepKind, count: number): Promise<number> {
    const start = performance.now();
    await this.client.workflow.execute<typeof steps>('steps', { workflowId: `steps/${randomUUID()}`, taskQueue: OWN_QUEUE, args: [kind, count] });
    return performance.now() - start;
  }

  /** Sends so many signals to one workflow that makes a step of each, `atOnce` at a time. @returns how many the server took, the refusals by what they say, and seconds until the last one taken had its step */
  async signals(count: number, atOnce: number): Promise<{ taken: number; refused: ReadonlyMap<string, number>; handled: number; seconds: number }> {
    const start = performance.now();
    const handle = await this.client.workflow.start<typeof signalled>('signalled', { workflowId: `signalled/${randomUUID()}`, taskQueue: OWN_QUEUE, args: [count] });
    const refused = new Map<string, number>();
    let [next, taken] = [0, 0];
    const sendNext = async (): Promise<void> => {
      while (next < count) {
        try {
          await this.client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () => handle.signal(eventSignal, next++));
          taken += 1;
        } catch (error) {
          const why = error instanceof ServiceError && error.cause instanceof Error ? error.cause.message : String(error);
          refused.set(why, (refused.get(why) ?? 0) + 1);
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, sendNext));
    const handled = await handle.result().catch(() => 0);
    return { taken, refused, handled, seconds: (performance.now() - start) / 1_000 };
  }

  /** Looks at the history of one run: what is timed must be what is said. @throws when it is something else */
  async proveDone(kind: StepKind, count: number): Promise<void> {
    const handle = await this.client.workflow.start<typeof steps>('steps', { workflowId: `steps/${randomUUID()}`, taskQueue: OWN_QUEUE, args: [kind, count] });
    await handle.result();
    const { activities, localActivities } = timesOf(await handle.fetchHistory());
    const done = kind === 'local' ? localActivities : activities.length;
    if (done !== count) throw new Error(`The history of ${count} ${kind} steps holds ${done}`);
  }

  /** @returns milliseconds of so many calls that ask the server for nothing, one after another. */
  async roundTrips(count: number): Promise<number> {
    const start = performance.now();
    for (let done = 0; done < count; done++) await this.client.workflowService.getSystemInfo({});
    return performance.now() - start;
  }

  async stop(): Promise<void> {
    for (const worker of this.workers) worker.shutdown();
    await this.running;
    await this.client.connection.close();
    await this.connection.close();
  }
}
