import { afterEach, describe, expect, it } from 'vitest';
import type { CommandBodies, CommandKind } from '../../src/contracts/commands.js';
import { retirementWorkflowId } from '../../src/contracts/motion.js';
import { eventually } from '../installation.js';
import { smallSpec } from '../small-model.js';
import { whyNoTimeSkipping } from './server.js';
import { SkippedTime } from './skipped-time.js';

const MODEL = 'forgone';
const DAY_MS = 24 * 60 * 60 * 1_000;
const reason = whyNoTimeSkipping();
if (reason) console.log(reason);

let time: SkippedTime | undefined;

afterEach(() => time?.stop());

describe.skipIf(reason !== null)('retention over years', () => {
  // The Java server now and then loses a task on a busy machine.
  it('keeps each class until its day, longer under a legal hold, and ends when the last is gone', { retry: 2 }, async () => {
    const started = await SkippedTime.start(MODEL);
    time = started;
    const { registry: { dataSource }, temporal } = started;
    await started.registry.apiKey('ada', ['owner']);
    await started.registry.apiKey('vera', ['validator']);
    const send = async <K extends CommandKind>(actor: string, kind: K, body: CommandBodies[K]): Promise<void> => expect(await started.send(actor, kind, body)).toMatchObject({ kind });
    /** Days after gateways stopped, by step. */
    const days = async (): Promise<Record<string, number>> => {
      const steps = await dataSource.query<{ step: string; at: Date }[]>('SELECT step, at FROM retirement_step');
      const stopped = steps.find(({ step }) => step === 'stopped')?.at.getTime() ?? NaN;
      return Object.fromEntries(steps.map(({ step, at }) => [step, Math.floor((at.getTime() - stopped) / DAY_MS)]));
    };

    started.startWorker('lifecycle,data');
    await send('ada', 'apply', { source: smallSpec({ model: MODEL, retention: { predictions: 'P60D', labels: 'P90D', snapshots: 'P90D', artifacts: 'P400D', reports: 'P800D' } }) });
    await send('vera', 'setLegalHold', { reason: 'a case' });
    await send('ada', 'retire', { trigger: 'unused', replacement: null, answers: null, reason: 'nobody asks it' });
    await temporal.sleep('75 days');
    await eventually(async () => ((await dataSource.query('SELECT FROM retirement_certificate')).length === 1 ? true : undefined), () => 'the certificate');
    expect(Object.keys(await days()).filter((step) => step.startsWith('deleted'))).toEqual([]);
    await send('vera', 'liftLegalHold', { hold: 1, reason: 'closed' });
    await eventually(async () => ('deleted/predictions' in (await days()) ? true : undefined), () => 'what was due to be deleted');

    expect(await temporal.client.workflow.getHandle(retirementWorkflowId(MODEL)).result()).toEqual({ number: 1, outcome: 'retired' });
    const found = await days();
    expect(found['deleted/predictions']).toBeGreaterThanOrEqual(60);
    expect(found).toMatchObject({ 'deleted/labels': 90, 'deleted/snapshots': 90, 'deleted/artifacts': 400, 'deleted/reports': 800 });
    expect((await dataSource.query<{ evidence: string[] }[]>('SELECT evidence FROM retirement_certificate ORDER BY edition')).map(({ evidence }) => evidence.length)).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
