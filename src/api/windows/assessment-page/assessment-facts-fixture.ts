import { HIGHER_IS_BETTER, type Estimate, type MetricName } from '../../../contracts/verdict.js';
import type { AssessmentHeadline, HarmStanding } from '../../../contracts/window-assessment.js';
import type { AttributionBin, AttributionFigures, FairnessFigures, FairnessGroup, HarmPoint, OutcomeFigures, WindowAssessmentReport } from '../../../contracts/window-assessment-report.js';
import { driftThresholds } from '../../../drift/drift-thresholds.js';
import { metricThresholds } from '../../../drift/metric-thresholds.js';
import { numericDrift } from '../../../drift/numeric-drift.js';
import { seededRandom } from '../../../observations/testing/random-observations.js';
import type { AssessedWindow, AssessmentFacts, ShownAssessment } from './assessment-facts.js';
import { operationsFixture, servedWindows } from './operations-fixture.js';

const DAY_MS = 86_400_000;
const FIRST_MS = Date.parse('2013-01-07T00:00:00.000Z');
const LIMIT = 0.158;
const THRESHOLD = 160;
/** From this window on losses rise. */
const HARM_FROM = 18;
const BASELINE: Readonly<Partial<Record<MetricName, Estimate>>> = {
  auc: { value: 0.7214, low: 0.7102, high: 0.7326 }, logLoss: { value: 0.4412, low: 0.431, high: 0.4514 }, brier: { value: 0.1398, low: 0.136, high: 0.1436 },
  calibrationError: { value: 0.0121, low: null, high: null }, f1: { value: 0.4127, low: 0.398, high: 0.4274 },
};
const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

interface Random {
  readonly uniform: () => number;
  readonly noise: () => number;
}

function random(seed: number): Random {
  const uniform = seededRandom(seed);
  return { uniform, noise: () => uniform() + uniform() + uniform() + uniform() - 2 };
}

const around = (value: number, reach: number): Estimate => ({ value, low: value - reach, high: value + reach });

/** Where a sequence stands, a block after another. */
interface Sequence {
  rows: number;
  sum: number;
  evidence: number;
  alarm: HarmStanding['alarm'];
}

function addDay(sequence: Sequence, ms: number, mean: number, rows: number): HarmPoint {
  sequence.rows += rows;
  sequence.sum += mean * rows;
  sequence.evidence = (sequence.evidence + 0.4) * Math.exp((mean - LIMIT) * 60);
  if (sequence.evidence >= THRESHOLD) sequence.alarm ??= { atMs: ms + DAY_MS, by: 'change', sinceMs: ms - 9 * DAY_MS };
  const lower = sequence.rows < 7 * rows ? null : sequence.sum / sequence.rows - 0.9 / Math.sqrt(sequence.rows);
  return { from: new Date(ms).toISOString(), rows, mean, lower, evidence: sequence.evidence };
}

const standingOf = ({ rows, sum, evidence, alarm }: Sequence, lower: number | null): HarmStanding =>
  ({ rows, missing: Math.round(rows / 50), mean: sum / rows, lower, limit: LIMIT, evidence, threshold: THRESHOLD, alarm });

function measurementOf({ noise }: Random, worse: number): WindowAssessmentReport['quality'] {
  const metrics = Object.fromEntries(Object.entries(BASELINE).map(([name, { value, low }]) => {
    const moved = value * (1 + (HIGHER_IS_BETTER[name as MetricName] ? -1 : 1) * worse + noise() * 0.01);
    return [name, low === null ? { value: moved, low, high: null } : around(moved, value * 0.03)];
  }));
  const slice = (value: string | null, rows: number) => ({ column: 'carrier', value, rows, metrics, undefinedBecause: {} });
  return {
    labelRevision: 12, labelled: 5_904, unlabelled: 96, measurement: { metrics, undefinedBecause: {} }, meanLoss: 0, bias: null,
    thresholds: metricThresholds({ rows: 21_344, measurement: { metrics: BASELINE, undefinedBecause: {} } }, { rows: 5_904, measurement: { metrics, undefinedBecause: {} } }),
    slices: [slice('UA', 2_711), slice('B6', 2_100), slice(null, 41), { ...slice('HA', 7), metrics: {}, undefinedBecause: { auc: 'every label is 0', f1: 'no row is positive' } }],
  };
}

function groupOf(group: readonly string[], rows: number, rate: number): FairnessGroup {
  const rated = around(rate, 0.9 / Math.sqrt(rows));
  return { group, rows, labelledRows: Math.round(rows * 0.97), tooSmall: rows < 100, selectionRate: rated, adverseActionRate: around(1 - rate, 0.9 / Math.sqrt(rows)),
    truePositiveRate: rated, falsePositiveRate: null, accuracy: around(0.81, 0.02) };
}

export const fairnessFixture: FairnessFigures = {
  groupings: [
    {
      columns: ['sex'], rows: 6_000, unknownRows: 122, groups: [groupOf(['female'], 3_011, 0.212), groupOf(['male'], 2_867, 0.274)],
        undefinedBecause: { equalizedOddsDifference: 'a rate is defined for fewer than two groups' },
      disparities: { demographicParityRatio: { value: 0.774, low: 0.69, high: 0.866, rate: 'selectionRate', highest: ['male'], lowest: ['female'], pairs: 1 },
        equalizedOddsDifference: null },
    },
    {
      columns: ['sex', 'age'], rows: 6_000, unknownRows: 150, undefinedBecause: {},
      groups: [groupOf(['female', 'under 40'], 1_500, 0.2), groupOf(['female', '40 and above'], 1_511, 0.22), groupOf(['male', 'under 40'], 1_400, 0.27),
        groupOf(['male', '40 and above'], 61, 0.31)],
      disparities: { demographicParityDifference: { value: 0.07, low: 0.03, high: 0.11, rate: 'selectionRate', highest: ['male', 'under 40'], lowest: ['female', 'under 40'],
        pairs: 3 } },
    },
  ],
  checks: [
    { name: 'fairness:sex:demographicParityRatio', verdict: 'inconclusive',
      explanation: 'The demographicParityRatio by sex is 0.774 (interval 0.69 to 0.866); the interval reaches across the limit 0.8.' },
    { name: 'fairness:sex×age:demographicParityDifference', verdict: 'fail',
      explanation: 'The demographicParityDifference by sex × age is 0.07; the whole interval breaks the limit 0.02.' },
  ],
};

const binOf = (changes: Partial<AttributionBin>): AttributionBin => ({
  kind: 'category', from: null, until: null, category: null, rows: 610, baselineRows: 2_240, share: 0.1034, baselineShare: 0.1049, meanLoss: 0.2371, baselineMeanLoss: 0.1412,
  shift: -0.0001, change: 0.01, ...changes,
});

export const outcomeFixture: OutcomeFigures = {
  name: 'rebooking cost', unit: 'EUR', rows: 4_120, mean: around(31.4, 1.2), pearson: around(0.21, 0.03), spearman: around(0.28, 0.03), threshold: { limit: 0.35, verdict: 'fail' },
  decisions: { positive: { rows: 911, mean: 62.5 }, negative: { rows: 3_209, mean: 22.57 }, difference: around(39.93, 4.1) },
};

export const attributionFixture: AttributionFigures = {
  rows: 5_902, baselineRows: 21_344, meanLoss: 0.171, baselineMeanLoss: 0.1398, rise: 0.0312, alpha: 0.05, explaining: ['origin', 'wind'],
  features: [
    {
      name: 'origin', type: 'category', shift: { value: 0.0004, low: -0.0011, high: 0.0019 }, change: 0.0308, concentrated: 0.0172, binCount: 4, explains: ['change'],
      unevenness: { statistic: 14.2, degreesOfFreedom: [2, 512.3], pValue: 1.1e-6, adjustedPValue: 6.6e-6 }, shiftTest: { pValue: 0.6, adjustedPValue: 1 },
      bins: [binOf({ category: 'EWR' }), binOf({ kind: 'others', rows: 3, baselineRows: 0, baselineShare: 0, baselineMeanLoss: null, change: 0 }), binOf({ kind: 'missing' })],
    },
    {
      name: 'wind', type: 'number', shift: { value: 0.0101, low: 0.0062, high: 0.014 }, change: 0.0211, concentrated: 0.0009, binCount: 11, explains: ['shift'],
      unevenness: { statistic: 0.9, degreesOfFreedom: [9, 640.1], pValue: 0.52, adjustedPValue: 1 }, shiftTest: { pValue: 3e-7, adjustedPValue: 1.8e-6 },
      bins: [binOf({ kind: 'range', from: 21.5 }), binOf({ kind: 'range', from: 18, until: 21.5 }), binOf({ kind: 'range', until: 2 })],
    },
    {
      name: 'constant', type: 'number', shift: { value: 0, low: null, high: null }, change: 0.0312, concentrated: 0, binCount: 1, explains: [], unevenness: null, shiftTest: null,
      bins: [binOf({ kind: 'range', share: 1, baselineShare: 1, rows: 5_902, baselineRows: 0, baselineMeanLoss: null })],
    },
  ],
};

function reportOf(place: number, source: Random, version: number): WindowAssessmentReport {
  const worse = place >= HARM_FROM ? 0.06 + 0.008 * (place - HARM_FROM) : 0;
  const quality = measurementOf(source, worse);
  const outputs = (rows: number, shift: number): Float64Array => Float64Array.from({ length: rows }, () => Math.min(1, source.uniform() ** 2 + shift * source.uniform()));
  const estimate = Object.fromEntries((['auc', 'logLoss', 'brier', 'f1'] as const).map((name) => {
    const [value, truth] = [BASELINE[name]!.value * (1 + source.noise() * 0.01), quality!.measurement.metrics[name]!.value];
    return [name, { ...around(value, value * 0.04), alert: name === 'brier' && worse > 0,
      realised: { value: truth, difference: value - truth, withinBand: Math.abs(value - truth) < value * 0.04 } }];
  }));
  estimate['recall'] = { value: 0.4127, low: 0.4033, high: 0.4221, alert: false, realised: { value: 0.4068, difference: 0.0059, withinBand: true } };
  const drift = numericDrift('output', outputs(2_000, 0), outputs(1_500, 0.2));
  const [fromMs, measurement] = [FIRST_MS + place * 7 * DAY_MS, { metrics: BASELINE, undefinedBecause: {} }];
  return {
    model: 'flight-delay', deployment: 'default', from: new Date(fromMs).toISOString(), until: new Date(fromMs + 7 * DAY_MS).toISOString(), occasion: 'matured', revision: 2,
    completeness: { complete: true, gateways: 2, behind: [], unconverted: 0 }, versions: [{ version, rows: 6_000 }],
    outputs: {
      rows: 6_000, withoutOutput: 12, drift: { ...drift, thresholds: driftThresholds(drift, 0.05) }, positiveShare: { window: 0.231, baseline: 0.204 },
      thresholds: { positiveShare: { low: 0.181, high: 0.227, verdict: 'fail' }, withoutOutput: { limit: 0.0021, verdict: 'pass' } },
    },
    baseline: { version, snapshot: digestOf('a'), rows: 21_344, from: '2012-10-01T00:00:00.000Z', until: '2013-01-01T00:00:00.000Z', measurement, metric: 'brier',
      meanLoss: 0.1398 },
    estimate: { method: 'cbpe', rows: 5_904, metrics: estimate }, quality, harm: null, attribution: attributionFixture, fairness: fairnessFixture, operations: operationsFixture, outcome: outcomeFixture,
  };
}

export function assessmentOf(report: WindowAssessmentReport | null, place: number, changes: Partial<ShownAssessment> = {}): ShownAssessment {
  const fromMs = FIRST_MS + place * 7 * DAY_MS;
  const standing = report?.harm?.standing ?? null;
  const meanLoss = report?.quality?.meanLoss ?? null;
  const headline: AssessmentHeadline = {
    version: report?.versions[0]?.version ?? null, labelled: report?.quality?.labelled ?? 0, metric: report ? 'auc' : null,
      measured: report?.quality?.measurement.metrics.auc ?? null,
    threshold: report?.quality?.thresholds.auc?.limit ?? null, baseline: report?.baseline?.measurement.metrics.auc ?? null, estimated: report?.estimate?.metrics.auc ?? null, meanLoss, harm: standing, drifted: null, complete: true, operations: report?.operations?.checks ?? null,
  };
  const verdict = standing === null || meanLoss === null ? 'inconclusive' : standing.evidence >= standing.threshold ? 'fail' : meanLoss > standing.limit ? 'inconclusive' : 'pass';
  return {
    model: 'flight-delay', deployment: 'default', fromEvent: new Date(fromMs), untilEvent: new Date(fromMs + 7 * DAY_MS), revision: 2, occasion: 'matured',
      specDigest: digestOf('b'), labelRevision: 12,
    filesDigest: digestOf('c'), rows: 6_000, verdict, findings: [], headline, reportDigest: report ? digestOf('d') : null, alarmId: null,
      workflowId: 'monitor/flight-delay/default', assessedAt: new Date('2026-02-03T10:20:30.000Z'), ...changes,
  };
}

/** Weeks of a model that serves well and then does harm; a second version comes in the eleventh. */
export function assessedWindows(count: number): AssessedWindow[] {
  const source = random(11);
  const served = servedWindows(count);
  let sequence: Sequence = { rows: 0, sum: 0, evidence: 0, alarm: null };
  return Array.from({ length: count }, (_, place): AssessedWindow => {
    const bare = reportOf(place, source, place < 10 ? 6 : 7);
    const began = place === 0 ? 'first' as const : place === 10 ? 'version' as const : null;
    if (began) sequence = { rows: 0, sum: 0, evidence: 0, alarm: null };
    const course = Array.from({ length: 7 }, (__, day) =>
      addDay(sequence, Date.parse(bare.from) + day * DAY_MS, 0.14 + source.noise() * 0.02 + (place >= HARM_FROM ? 0.03 : 0), Math.round(780 + source.noise() * 60)));
    const meanLoss = course.reduce((sum, { mean }) => sum + mean!, 0) / course.length;
    const harm = { began, allowance: 0.05, standing: standingOf(sequence, course.at(-1)!.lower), course };
    const report = { ...bare, harm, quality: { ...bare.quality!, meanLoss }, operations: served[place]! };
    return { report, assessment: assessmentOf(report, place) };
  });
}

export function factsOf(windows: readonly AssessedWindow[], changes: Partial<AssessmentFacts> = {}): AssessmentFacts {
  const { assessment, report } = windows.at(-1)!;
  const record = {
    model: assessment.model, deployment: assessment.deployment, fromEvent: assessment.fromEvent, revision: 2, outcome: 'wait' as const, reason: 'notWorthIt',
      trigger: 'performance', commandId: null,
    because: 'A retrain is expected to save 120 in 30 days and costs 400.', counterfactual: { retrained: ['calendar', 'cusum'], memory: null }, decisionDigest: digestOf('e'),
      decidedAt: new Date('2026-02-03T10:21:00.000Z'),
  };
  const rules = [
    { rule: 'upstreamFault', verdict: 'pass' as const, because: 'No upstream fault was found in the window.' },
    { rule: 'trigger', verdict: 'pass' as const, because: 'Losses have risen: evidence 640 of 160.' },
    { rule: 'budget', verdict: 'overridden' as const, because: '4 of 4 retrains and 3 of any number of training hours of this month are used.' },
    { rule: 'worth', verdict: 'hold' as const, because: record.because },
  ];
  return {
    assessment, report, drift: null, windows, temporalUrl: 'http://localhost:8233/namespaces/default/workflows/monitor',
    decision: { record, detail: { outcome: 'wait', because: record.because, rules, facts: {} } },
    revisions: [{ revision: 1, occasion: 'closed', verdict: 'pass', assessedAt: new Date('2026-02-01T08:00:00.000Z') }, assessment], ...changes,
  };
}
