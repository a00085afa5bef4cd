import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { alarmListSchema } from '../../src/api/alarms/alarms.dto.js';
import { RECONCILE_SCHEDULE_ID } from '../../src/contracts/motion.js';
import { AlarmsRepository } from '../../src/registry/alarms.repository.js';
import { AuditLedger } from '../../src/registry/audit-ledger.js';
import { eventually, Installation } from '../installation.js';

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.start();
});
afterAll(() => installation?.stop());

it('a fresh installation is the receiver of its own alarms: signed, over HTTP, and sent again by reconciliation', async () => {
  const { registry, temporal } = installation;
  const { id } = await new AlarmsRepository(registry, new AuditLedger(registry)).raise(
    { kind: 'observationsShed', severity: 'critical', model: null, deployment: null, subject: 'gateway/a', dedupKey: 'shed/a', summary: 'The gateway cannot keep its log', details: {}, test: false },
    new Date(), { workflowId: null, runId: null },
  );
  // The worker makes the schedule when it is up. A round may have looked before the alarm was there, and of two in one second Temporal makes one: asked for until it comes.
  const reconcile = temporal.schedule.getHandle(RECONCILE_SCHEDULE_ID);
  let seen: unknown;
  const delivered = await eventually(async () => {
    await reconcile.trigger(ScheduleOverlapPolicy.BUFFER_ONE).catch(() => undefined);
    await pause(1_500);
    const { items } = alarmListSchema.parse((await installation.call('GET', '/v1/alarms')).body);
    const alarm = items.find((item) => item.id === id);
    seen = alarm?.delivery;
    return alarm?.delivery.deliveredAt ? alarm : undefined;
  }, () => `the alarm to arrive; its delivery: ${JSON.stringify(seen)}`);
  expect(delivered.delivery).toMatchObject({ lastStatus: 200, lastReason: null });
  expect(await registry.query('SELECT message_id, subject, test FROM alarm_receipt')).toEqual([{ message_id: id, subject: 'gateway/a', test: false }]);

  const file = join(installation.environment.STATE_DIR, 'alarm-webhook-secret');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const secret = readFileSync(file, 'utf8').trim().slice('whsec_'.length);
  for (const role of ['api', 'worker', 'trainer', 'gateway']) expect(readFileSync(join(installation.environment.STATE_DIR, 'logs', `${role}.log`), 'utf8')).not.toContain(secret);

  const metrics = await (await fetch(`${installation.instance.apiUrl}/metrics`)).text();
  expect(metrics).toMatch(/^perennial_alarms_undelivered 0$/m);
  expect(metrics).toMatch(/^perennial_gateways_live 1$/m);
  expect(metrics).toContain('route="/v1/alarms/receipts",status="2xx"');
});
