import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { goLiveAlarm } from '../../src/alarms/go-live-alarm.js';
import { GoLivesRepository } from '../../src/registry/go-lives.repository.js';
import { InventoryImportsRepository, type NewInventoryEntry } from '../../src/registry/inventory-imports.repository.js';
import { factsThen } from '../../src/registry/model-then.js';
import { ModelCourse } from '../../src/registry/testing/model-course.js';
import { CommandPath, type HttpAnswer } from '../alarms/command-path.js';
import { smallSpec, smallUseCase } from '../small-model.js';

const REASON = { reason: 'for the test' };

let path: CommandPath;

beforeAll(async () => {
  path = await CommandPath.start();
}, 120_000);

afterAll(() => path?.stop(), 60_000);

async function newPerson(): Promise<string> {
  const name = `p-${randomUUID()}`;
  expect((await path.post('/v1/people', { name, kind: 'person' })).status).toBe(200);
  return name;
}
const replace = (leaver: string, by: string): Promise<HttpAnswer> => path.post(`/v1/people/${leaver}/replace`, { by, ...REASON });
const ownedBy = (model: string, owner: string, changes = {}): string => smallSpec({ model, ...changes }).replace('owner: test-team', `owner: ${owner}`);
const apply = (spec: string): Promise<HttpAnswer> => path.post('/v1/models', { spec });
const newModel = (): string => `m-${randomUUID().slice(0, 8)}`;
const ownerOf = async (model: string): Promise<unknown> => (await path.get(`/v1/models/${model}`)).body['owner'];

it('a spec that names somebody who has left makes the model that of whoever acts in their place, and says so', async () => {
  const [leaver, first, last] = [await newPerson(), await newPerson(), await newPerson()];
  const model = newModel();
  expect((await apply(ownedBy(model, leaver))).body).toMatchObject({ changed: true, successor: null });
  await replace(leaver, first);
  await replace(first, last);
  expect(await ownerOf(model)).toBe(last);

  const { status, body } = await apply(ownedBy(model, leaver, { purpose: 'Shows what a spec from a repository does that names a leaver.' }));
  expect([status, body]).toMatchObject([201, { changed: true, successor: last }]);
  expect(await ownerOf(model)).toBe(last);
  const { dataSource } = path.registry;
  const [{ details }] = await dataSource.query<[{ details: Buffer }]>("SELECT details FROM audit_entry WHERE command_id = $1 AND action = 'spec.applied'", [body['commandId']]);
  expect(JSON.parse(details.toString('utf8'))).toMatchObject({ outcome: { owner: { named: leaver, successor: last } } });
  expect(await factsThen(dataSource.manager, model, new Date(), '')).toMatchObject({ owner: last });

  await path.post(`/v1/people/${leaver}/activate`, REASON);
  expect((await apply(ownedBy(model, leaver, { purpose: 'Shows that who came back is meant by their own name.' }))).body).toMatchObject({ successor: null });
  expect(await ownerOf(model)).toBe(leaver);
});

it('a spec or a finding that names somebody who is deactivated, with nobody in their place, is refused', async () => {
  const away = await newPerson();
  const model = newModel();
  await apply(ownedBy(model, away));
  await path.post(`/v1/people/${away}/deactivate`, REASON);
  expect(await apply(ownedBy(model, away))).toMatchObject({ status: 200, body: { changed: false } });
  expect(await apply(ownedBy(model, away, { purpose: 'Shows that nobody who is away answers for it.' }))).toMatchObject({
    status: 409, body: { type: 'urn:perennial:OwnerDeactivated', detail: expect.stringContaining(`${away} is deactivated, and nobody who acts has taken their place`) as string },
  });
  const finding = { severity: 'low', title: 'x', evidenceNeeded: 'y', owner: away, dueAt: '2199-01-01' };
  expect((await path.post(`/v1/models/${model}/findings`, finding)).body).toMatchObject({ type: 'urn:perennial:OwnerDeactivated' });

  const heir = await newPerson();
  await replace(away, heir);
  expect(await path.post(`/v1/models/${model}/findings`, finding)).toMatchObject({ status: 200, body: { number: 1 } });
  expect((await path.get(`/v1/models/${model}/findings/1`)).body).toMatchObject({ owner: heir });
  const [entry] = await path.registry.dataSource.query<{ details: Buffer }[]>("SELECT details FROM audit_entry WHERE model = $1 AND action = 'finding.opened'", [model]);
  expect(JSON.parse(entry!.details.toString('utf8'))).toMatchObject({ owner: heir, named: away });
});

it('the word about what went live names the owner of now', async () => {
  const [leaver, heir] = [await newPerson(), await newPerson()];
  const { dataSource } = path.registry;
  const course = new ModelCourse(dataSource, newModel());
  await course.register('engineer', () => ownedBy(course.model, leaver, { useCase: smallUseCase() }));
  await course.promote(await course.trained('engineer', 'the first one'), 'engineer');
  const told = async () => (await new GoLivesRepository(dataSource, path.audit).ofChampions(course.model)).map(({ goLive }) => goLiveAlarm(goLive).details['owner']);
  expect(await told()).toEqual([leaver]);
  await replace(leaver, heir);
  expect(await told()).toEqual([heir]);
  expect((await path.get(`/v1/models/${course.model}/go-lives`)).body).toMatchObject({ items: [{ owner: heir }] });
});

it('imported entries go over by a further revision, and the same file says nothing new', async () => {
  const [leaver, heir] = [await newPerson(), await newPerson()];
  const { dataSource } = path.registry;
  const name = newModel();
  const entry: NewInventoryEntry = { name, owner: leaver, tier: 'high', environment: null, endpoint: null, source: 'a sheet', monitoring: null, description: null, state: 'active', line: 2 };
  const imports = new InventoryImportsRepository(dataSource, path.audit);
  const bring = async () => (await imports.take({ actor: 'engineer', idempotencyKey: randomUUID(), entries: [entry] }, new Date())).import;
  const { number } = await bring();
  expect((await replace(leaver, heir)).body).toMatchObject({ entries: 1 });
  expect(await dataSource.query('SELECT revision, owner, tier, source, import FROM inventory_entry WHERE name = $1 ORDER BY revision', [name])).toEqual(
    [leaver, heir].map((owner, index) => ({ revision: index + 1, owner, tier: 'high', source: 'a sheet', import: number })));
  expect(await bring()).toMatchObject({ added: 0, changed: 0, unchanged: 1 });
  const actions = await dataSource.query<{ action: string }[]>('SELECT action FROM audit_entry WHERE model = $1 ORDER BY id', [name]);
  expect(actions.map(({ action }) => action)).toEqual(['inventory.recorded', 'inventory.handedOver']);
});
