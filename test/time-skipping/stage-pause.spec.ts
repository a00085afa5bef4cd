import { afterEach, describe, expect, it } from 'vitest';
import { useCaseApprovalWorkflowId } from '../../src/contracts/motion.js';
import { eventually } from '../installation.js';
import { smallSpec, smallUseCase } from '../small-model.js';
import { whyNoTimeSkipping } from './server.js';
import { SkippedTime } from './skipped-time.js';

const MODEL = 'halted';
const DAY_MS = 24 * 60 * 60 * 1_000;
const reason = whyNoTimeSkipping();
if (reason) console.log(reason);

let time: SkippedTime | undefined;

afterEach(() => time?.stop());

describe.skipIf(reason !== null)('a pause of 40 days', () => {
  // The Java server now and then loses a task on a busy machine.
  it('leaves an approval the time that was left, and nobody is reminded meanwhile', { retry: 2 }, async () => {
    const started = await SkippedTime.start(MODEL);
    time = started;
    const { registry: { dataSource }, temporal } = started;
    await started.registry.apiKey('ada', ['owner']);
    await started.registry.apiKey('ben', ['approver']);
    const steer = (action: 'pause' | 'resume'): Promise<unknown> => started.send('ada', 'steerStage', { stage: 'useCaseApproval', action, version: null, reason: 'the board is away' }, action);

    started.startWorker('lifecycle');
    await started.send('ada', 'apply', { source: smallSpec({ model: MODEL, tier: 'high', useCase: smallUseCase({ within: 'P28D', remindEvery: 'P7D' }) }) });
    await started.untilTold(1);
    await temporal.sleep('8 days');
    await started.untilTold(2);
    expect(await steer('pause')).toMatchObject({ kind: 'steerStage', action: 'pause', subject: 1 });
    await eventually(async () => ((await started.open()) === 0 ? true : undefined), () => 'nobody to be told any more');
    const { digest } = (await dataSource.query<{ digest: string }[]>('SELECT digest FROM approval'))[0]!;
    await temporal.sleep('40 days');
    expect(await started.send('ben', 'vote', { approval: 1, choice: 'approve', digest, reason: 'sound' }, 'while paused')).toMatchObject({ kind: 'refused', type: 'StagePaused' });
    expect(await started.words()).toBe(2);
    expect(await dataSource.query('SELECT outcome FROM approval_end')).toEqual([]);

    expect(await steer('resume')).toMatchObject({ kind: 'steerStage', action: 'resume' });
    await started.untilTold(3);
    expect(await started.send('ben', 'vote', { approval: 1, choice: 'approve', digest, reason: 'sound' }, 'afterwards')).toMatchObject({ kind: 'vote', outcome: null });
    expect(await temporal.client.workflow.getHandle(useCaseApprovalWorkflowId(MODEL)).result()).toMatchObject({ number: 1, outcome: 'expired' });
    const [times] = await dataSource.query<{ opened: Date; ended: Date }[]>('SELECT opened_at AS opened, at AS ended FROM approval JOIN approval_end ON approval_end.approval = number');
    const days = (times!.ended.getTime() - times!.opened.getTime()) / DAY_MS;
    expect(days).toBeGreaterThanOrEqual(68);
    expect(days).toBeLessThan(69);
    expect(await started.words()).toBe(5);
    expect(await started.open()).toBe(0);
  });
});
