import { afterEach, expect, it } from 'vitest';
import type { ReleaseDetail } from '../../src/api/releases/releases.dto.js';
import { eventually, Installation } from '../installation.js';
import { asOfWeek, smallSpec, writeEvents } from '../small-model.js';

/** The clocks of workers and of the API an hour off; that of a gateway is in gateway-faults.spec.ts. */
const MODEL = 'shop';
const AUC = { comparison: { metric: 'auc' } };
const WEAK = { rounds: 1, max_depth: 1 };
const STRONG = { rounds: 60, max_depth: 4 };
const HOUR_MS = 3_600_000;
/** As a URL: a path with a blank in it would be two words of NODE_OPTIONS. */
const SHIFT = new URL('../shifted-clock.mjs', import.meta.url).href;

let perennial: Installation | undefined;

afterEach(async () => {
  await perennial?.stop();
  perennial = undefined;
});

async function start(clocks: Readonly<Record<string, number>>): Promise<Installation> {
  perennial = await Installation.start({ NODE_OPTIONS: `--import ${SHIFT}`, SHIFTED_CLOCKS: JSON.stringify(clocks) });
  await writeEvents(perennial.dataDir, MODEL);
  return perennial;
}

/** A weak version that serves, and a better one that passes its gate. @returns outcome of the second retrain */
async function twoVersions(installation: Installation, rollout?: Record<string, unknown>): Promise<string | null> {
  const spec = (parameters: Record<string, number>): string => smallSpec({ model: MODEL, gates: AUC, parameters, ...(rollout ? { rollout } : {}) });
  await installation.apply(spec(WEAK));
  const first = await installation.awaitRetrain(MODEL, await installation.requestRetrain(MODEL, { asOf: asOfWeek(6) }));
  expect(first).toMatchObject({ outcome: 'promoted', version: 1 });
  await installation.apply(spec(STRONG));
  return (await installation.awaitRetrain(MODEL, await installation.requestRetrain(MODEL, { asOf: asOfWeek(10) }))).outcome;
}

it.each([{ worker: HOUR_MS, api: -HOUR_MS }, { worker: -HOUR_MS, api: HOUR_MS }])('promotes and rolls back, and every gateway follows: %o', async (clocks) => {
  const installation = await start(clocks);
  expect(await twoVersions(installation)).toBe('promoted');
  const asked = await installation.call('POST', `/v1/models/${MODEL}/rollbacks`, { reason: 'complaints' });
  expect(asked).toMatchObject({ status: 202, body: { toVersion: 1, fromEpoch: 2 } });
  const [ended] = await eventually(async () => {
    const rows: { outcome: string | null; epoch: number; behind: string[]; finishedAt: Date }[] = await installation.registry.query(
      'SELECT outcome, to_epoch::int AS epoch, gateways_behind AS behind, finished_at AS "finishedAt" FROM rollback',
    );
    return rows[0]?.outcome ? rows : undefined;
  }, () => 'the rollback');
  expect(ended).toMatchObject({ outcome: 'done', epoch: 3, behind: [] });
  // The worker's clock really was off.
  expect(Math.round(((ended?.finishedAt.getTime() ?? 0) - Date.now()) / HOUR_MS)).toBe(clocks.worker / HOUR_MS);
  expect((await installation.call('GET', `/v1/models/${MODEL}/champion`)).body).toMatchObject({ version: 1, epoch: 3 });
  await eventually(async () => ((await (await fetch(`${installation.instance.gatewayUrl}/v2/models/${MODEL}`)).json()) as { versions: string[] }).versions[0] === '1' || undefined, () => 'the gateway to follow');
});

it('begins no step of a release while its alarms are refused for their time, and says what to do', async () => {
  const installation = await start({ worker: HOUR_MS });
  expect(await twoVersions(installation, { checkEvery: 'PT1S' })).toBe('releasing');
  const waiting = await eventually(async () => {
    const { body } = await installation.call<ReleaseDetail & Record<string, unknown>>('GET', `/v1/models/${MODEL}/releases/1`);
    return body.reason?.includes('waits') ? body : undefined;
  }, () => 'the release to be decided on');
  expect(waiting).toMatchObject({ stage: 'queued', outcome: null, reason: expect.stringMatching(/waits until monitoring is proven.*answered 401.*the right time/) as string });
  expect((await installation.registry.query('SELECT champion, challengers FROM routing WHERE model = $1', [MODEL]))[0]).toEqual({ champion: 1, challengers: [] });
});
