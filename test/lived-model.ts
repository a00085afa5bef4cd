import { ROLES } from '../src/contracts/roles.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { AuditLedger } from '../src/registry/audit-ledger.js';
import { makeApiKeys } from '../src/registry/migrate.js';
import { eventually, type Installation } from './installation.js';
import { asOfWeek, smallSpec, smallUseCase, writeEvents } from './small-model.js';

/** The name that the API's document gives as an example of a model. */
export const LIVED_MODEL = 'flight-delay';
/** Somebody whose roles and keys may be changed at will. */
export const LEAVER = 'ann';

/** The spec of {@link LIVED_MODEL}. */
export const livedSpec = (): string => smallSpec({ model: LIVED_MODEL, data: 'events', parameters: { rounds: 5, max_depth: 2 }, useCase: smallUseCase(), gates: { absolute: [{ metric: 'auc', min: 0.51 }], comparison: { metric: 'auc' } } });

/**
 * A model with a version in service, its validation, an alarm, a finding, an experiment and a batch of labels, so that routes have something to find.
 * @returns the key of somebody who has every role for all models, and the ids of an alarm and a command
 */
export async function liveModel(perennial: Installation): Promise<{ readonly key: string; readonly alarm: string; readonly command: string }> {
  const [key] = (await makeApiKeys(perennial.instance.servers.ownerDatabaseUrl, [{ name: 'everybody', roles: [...ROLES] }, { name: LEAVER, roles: ['approver'] }])) as [string, string];
  const as = { authorization: `Bearer ${key}` };
  await writeEvents(perennial.dataDir, 'events');
  await perennial.apply(livedSpec());
  const made = await perennial.awaitCandidate(LIVED_MODEL, await perennial.requestRetrain(LIVED_MODEL, { asOf: asOfWeek(8) }));
  if (made.outcome !== 'promoted') throw new Error(`The version was not promoted: ${JSON.stringify(made)}`);
  for (const [path, body] of [
    ['findings', { severity: 'low', title: 'Few rows are red', evidenceNeeded: 'A table', owner: LEAVER, dueAt: '2199-01-01' }],
    ['experiments', { name: 'a first try', parameters: { rounds: 5 }, dataVersion: 'd', codeVersion: 'c', metrics: { auc: 0.5 } }],
    ['labels', { labels: [{ prediction_id: 'x', label: 1 }] }],
    ['legal-holds', { reason: 'a complaint' }],
  ] as const) {
    const { status, body: answer } = await perennial.call('POST', `/v1/models/${LIVED_MODEL}/${path}`, body, as);
    if (status >= 300) throw new Error(`${path} answered ${status}: ${JSON.stringify(answer)}`);
  }
  const alarms = new AlarmsRepository(perennial.registry, new AuditLedger(perennial.registry));
  const { id: alarm } = await alarms.raise({
    kind: 'observationsShed', severity: 'warning', model: LIVED_MODEL, deployment: 'default', subject: 'gateway/a', dedupKey: 'lived', summary: 'A gateway shed observations', details: {}, test: false,
  }, new Date(), { workflowId: null, runId: null });
  const command = await eventually(async () => (await perennial.registry.query<{ id: string }[]>('SELECT id FROM command WHERE model = $1 LIMIT 1', [LIVED_MODEL]))[0]?.id, () => 'a command');
  return { key, alarm, command };
}
