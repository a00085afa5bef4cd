import { describe, expect, it } from 'vitest';
import type { WindowAssessmentReport } from '../../../contracts/window-assessment-report.js';
import { numericDrift } from '../../../drift/numeric-drift.js';
import { assessedWindows, assessmentOf, attributionFixture, factsOf, fairnessFixture, outcomeFixture } from './assessment-facts-fixture.js';
import type { AssessedWindow, AssessmentFacts } from './assessment-facts.js';
import { assessmentPage } from './assessment-page.js';
import { olderOperationsFixture, operationsFixture } from './operations-fixture.js';
import { count, drawn, expectSound, expectWithin, labels, plain, section } from './read-page-fixture.js';

const windows = assessedWindows(26);
const full = assessmentPage(factsOf(windows));

/** The last window with another report, its assessment and its place in the trend with it. */
function withReport(change: (report: WindowAssessmentReport) => WindowAssessmentReport | null, changes: Partial<AssessmentFacts> = {}): AssessmentFacts {
  const report = change(windows.at(-1)!.report!);
  const last: AssessedWindow = { report, assessment: assessmentOf(report, 25) };
  return factsOf([...windows.slice(0, -1), last], changes);
}

describe('the page of a window', () => {
  it('is well-formed, needs nothing from elsewhere, and is the same for the same facts', () => {
    expectSound(full);
    expectWithin(full);
    expect(assessmentPage(factsOf(assessedWindows(26)))).toBe(full);
    expect([...full.matchAll(/<section aria-labelledby="part-(\w+)"/g)].map(([, name]) => name)).toEqual([
      'quality', 'trends', 'harm', 'attribution', 'outputs', 'outcome', 'fairness', 'operations', 'decision',
    ]);
    for (const [table] of full.matchAll(/<table[^]*?<\/table>/g)) expect(table).toContain('scope="col"');
  });

  it('says what was assessed, what it comes to and why, and leads to the rest', () => {
    const head = plain(full.slice(0, full.indexOf('<section')));
    expect(head).toMatch(/✕ fail 2013-07-01 to 2013-07-08 UTC in default, revision 2/);
    expect(head).toContain('6,000: 5,904 with a label (98.4 %), 96 without');
    expect(head).toMatch(/Harm: the mean loss is 0\.1\d+, above 0\.158 where harm begins; the evidence is \S+ of 160.* An alarm fired at 2013-05-\d\d/);
    expect(head).toContain('Fairness: 1 fail, 1 inconclusive.');
    const place = '/v1/models/flight-delay/windows/2013-07-01T00:00:00.000Z';
    for (const path of ['assessment.html?deployment=default&amp;revision=1', 'assessment?deployment=default&amp;revision=2', 'drift.html?deployment=default',
      'decision?deployment=default&amp;revision=2']) {
      expect(full).toContain(`href="${place}/${path}"`);
    }
  });

  it('says which blocks the baseline is of, where its other blocks trained', () => {
    expect(full).not.toContain('held out');
    const page = assessmentPage(withReport((report) => ({ ...report, baseline: { ...report.baseline!, heldOut: { every: 3, block: 'P1D' } } })));
    expect(plain(page)).toMatch(/21,344 rows from 2012-10-01 up to 2013-01-01 in the blocks held out \(one in 3 of P1D\), on which version/);
    expectSound(page);
  });

  it('shows findings in full', () => {
    const finding = { check: 'outOfRange' as const, feature: 'dep_delay', measured: 0.0712, low: 0.0665, limit: 0.05, rows: 6_000,
      message: 'dep_delay is out of range in 7.12 % of rows' };
    const page = assessmentPage(factsOf(windows, { assessment: { ...windows.at(-1)!.assessment, findings: [finding] } }));
    expect(plain(page)).toContain('outOfRange dep_delay 0.07120 0.06650 0.05 6,000 dep_delay is out of range in 7.12 % of rows');
    expect(plain(page)).toContain('1 finding against the limits');
  });

  it('sets the metrics beside the baseline and the estimate', () => {
    const { estimate, quality } = windows.at(-1)!.report!;
    const auc = /<th scope="row">AUC[^]*?<\/tr>/.exec(section(full, 'quality'))![0];
    const { value, realised } = estimate!.metrics.auc!;
    expect(plain(auc)).toBe(plain(`AUC more is better 0.7214 0.7102 to 0.7326 ${value.toPrecision(4)} ${(value * 0.96).toPrecision(4)} to ${(value * 1.04).toPrecision(4)} ` +
      `${realised!.value.toPrecision(4)} ` +
      `${quality!.measurement.metrics.auc!.low!.toPrecision(4)} to ${quality!.measurement.metrics.auc!.high!.toPrecision(4)} beyond ${quality!.thresholds.auc!.limit.toPrecision(4)} +${realised!.difference.toPrecision(4)} no`));
    expect(plain(section(full, 'quality'))).toMatch(/carrier HA 7 – every label is 0 /);
    expect(section(full, 'quality')).toContain('<i>missing</i>');
  });

  it('says what the labels showed of a metric that is estimated alone', () => {
    const recall = /<th scope="row">recall[^]*?<\/tr>/i.exec(section(full, 'quality'))![0];
    expect(plain(recall)).toMatch(/^recall – 0\.4127 0\.4033 to 0\.4221 0\.4068 – \+0\.005900 yes$/);
  });
});

describe('outputs beside those on the baseline', () => {
  it('say where chance ends and what is beyond', () => {
    const { drift } = windows.at(-1)!.report!.outputs!;
    const text = plain(section(full, 'outputs'));
    expect(text).toContain('23.1 %, on the baseline 20.4 %, beyond chance, which ends at 18.1 % and 22.7 %');
    expect(text).toContain('12 (0.2 %), left so by a guard rail; chance ends at 0.21 %');
    expect(text).toContain(`PSI ${drift.psi!.toPrecision(4)}, beyond chance, which ends at ${drift.thresholds!.psi!.limit.toPrecision(4)}`);
  });

  it('of a report of before have no limits', () => {
    const page = assessmentPage(withReport((report) => {
      const { thresholds: _, ...outputs } = report.outputs!;
      const { thresholds: __, ...drift } = outputs.drift;
      return { ...report, outputs: { ...outputs, drift } };
    }));
    expectSound(page);
    expect(plain(section(page, 'outputs'))).toContain('23.1 %, on the baseline 20.4 % PSI');
  });
});

describe('the business outcome', () => {
  it('is told beside the outputs that go with it', () => {
    const text = plain(section(full, 'outcome'));
    expect(text).toContain('Outcome rebooking cost Rows 4,120 with an output and an outcome Mean 31.40 30.20 to 32.60 EUR Correlation with the output 0.2100 0.1800 to 0.2400 (Pearson)');
    expect(text).toContain('Correlation of ranks 0.2800 0.2500 to 0.3100 (Spearman) Least of the spec 0.3500 ✕ fail');
    expect(text).toContain('positive 911 62.50 negative 3,209 22.57 Positive less negative: 39.93 35.83 to 44.03 EUR');
  });

  it('without figures has dashes, and is not there where the spec names none, or the report is of before', () => {
    const bare = { ...outcomeFixture, unit: null, rows: 0, mean: null, pearson: null, spearman: null, threshold: { limit: null, verdict: 'inconclusive' as const }, decisions: null };
    const page = assessmentPage(withReport((report) => ({ ...report, outcome: bare })));
    expectSound(page);
    expect(plain(section(page, 'outcome'))).toContain('Mean – Correlation with the output – (Pearson) Correlation of ranks – (Spearman) Least of the spec none');
    for (const without of [{ outcome: null }, {}]) {
      expect(assessmentPage(withReport(({ outcome: _, ...report }) => ({ ...report, ...without })))).not.toContain('part-outcome');
    }
  });
});

describe('what the rise goes with', () => {
  const attributed = (changes: Partial<typeof attributionFixture>): string => {
    const page = assessmentPage(withReport((report) => ({ ...report, attribution: { ...attributionFixture, ...changes } })));
    expectSound(page);
    return plain(section(page, 'attribution'));
  };

  it('is said in a sentence, then feature by feature and bin by bin', () => {
    const text = plain(section(full, 'attribution'));
    expect(text).toContain('The mean loss has risen by 0.03120. At the same inputs the model has got worse, unevenly by origin, most where origin is EWR: 0.1412 on the baseline and 0.2371 now. ' +
      'Inputs moved to where losses are higher in wind: 0.01010 of the rise by wind.');
    expect(text).toContain('origin change 0.0004000 -0.001100 to 0.001900 0.6000 adjusted 1.000 0.03080 1.100e-6 adjusted 6.600e-6 0.01720 EWR');
    expect(text).toContain('constant not surely 0 – 0.03120 – 0 any number');
    expect(text).toContain('origin another value 3 10.34 % 0 % 0.2371 – -0.0001000 0');
    expect(text).toMatch(/wind 21\.5 or more .* wind 18 to 21\.5 .* wind below 2 /);
  });

  it('is no feature where none surely explains it, and nothing where there is no rise', () => {
    const features = attributionFixture.features.map((feature) => ({ ...feature, explains: [] }));
    expect(attributed({ features, explaining: [] })).toContain('No feature explains the rise of 0.03120: as far as these rows tell, it is even.');
    expect(attributed({ features: features.slice(2), explaining: [] })).toContain('The mean loss has risen by 0.03120. These rows, or those of the baseline, are too few to tell which features it goes with.');
    expect(attributed({ features, explaining: [], rise: -0.01 })).toContain("The mean loss is not above the baseline's: there is no rise to explain.");
  });

  it('names the first features of many, and is not there before labels are', () => {
    const features = Array.from({ length: 60 }, (_, place) => ({ ...attributionFixture.features[0]!, name: `f${place}` }));
    const text = attributed({ features, explaining: features.map(({ name }) => name) });
    expect(text).toContain('unevenly by f0, f1, f2 and 57 more, most where f0 is EWR');
    expect(text).toContain('The first 50 of 60 features');
    expect(assessmentPage(withReport((report) => ({ ...report, attribution: null })))).not.toContain('part-attribution');
  });
});

describe('the plots of a page', () => {
  it('draw one shape a verdict, for every window in the strip and every figure in the panels', () => {
    const verdicts = windows.map(({ assessment }) => assessment.verdict);
    for (const verdict of ['pass', 'fail', 'inconclusive'] as const) {
      expect(count(drawn(full, 'trends'), `class="shape ${verdict}"`)).toBe(3 * verdicts.filter((one) => one === verdict).length);
    }
    expect(count(drawn(full, 'trends'), 'class="whisker"')).toBe(26);
    expect(count(drawn(full, 'trends'), 'class="band"')).toBe(26);
  });

  it('break the confidence sequence where it begins anew, and mark the alarm with its date', () => {
    const harm = drawn(full, 'harm');
    expect(labels(harm, 'mark-name began')).toEqual(['begins', 'new version']);
    expect(labels(harm, 'mark-name alarm')).toEqual([`alarm ${new Date(windows.at(-1)!.report!.harm!.standing.alarm!.atMs).toISOString().slice(0, 10)}`]);
    expect(count(harm, 'class="lower"')).toBe(2);
    expect(count(/class="dots" d="([^"]*)"/.exec(harm)![1]!, 'h0')).toBe(26 * 7);
    expect(plain(section(full, 'harm'))).toMatch(/2013-01-07 \(begins\) 2013-03-18 .* none 2013-03-18 \(new version\) 2013-07-08/);
  });

  it('break the sequence also where a report is lost, and pass its window over', () => {
    const lost = windows.map((one, place) => (place === 4 ? { ...one, report: null } : one));
    const page = assessmentPage(factsOf(lost));
    expectSound(page);
    expect(count(drawn(page, 'harm'), 'class="lower"')).toBe(3);
    expect(plain(section(page, 'harm'))).toContain('2013-02-11 (goes on)');
    expect(count(drawn(page, 'trends'), 'class="shape')).toBe(3 * 26);
  });

  it('mark small groups by their shape and in words', () => {
    const fairness = section(full, 'fairness');
    expect(count(drawn(full, 'groups-2'), 'class="rate small"')).toBe(1);
    expect(plain(fairness)).toContain('male × 40 and above too small 61 59');
    expect(plain(fairness)).toContain('demographic parity ratio 0.7740 0.6900 to 0.8660 male female selection rate, 1 pair of groups');
    expect(plain(fairness)).toContain('equalized odds difference – – – – a rate is defined for fewer than two groups');
  });

  it('show how far outputs moved beside where chance ends, window by window, and pass over what reports of before have not', () => {
    const steps = (page: string, kind: string): number => count(new RegExp(`<path class="${kind}" d="([^"]*)"/>(?![^]*<path class="${kind}")`).exec(drawn(page, 'trends'))?.[1] ?? '', 'M');
    expect([steps(full, 'threshold'), steps(full, 'dots')]).toEqual([26, 26]);
    const old = windows.map((one, place) => (place < 20 ? { ...one, report: { ...one.report!, outputs: { ...one.report!.outputs!, drift: numericDrift('output', Float64Array.of(1, 2), Float64Array.of(1, 3)) } } } : one));
    const page = assessmentPage(factsOf(old));
    expectSound(page);
    expect([steps(page, 'threshold'), steps(page, 'dots')]).toEqual([6, 26]);
    const { drift } = windows.at(-1)!.report!.outputs!;
    expect(plain(section(full, 'trends'))).toContain(`${drift.psi!.toPrecision(4)} ${drift.thresholds!.psi!.limit.toPrecision(4)} 0.2310 0.1810 to 0.2270`);
  });

  it('label times of windows shorter than a day', () => {
    const hours = windows.slice(0, 5).map((one, hour) => {
      const fromMs = Date.parse('2013-03-01T22:00:00.000Z') + hour * 3_600_000;
      return { ...one, assessment: { ...one.assessment, fromEvent: new Date(fromMs), untilEvent: new Date(fromMs + 3_600_000) } };
    });
    expect(labels(drawn(assessmentPage(factsOf(hours)), 'trends'), 'tick').slice(0, 6)).toEqual([
      '03-01 22:00', '03-01 23:00', '03-02 00:00', '03-02 01:00', '03-02 02:00', '03-02 03:00',
    ]);
  });
});

describe('how a window was served', () => {
  const operations = (changes: Partial<typeof operationsFixture>): string => {
    const page = assessmentPage(withReport((report) => ({ ...report, operations: { ...operationsFixture, ...changes } })));
    expectSound(page);
    return plain(section(page, 'operations'));
  };
  const { gateways, checks, latencyMs } = operationsFixture;

  it('is told figure by figure beside its limit, errors by kind and by whose fault', () => {
    const text = plain(section(full, 'operations'));
    expect(text).toContain(`Latency p99 ${latencyMs!.p99.toPrecision(4)} ms ${checks!.latencyP99Ms.limit!.toPrecision(4)} ms 25 earlier windows`);
    expect(text).toContain('Slow answers 2.5 % 1 % the spec ✕ fail');
    const [lag, check] = [operationsFixture.arrivalLagMs!, checks!.arrivalLagP95Ms!];
    expect(text).toContain(`Arrival after the event, p95 ${(lag.p95 / 1_000).toPrecision(4)} s ${(check.limit! / 1_000).toPrecision(4)} s 25 earlier windows`);
    expect(text).toContain(`Arrival after the event ${(lag.p50 / 1_000).toPrecision(4)} s p50, ${(lag.p95 / 1_000).toPrecision(4)} s p95, ${(lag.greatest / 1_000).toPrecision(4)} s at most`);
    expect(text).toContain('Sampled 3 minutes of 2 gateways, 2026-02-03 10:09:21 to 2026-02-03 10:11:12.001 UTC (wall time)');
    expect(text).toContain('Graphics processors none: gateways score on processors');
    expect(text).toContain(`1,200 answered, ${gateways!.rows.toLocaleString('en-US')} rows;`);
    expect(text).toMatch(/Capacity 120000 rows a second; used 0\.\d+ %, 0\.\d+ % in the busiest minute, 1\.75 % with the other models/);
    expect(text).toMatch(/Memory [23]\d\d\.\d MiB at most/);
    expect(text).toMatch(/Processor 0\.\d+ cores of 8, 0\.2400 in the busiest minute/);
    expect(text).toMatch(/InferenceInvalid caller 1\d [\d.]+ % ModelNotReady record \d [\d.]+ %/);
    expect(text).toContain('Errors of no deployment Count NotFound 2');
    expect(text).not.toContain('since its gateways started');
  });

  it('has a trend of latency, failures, load and arrival, a shape and a piece of limit for each window that has one', () => {
    const trend = drawn(full, 'operations-trend');
    expect(labels(trend, 'axis')).toEqual(['Latency p99, ms', 'Requests without an answer, %', 'Load, busiest minute, %', 'Arrival after the event, p95, s']);
    for (const verdict of ['pass', 'fail', 'inconclusive'] as const) {
      const of = windows.flatMap(({ report }) => (['latencyP99Ms', 'failedShare', 'busiestShare', 'arrivalLagP95Ms'] as const).map((name) => report!.operations!.checks![name]!.verdict));
      expect(count(trend, `class="shape ${verdict}"`), verdict).toBe(of.filter((one) => one === verdict).length);
    }
    expect([...trend.matchAll(/class="threshold" d="([^"]*)"/g)].map(([, path]) => count(path!, 'H'))).toEqual([18, 26, 18, 18]);
    expect(windows.slice(22, 24).map(({ report }) => report!.operations!.checks!.latencyP99Ms.verdict)).toEqual(['fail', 'fail']);
  });

  it('is told of reports of before as it was, and without samples with the reason', () => {
    const old = windows.map(({ report, assessment }): AssessedWindow => {
      const { operations: _, ...headline } = assessment.headline;
      return { report: { ...report!, operations: olderOperationsFixture }, assessment: { ...assessment, headline } };
    });
    const page = assessmentPage(factsOf(old));
    expectSound(page);
    expect(plain(section(page, 'operations'))).toMatch(/InvalidRequest 31 ModelNotReady 4 .* Failed requests are of the whole deployment since its gateways started/);
    expect(section(page, 'operations')).not.toContain('<svg');
    const { arrivalLagP95Ms: __, ...earlierChecks } = checks!;
    expect(operations({ checks: earlierChecks, arrivalLagMs: undefined })).toContain('Slow answers 2.5 %');
    const none = { ...gateways!, gateways: 0, minutes: 0, undefinedBecause: { samples: 'no gateway has any', gpu: 'none is used' } };
    expect(operations({ gateways: none })).toContain('0 minutes of 0 gateways, 2026-02-03 10:09:21 to 2026-02-03 10:11:12.001 UTC (wall time): no gateway has any');
    expect(operations({ gateways: { ...gateways!, lostMinutes: 4 } })).toContain('2 gateways; 4 minutes are lost');
  });
});

describe('a page with less', () => {
  it('of a closed window has no measured figures', () => {
    const unrealised = ({ metrics, ...rest }: NonNullable<WindowAssessmentReport['estimate']>) =>
      ({ ...rest, metrics: Object.fromEntries(Object.entries(metrics).map(([name, metric]) => [name, metric && { ...metric, realised: null }])) });
    const closed = withReport((report) => ({ ...report, occasion: 'closed', revision: 1, estimate: unrealised(report.estimate!), quality: null, harm: null, attribution: null, fairness: null }));
    const page = assessmentPage({ ...closed, assessment: { ...closed.assessment, occasion: 'closed', revision: 1, verdict: 'pass' } });
    expectSound(page);
    expectWithin(page);
    expect(plain(page)).toContain('6,000; labels are not due yet');
    expect(plain(section(page, 'quality'))).toContain('Labels are not due yet');
    expect(plain(section(page, 'quality'))).toMatch(/AUC more is better 0\.7214 \S+ to \S+ 0\.\d+ \S+ to \S+ – – –/);
    expect(page).not.toContain('part-fairness');
    expect(plain(section(page, 'decision'))).toContain('not after this assessment');
  });

  it('says why there is no estimate, and how one of a regression is made', () => {
    const page = assessmentPage(withReport((report) => ({ ...report, estimate: null, withoutEstimate: 'There is no <trainer>.' })));
    expectSound(page);
    expect(plain(section(page, 'quality'))).toContain('There is no estimate: There is no &lt;trainer&gt;.');
    const regression = assessmentPage(withReport((report) => ({ ...report, estimate: { ...report.estimate!, method: 'dle' } })));
    expect(plain(section(regression, 'quality'))).toContain('Estimated: by a second model that predicts the error of each row (DLE) on 5,904 rows');
  });

  it('shows harm before labels where the window has it, or why there is none', () => {
    const course = [{ from: '2025-11-03T00:00:00.000Z', rows: 90, mean: 0.4, lower: 0.31, evidence: 12 }];
    const standing = { rows: 900, missing: 3, mean: 0.42, lower: 0.35, limit: 0.33, evidence: 200, threshold: 160, alarm: { atMs: Date.parse('2025-11-04'), by: 'runningMean' as const, sinceMs: Date.parse('2025-11-02') } };
    const threshold = { errorLevel: 0.5, error: 0.1, estimate: 0.2, flagged: 0.3, precision: 0.9, recall: 0.8 };
    const found = assessmentPage(withReport((report) => ({ ...report, estimatedHarm: { evidence: { began: null, allowance: 0.025, standing, course }, threshold, because: null } })));
    expectSound(found);
    const shown = plain(section(found, 'estimated-harm'));
    expect(shown).toMatch(/Harm found 2025-11-04, by the running mean; since 2025-11-02 .* 0\.4200 of 900 rows; 3 without an estimate .* 0\.3500; harm begins above 0\.33/);
    const none = assessmentPage(withReport((report) => ({ ...report, estimatedHarm: { evidence: null, threshold: null, because: 'Too few rows.' } })));
    expectSound(none);
    expect(plain(section(none, 'estimated-harm'))).toContain('No evidence for or against. Too few rows.');
    expect(assessmentPage(withReport((report) => report))).not.toContain('part-estimated-harm');
  });

  it('without a baseline says that nothing is known', () => {
    const page = assessmentPage(withReport(() => null, { decision: null }));
    expectSound(page);
    expect(plain(page)).toContain('no row of a version with a baseline could be measured');
    expect(plain(section(page, 'decision'))).toContain('Nothing was decided');
    const lost = assessmentPage({ ...withReport(() => null), assessment: { ...windows.at(-1)!.assessment } });
    expect(plain(lost)).toContain('is not in the artifact store');
  });

  it('of the first window alone draws it', () => {
    const page = assessmentPage(factsOf(assessedWindows(1), { revisions: [], decision: null }));
    expectSound(page);
    expectWithin(page);
    expect(count(drawn(page, 'trends'), 'class="shape pass"')).toBe(3);
    expect(labels(drawn(page, 'trends'), 'tick')).toEqual(Array.from({ length: 3 }, () => ['2013-01-07', '2013-01-14']).flat());
  });

  it('of a window without rows has no plot', () => {
    const assessment = { ...assessmentOf(null, 0, { rows: 0 }) };
    const page = assessmentPage(factsOf([{ assessment, report: null }], { revisions: [assessment], decision: null }));
    expectSound(page);
    expect(plain(section(page, 'trends'))).toContain('No metric is known of these windows. No loss is known of these windows.');
    expect(plain(section(page, 'harm'))).toContain('No window shown has evidence');
    const operations = { ...olderOperationsFixture, latencyMs: null, firstEvent: null, lastEvent: null, newestReceived: null, guards: {}, errors: {} };
    const empty = assessmentPage(withReport((report) => ({ ...report, operations,
      fairness: { groupings: [{ ...fairnessFixture.groupings[0]!, groups: [], disparities: {} }], checks: [] } })));
    expectSound(empty);
    expect(plain(section(empty, 'operations'))).toContain('No answer has a latency.');
  });
});

describe('a page of strange facts', () => {
  it('escapes whatever comes from data', () => {
    const hostile = `"><script>alert('1')</script>&\u0000`;
    const seed = withReport((report) => ({
      ...report, operations: { ...operationsFixture, guards: { [hostile]: 1 }, gateways: { ...operationsFixture.gateways!, undefinedBecause: { capacity: hostile },
        errors: { ...operationsFixture.gateways!.errors, byKind: { [hostile]: { count: 1, share: 0.1 } }, unplaced: { [hostile]: 2 } } } },
      quality: { ...report.quality!, slices: [{ ...report.quality!.slices[0]!, column: hostile, value: hostile, undefinedBecause: { r2: hostile } }] },
      attribution: { ...attributionFixture, explaining: [hostile], features: [{ ...attributionFixture.features[0]!, name: hostile, explains: ['change', 'shift'],
        bins: [{ ...attributionFixture.features[0]!.bins[0]!, category: hostile }] }] },
      fairness: {
        groupings: [{ ...fairnessFixture.groupings[0]!, columns: [hostile], groups: [{ ...fairnessFixture.groupings[0]!.groups[0]!, group: [hostile] }],
          disparities: { [hostile]: null }, undefinedBecause: { [hostile]: hostile } }],
        checks: [{ name: `fairness:${hostile}:x`, verdict: 'error', explanation: hostile }],
      },
    }));
    const finding = { check: 'unknown' as const, feature: hostile, measured: 1, low: 1, limit: 0, rows: 1, message: hostile };
    const { record } = seed.decision!;
    const page = assessmentPage({
      ...seed, temporalUrl: `http://localhost/"${hostile}`, assessment: { ...seed.assessment, model: hostile, deployment: hostile, findings: [finding] },
      decision: { record: { ...record, because: hostile, trigger: hostile },
        detail: { outcome: 'wait', because: hostile, rules: [{ rule: hostile, verdict: 'hold', because: hostile }], facts: {} } },
    });
    expectSound(page);
    expect(page).not.toContain("alert('1')");
    expect(page).not.toContain('\u0000');
    expect(count(page, '&lt;script&gt;')).toBeGreaterThan(15);
    // In the sentence thrice with the worst bin, and once in each table for the feature and for its bin.
    expect(count(section(page, 'attribution'), '&lt;script&gt;')).toBeGreaterThanOrEqual(8);
  });

  it.each([[1e-9], [1e12], [0]])('stays within its drawings for figures around %s', (size) => {
    const scaled = windows.map(({ report, assessment }, place): AssessedWindow => {
      const of = (factor: number) => ({ value: size * factor, low: size * factor * 0.9, high: size * factor * 1.1 });
      const course = report!.harm!.course.map((point) => ({ ...point, mean: size * point.mean!, lower: point.lower === null ? null : size * point.lower,
        evidence: place > 20 ? 1e200 : 0 }));
      const standing = { ...report!.harm!.standing, limit: size, mean: size, lower: size, evidence: 1e200 };
      return {
        report: { ...report!, harm: { ...report!.harm!, course, standing } },
        assessment: { ...assessment, headline: { ...assessment.headline, measured: of(1 + place / 100), baseline: of(1), estimated: of(1), meanLoss: size, harm: standing } },
      };
    });
    const page = assessmentPage(factsOf(scaled));
    expectSound(page);
    expectWithin(page);
    expect(labels(drawn(page, 'harm'), 'value').at(-1)).toBe('1e200');
    expect(Math.max(...['trends', 'harm'].flatMap((id) => labels(drawn(page, id), 'value')).map(({ length }) => length))).toBeLessThanOrEqual(10);
  });

  it('stays small for hourly blocks of forty windows', () => {
    const hourly = assessedWindows(40).map(({ assessment, report }): AssessedWindow => {
      const course = Array.from({ length: 168 }, (_, hour) => ({ ...report!.harm!.course[hour % 7]!,
        from: new Date(assessment.fromEvent.getTime() + hour * 3_600_000).toISOString() }));
      return { assessment, report: { ...report!, harm: { ...report!.harm!, course } } };
    });
    const page = assessmentPage(factsOf(hourly));
    expect(count(drawn(page, 'harm'), 'h0')).toBe(40 * 168);
    expect(page.length).toBeLessThan(600_000);
  });
});
