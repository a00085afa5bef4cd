import { describe, expect, it } from 'vitest';
import type { BacktestPolicy } from '../contracts/policy-backtest.js';
import { AUTOMATIC_TRIGGERS } from '../contracts/retraining-decisions.js';
import { isoTime } from '../contracts/time.js';
import { seededRandom } from '../observations/testing/random-observations.js';
import { policyFigures } from './backtest-figures.js';
import { DAY, type MadePlan, type MadeRow, madeSpec, MadeWorld } from './made-world-fixture.js';
import { type PolicyCourse, replayMoments, type ReplayPolicy, replayPolicies, type ReplayWatcher } from './policy-replay.js';
import { neverRetrain, retrainMonthly, retrainOnCusum, retrainOnStability } from './replay-policies.js';
import { specPolicy } from './spec-policy.js';

const BEGIN = Date.parse('2024-01-04T00:00:00Z');
const day = (number: number): number => BEGIN + number * DAY;
const QUIET: ReplayWatcher = { passed: () => undefined, decided: () => undefined };
const TEN = Array.from({ length: 10 }, (_, place) => place);

/** Ten rows a day, from 60 days before the first window on; x goes from −4.5 to 4.5 in each of them. */
const rowsOf = (days: number, row: (day: number, place: number) => Partial<MadeRow> = () => ({})): MadeRow[] =>
  Array.from({ length: 60 + days }, (_, number) => number - 60).flatMap((number) => TEN.map((place) => ({ ms: day(number) + place * 3_600_000, x: place - 4.5, label: 0, ...row(number, place) })));

const planOf = (windows: number, rows: readonly MadeRow[], more: Partial<MadePlan> = {}): MadePlan => ({ rows, spec: madeSpec(), beginMs: BEGIN, windows, ...more });

async function courseOf(policy: ReplayPolicy, plan: MadePlan): Promise<PolicyCourse> {
  return (await replayPolicies(new MadeWorld(plan), [policy], QUIET))[0]!;
}

const times = ({ decisions }: PolicyCourse): string[] => decisions.map(({ atMs }) => isoTime(atMs).slice(0, 10));
const versions = ({ answered }: PolicyCourse): number[] => answered.map(({ number }) => number);

describe('the moments of a replay', () => {
  const windows = [0, 7, 14].map((from) => ({ fromMs: day(from), untilMs: day(from + 7) }));
  const told = (horizonDays: number): string[] => replayMoments({ windows, labelHorizonMs: horizonDays * DAY }).map(({ atMs, occasion, window }) => `${(atMs - BEGIN) / DAY} ${occasion} ${(window.fromMs - BEGIN) / DAY}`);

  it('come by time, and end where the last window begins: what is decided later answers nothing', () => {
    expect(told(2)).toEqual(['7 closed 0', '9 matured 0', '14 closed 7']);
  });

  it('put the older window first where labels of one are complete as another closes', () => {
    expect(told(7)).toEqual(['7 closed 0', '14 matured 0', '14 closed 7']);
    expect(told(0)).toEqual(['7 closed 0', '7 matured 0', '14 closed 7', '14 matured 7']);
    expect(told(30)).toEqual(['7 closed 0', '14 closed 7']);
  });
});

describe('a promoted version', () => {
  const asking = (at: 'closed' | 'matured', fromDay: number): ReplayPolicy => ({
    name: 'asking', start: () => ({ occasion, window }) => Promise.resolve(occasion === at && window.fromMs === day(fromDay) ? { outcome: 'retrain', reason: null, trigger: 'asked', because: '', without: [] } : null),
  });

  it('answers from the next window on', async () => {
    expect(versions(await courseOf(asking('closed', 7), planOf(5, rowsOf(35), { gate: () => true })))).toEqual([1, 1, 2, 2, 2]);
    expect(versions(await courseOf(asking('matured', 7), planOf(5, rowsOf(35), { gate: () => true })))).toEqual([1, 1, 1, 2, 2]);
  });

  it('is none that the gate rejected, nor one whose data failed', async () => {
    const rejected = await courseOf(asking('closed', 7), planOf(5, rowsOf(35), { gate: () => false }));
    expect(versions(rejected)).toEqual([1, 1, 1, 1, 1]);
    expect(rejected.decisions[0]!.retrain).toMatchObject({ outcome: 'rejected', version: { number: 2 } });
    const unlabelled = rowsOf(35, (number) => (number >= -40 ? { label: NaN } : {}));
    // The first version was trained on rows that a later look at the same stretch no longer reaches.
    const failed = await courseOf(asking('closed', 21), planOf(5, [...rowsOf(0), ...unlabelled.filter(({ ms }) => ms >= BEGIN)], { trainingDays: 7 }));
    expect(failed.decisions[0]!.retrain).toMatchObject({ outcome: 'failed', version: null });
    expect(versions(failed)).toEqual([1, 1, 1, 1, 1]);
  });

  it('sees no label as a window closes', async () => {
    const seen: [string, number][] = [];
    const looking: ReplayPolicy = {
      name: 'looking', start: () => async (look) => {
        seen.push([look.occasion, (await look.rows()).labels.filter((label) => !Number.isNaN(label)).length]);
        return null;
      },
    };
    await courseOf(looking, planOf(3, rowsOf(21)));
    expect(seen).toEqual([['closed', 0], ['matured', 70], ['closed', 0]]);
  });
});

describe('simple policies on a made-up stream', () => {
  it('never never retrains', async () => {
    expect(await courseOf(neverRetrain, planOf(14, rowsOf(98)))).toMatchObject({ decisions: [] });
  });

  it('monthly retrains as the first window of a later month has closed', async () => {
    // Windows end on 11, 18, 25 January, 1, 8, … February, 7 March, 4 April.
    expect(times(await courseOf(retrainMonthly(0), planOf(14, rowsOf(98))))).toEqual(['2024-02-01', '2024-03-07', '2024-04-04']);
  });

  it('monthly waits for the cooldown and then retrains', async () => {
    // Forty days after 4 January end on 13 February, forty after the 15th on 26 March.
    expect(times(await courseOf(retrainMonthly(40 * DAY), planOf(14, rowsOf(98))))).toEqual(['2024-02-15', '2024-03-28']);
  });

  it('psi retrains as a window has closed whose inputs moved', async () => {
    const moved = (from: number, until: number): MadeRow[] => rowsOf(98, (number, place) => ({ x: place - 4.5 + (number >= from && number < until ? 100 : 0) }));
    expect(times(await courseOf(retrainOnStability(0), planOf(10, moved(14, 21), { gate: () => false })))).toEqual(['2024-01-25']);
    // Where no candidate is promoted, the baseline stays, and it asks again after each cooldown.
    expect(times(await courseOf(retrainOnStability(14 * DAY), planOf(10, moved(14, 99), { gate: () => false })))).toEqual(['2024-01-25', '2024-02-08', '2024-02-22', '2024-03-07']);
    // The version of 1 February was judged on thirteen moved days and one that was not, the next one on moved days alone: for it nothing moves any more.
    expect(times(await courseOf(retrainOnStability(28 * DAY), planOf(14, moved(14, 99), { gate: () => true })))).toEqual(['2024-02-01', '2024-02-29']);
  });

  it('cusum retrains as the labels of the window are there at which its sum passes the threshold', async () => {
    // Rows before day −15 train: no label is 1, and version 1 says 0, so that a loss is the label. It is judged on 14 days with shares of 0.1 and 0.3 in turn: their mean is 0.2, their
    // deviation 0.10377, that of a week's mean 0.10377 ÷ √7 = 0.039223. A week at 0.3 adds 0.1 ÷ 0.039223 − 0.5 = 2.0495: three of them make 6.15, above 5.
    const raised = rowsOf(98, (number, place) => ({ label: place < (number < -15 ? 0 : number < 21 ? 1 + 2 * (Math.abs(number) % 2) : 3) ? 1 : 0 }));
    const course = await courseOf(retrainOnCusum(0), planOf(14, raised, { gate: () => false }));
    // The weeks from day 21, 28 and 35 on; the labels of the last are there on day 43. Then it begins anew: three more weeks, until day 64, and three more, until day 85.
    expect(course.decisions.map(({ atMs, occasion }) => [(atMs - BEGIN) / DAY, occasion])).toEqual([[43, 'matured'], [64, 'matured'], [85, 'matured']]);
    expect(course.decisions[0]!.because).toContain('6.15');
    // In a cooldown nothing is forgotten: on day 64 it is over.
    expect((await courseOf(retrainOnCusum(60 * DAY), planOf(14, raised, { gate: () => false }))).decisions.map(({ atMs }) => (atMs - BEGIN) / DAY)).toEqual([64]);
  });
});

describe('the policy of a spec', () => {
  /** What x says of the label turns round on day 42. */
  const turned = rowsOf(140, (number, place) => ({ label: (place + number) % 10 === 0 ? place % 2 : (number < 42) === (place >= 5) ? 1 : 0 }));
  const spec = madeSpec({ retraining: { triggers: ['performance'], minimumSinceChange: 100 } });

  it('retrains by harm once enough rows of the new world can train, and loses less', async () => {
    const world = new MadeWorld(planOf(20, turned, { spec }));
    const courses = await replayPolicies<BacktestPolicy>(world, [neverRetrain, specPolicy(spec)], QUIET);
    const [never, course] = courses;
    const retrain = course!.decisions.find(({ outcome }) => outcome === 'retrain')!;
    expect(retrain).toMatchObject({ trigger: 'performance', retrain: { outcome: 'promoted' } });
    // Ten rows a day, of which a hundred must have come since, and rows of the last two weeks judge.
    expect((retrain.atMs - BEGIN) / DAY).toBeGreaterThanOrEqual(42 + 10 + 14);
    expect(course!.decisions.filter(({ atMs }) => atMs < retrain.atMs).every(({ reason }) => reason === 'notEnoughData')).toBe(true);
    expect(versions(never!).every((number) => number === 1)).toBe(true);
    expect(versions(course!).at(-1)).toBeGreaterThan(1);
    expect((await policyFigures(world, courses, { metric: 'brier', bound: 1 }, null)).map(({ lossAvoided }) => Math.sign(lossAvoided))).toEqual([0, 1]);
  });

  it('retrains again on twice as many new rows, where the harm was not made up for', async () => {
    const world = new MadeWorld(planOf(20, turned, { spec }));
    const once = madeSpec({ retraining: { triggers: ['performance'], minimumSinceChange: 100, cooldown: 'P50D' } });
    const courses = await replayPolicies<BacktestPolicy>(world, [specPolicy(once), specPolicy(spec)], QUIET);
    const [first, second, ...more] = courses[1]!.decisions.filter(({ outcome }) => outcome === 'retrain');
    expect(more).toEqual([]);
    expect(second!.because).toMatch(/^The last retrain has not made up for the change of 2024-02-15T00:00:00\.000Z: the mean loss is above 0\.\d+ still/);
    // Of ten rows a day those train that came from day 42 on, and before the two weeks that judge.
    const learnt = [first!, second!].map(({ atMs }) => (atMs - BEGIN) / DAY - 1 - 14 - 42);
    expect(learnt[0]).toBeGreaterThanOrEqual(10);
    expect(learnt[1]).toBeGreaterThanOrEqual(2 * learnt[0]!);
    const [afterOne, afterTwo] = await policyFigures(world, courses, { metric: 'brier', bound: 1 }, null);
    expect(afterTwo!.meanLoss).toBeLessThan(afterOne!.meanLoss!);
  });

  it('tries a candidate once the newest losses hint at harm, and while its successors learn from more of the new world', async () => {
    const trying = madeSpec({ retraining: { triggers: ['trial'], cooldown: 'P7D', budget: { retrains: 5 } }, evaluation: { holdOutEvery: 3 }, by: 'recentLoss' });
    const world = new MadeWorld(planOf(20, turned, { spec: trying }));
    const [never, harmed, tried] = await replayPolicies<BacktestPolicy>(world, [neverRetrain, specPolicy(spec), specPolicy(trying)], QUIET);
    const trials = tried!.decisions.filter(({ outcome }) => outcome === 'retrain');
    expect(trials.map(({ trigger }) => trigger)).toEqual(trials.map(() => 'trial'));
    const since = trials.filter(({ atMs }) => atMs > day(42));
    // The first labels of the new world, of day 49, hint at it; a candidate has learnt some of it then.
    expect((since[0]!.atMs - BEGIN) / DAY).toBeLessThanOrEqual(50);
    expect(since[0]!.because).toMatch(/^The mean loss of the newest (window|\d+ windows) is 0\.\d+, \d+(\.\d+)? standard errors above that of the baseline; 1 ask for a trial\.$/);
    const promoted = trials.filter(({ retrain }) => retrain!.outcome === 'promoted');
    expect(promoted.length).toBeGreaterThan(0);
    // What follows a promotion is asked for by it, until the training window and the one that judges are new.
    const after = trials.find(({ atMs }) => atMs > promoted[0]!.atMs)!;
    expect(after.because).toMatch(/^(Version \d was made with data until|The mean loss of the newest)/);
    const figures = await policyFigures(world, [never!, harmed!, tried!], { metric: 'brier', bound: 1 }, null);
    expect(figures[2]!.lossAvoided).toBeGreaterThan(figures[1]!.lossAvoided);
  });

  it('retrains by nothing where the spec lists nothing', async () => {
    expect((await courseOf(specPolicy(madeSpec()), planOf(20, turned, { spec: madeSpec() }))).decisions).toEqual([]);
  });

  it('keeps cooldown and budget', async () => {
    const often = (sections: object) => madeSpec({ retraining: { triggers: ['newLabelledRows'], newLabelledRows: 70, ...sections } });
    const retrains = async (sections: object): Promise<string[]> => {
      const eager = often(sections);
      const course = await courseOf(specPolicy(eager), planOf(14, rowsOf(98), { spec: eager, gate: () => false }));
      return course.decisions.filter(({ outcome }) => outcome === 'retrain').map(({ atMs }) => isoTime(atMs).slice(0, 10));
    };
    expect((await retrains({})).slice(0, 4)).toEqual(['2024-01-12', '2024-01-19', '2024-01-26', '2024-02-02']);
    expect((await retrains({ cooldown: 'P20D' })).slice(0, 2)).toEqual(['2024-01-25', '2024-02-15']);
    // The first version of 4 January is one of the two.
    expect((await retrains({ budget: { retrains: 2 } })).slice(0, 4)).toEqual(['2024-01-12', '2024-02-01', '2024-02-09', '2024-03-01']);
  });

  it('puts a window in another unit into quarantine, which no retrain of it takes, and counts nothing of it', async () => {
    const broken = (label: number) => turned.map((row) => (row.ms >= day(14) && row.ms < day(21) ? { ...row, x: row.x * 1_000, label } : row));
    const worlds = [0, 1].map((label) => new MadeWorld(planOf(20, broken(label), { spec })));
    const courses = await Promise.all(worlds.map((world) => replayPolicies(world, [specPolicy(spec)], QUIET)));
    const [[course], [other]] = courses as [PolicyCourse[], PolicyCourse[]];
    expect(course!.decisions.filter(({ outcome }) => outcome === 'quarantine').map(({ window }) => window)).toEqual([{ fromMs: day(14), untilMs: day(21) }]);
    expect(worlds[0]!.asked.length).toBeGreaterThan(0);
    expect(worlds[0]!.asked.every(({ without }) => without.some(({ fromMs }) => fromMs === day(14)))).toBe(true);
    expect(other!.decisions).toEqual(course!.decisions);
  });
});

describe('a policy looks at nothing that is later', () => {
  const spec = madeSpec({
    retraining: { triggers: [...AUTOMATIC_TRIGGERS], newLabelledRows: 400, every: 'P35D', minimumSinceChange: 50 }, monitoring: { falseDiscoveries: 0.5 }, evaluation: { holdOutEvery: 3 }, by: 'recentLoss',
  });
  const policies = [neverRetrain, retrainMonthly(7 * DAY), retrainOnStability(14 * DAY), retrainOnCusum(0), specPolicy(spec)];

  /** Numbers around 0 whose sign tells the label, mostly; on some day the sign's meaning turns round, on another the numbers move, and for a week they come in another unit. */
  function stream(seed: number): MadeRow[] {
    const random = seededRandom(seed);
    const [turn, move, broken] = [20 + Math.floor(random() * 60), 20 + Math.floor(random() * 60), 7 * Math.floor(3 + random() * 8)];
    return rowsOf(98, (number) => {
      const x = 2 * random() - 1 + (number >= move ? 0.4 : 0);
      const label = (x > 0) === (number < turn) === random() < 0.85 ? 1 : 0;
      return { x: number >= broken && number < broken + 7 ? 1_000 * x : x, label: random() < 0.05 ? NaN : label };
    });
  }

  const laterChanged = (rows: readonly MadeRow[], atMs: number): MadeRow[] =>
    rows.map((row) => ({ ms: row.ms, x: row.ms >= atMs ? -3 * row.x - 1 : row.x, label: row.ms + DAY > atMs ? 1 - row.label : row.label }));

  it.each([12, 13, 14, 15])('whatever comes after a time changes no decision up to it, seed %i', async (seed) => {
    const rows = stream(seed);
    const play = (played: readonly MadeRow[]) => replayPolicies(new MadeWorld(planOf(14, played, { spec })), policies, QUIET);
    const courses = await play(rows);
    const random = seededRandom(seed * 1_000);
    let [compared, laterOnes] = [0, 0];
    for (const atMs of [day(21), day(28) + DAY, day(30 + Math.floor(random() * 50)) + Math.floor(random() * DAY)]) {
      const others = await play(laterChanged(rows, atMs));
      for (const [place, { decisions }] of courses.entries()) {
        const upTo = decisions.filter((decision) => decision.atMs <= atMs);
        expect(others[place]!.decisions.filter((decision) => decision.atMs <= atMs), `${others[place]!.policy} until ${isoTime(atMs)}`).toEqual(upTo);
        compared += upTo.length;
        laterOnes += JSON.stringify(others[place]!.decisions) === JSON.stringify(decisions) ? 0 : 1;
      }
    }
    // There was something to look at, and what was changed tells on what came after.
    expect(compared).toBeGreaterThan(5);
    expect(laterOnes).toBeGreaterThan(3);
  });

  it('and one that did would be told by it', async () => {
    const rows = stream(12);
    const upTo = async (played: readonly MadeRow[]): Promise<string[]> => {
      const world = new MadeWorld(planOf(14, played, { spec }));
      const peeking: ReplayPolicy = {
        name: 'peeking', start: () => async ({ answered, window, occasion }) => {
          const because = occasion === 'closed' ? String((await world.answer(answered, window)).labels) : '';
          return { outcome: 'wait', reason: null, trigger: null, because, without: [] };
        },
      };
      return (await replayPolicies(world, [peeking], QUIET))[0]!.decisions.filter(({ atMs }) => atMs <= day(28)).map(({ because }) => because);
    };
    expect(await upTo(laterChanged(rows, day(28)))).not.toEqual(await upTo(rows));
    expect(await upTo(laterChanged(rows, day(28) + DAY))).toEqual(await upTo(rows));
  });
});
