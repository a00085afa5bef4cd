import { afterEach, describe, expect, it } from 'vitest';
import { useCaseApprovalWorkflowId } from '../../src/contracts/motion.js';
import { smallSpec, smallUseCase } from '../small-model.js';
import { whyNoTimeSkipping } from './server.js';
import { SkippedTime } from './skipped-time.js';

const MODEL = 'patient';
const reason = whyNoTimeSkipping();
if (reason) console.log(reason);

let time: SkippedTime | undefined;

afterEach(() => time?.stop());

describe.skipIf(reason !== null)('an approval that takes weeks', () => {
  // The Java server now and then loses a task on a busy machine.
  it('keeps its reminders and its end, with a vote that is not enough', { retry: 2 }, async () => {
    time = await SkippedTime.start(MODEL);
    const { registry: { dataSource }, temporal } = time;
    await time.registry.apiKey('ada', ['owner']);
    await time.registry.apiKey('ben', ['approver']);

    time.startWorker('lifecycle');
    await time.send('ada', 'apply', { source: smallSpec({ model: MODEL, tier: 'high', useCase: smallUseCase({ within: 'P28D', remindEvery: 'P7D' }) }) });
    await time.untilTold(1);
    const { digest } = (await dataSource.query<{ digest: string }[]>('SELECT digest FROM approval'))[0]!;
    await time.send('ben', 'vote', { approval: 1, choice: 'approve', digest, reason: 'sound' });
    await temporal.sleep('8 days');
    await time.untilTold(2);

    await temporal.sleep('8 days');
    await time.untilTold(3);
    expect(await dataSource.query('SELECT outcome FROM approval_end')).toEqual([]);
    const result = await temporal.client.workflow.getHandle(useCaseApprovalWorkflowId(MODEL)).result() as unknown;
    expect(result).toMatchObject({ number: 1, outcome: 'expired', reason: expect.stringMatching(/^Not decided by .*Z\. ben: approve\.$/) as string });
    expect(await time.words()).toBe(4);
    expect(await dataSource.query('SELECT outcome FROM approval_end')).toEqual([{ outcome: 'expired' }]);
    expect(await time.open()).toBe(0);
  });
});
