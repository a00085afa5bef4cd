import { Injectable } from '@nestjs/common';
import { maskedAssessment } from '../src/contracts/masked-reports.js';
import { sensitivityOf } from '../src/contracts/masking.js';
import { isoTime } from '../src/contracts/time.js';
import type { AssessmentHeadline, DueAssessment } from '../src/contracts/window-assessment.js';
import type { OutcomeFigures, WindowAssessmentReport } from '../src/contracts/window-assessment-report.js';
import type { WindowFinding, WindowVerdict } from '../src/contracts/window-summary.js';
import { type ChampionFigures, rowLosses, sampleOf } from '../src/drift/champion-figures.js';
import { labelledHarmTerms } from '../src/drift/harm-budgets.js';
import { followHarm, type HarmCourse, harmVerdict } from '../src/drift/harm-course.js';
import { monitoringPlan } from '../src/drift/monitoring-plan.js';
import { outcomeFigures } from '../src/drift/outcome-figures.js';
import { windowAttribution } from '../src/drift/served-losses.js';
import type { ServedRows } from '../src/drift/served-rows.js';
import { outputFigures, qualityFigures } from '../src/drift/window-assessment.js';
import { checkWindow } from '../src/drift/window-check.js';
import { unjudgedFairness, type WindowFairness, windowFairness } from '../src/drift/window-fairness.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';
import { ChampionBaselines } from './champion-baselines.js';
import { HarmMemories, type MeasuredHarm } from './harm-memories.js';
import { MonitoringReports } from './monitoring-reports.js';
import { type CountedWindow, type MeasuredRows, ServedWindows } from './served-windows.js';
import { WindowEstimates } from './window-estimates.js';
import { WindowOperations } from './window-operations.js';

export interface MeasuredWindow {
  readonly verdict: WindowVerdict['verdict'];
  readonly rows: number;
  readonly findings: readonly WindowFinding[];
  readonly headline: AssessmentHeadline;
  /** Null where there is nothing to measure, or nothing to measure it against. */
  readonly report: WindowAssessmentReport | null;
  /** Null before labels are due. */
  readonly harm: MeasuredHarm | null;
  /** By estimated errors; null where the window does not close now, and where the spec leaves it out. */
  readonly estimatedHarm: (MeasuredHarm & { readonly tells: boolean }) | null;
}

/** Measures a window of a deployment against the baseline of the version that answered most of it. */
@Injectable()
export class WindowMeasurements {
  constructor(
    private readonly harm: HarmMemories,
    private readonly reports: MonitoringReports,
    private readonly models: ModelsRepository,
    private readonly baselines: ChampionBaselines,
    private readonly served: ServedWindows,
    private readonly operations: WindowOperations,
    private readonly estimates: WindowEstimates,
  ) {}

  async measure(window: CountedWindow, labelRevision: number, signal: AbortSignal): Promise<MeasuredWindow> {
    const spec = await this.specOf(window);
    const plan = monitoringPlan(spec);
    if (window.occasion !== 'closed' && (await this.harm.isLeftOut(window))) return this.withoutBaseline(window, spec, null);
    const { query, rows } = await this.served.read(window, spec, labelRevision, signal);
    const figures = rows && (await this.baselines.figuresOf(window.model, rows.versions[0]!.version, plan, signal));
    if (!rows || !figures) return this.withoutBaseline(window, spec, rows);
    return window.occasion === 'closed' ? this.closed(window, spec, { query, rows, figures }) : this.labelled(window, spec, { query, rows, figures }, labelRevision);
  }

  /** Figures are made again by the spec that they were made by; what is sensitive by the one in force is masked too. */
  private async specOf({ model, specDigest }: DueAssessment): Promise<ModelSpec> {
    const [spec, now] = [await this.models.spec(model, specDigest), await this.models.get(model)];
    const { sensitive = [] } = now.specDigest === specDigest ? {} : (await this.models.spec(model, now.specDigest)).data;
    return sensitive.length === 0 ? spec : { ...spec, data: { ...spec.data, sensitive: [...(spec.data.sensitive ?? []), ...sensitive] } };
  }

  /**
   * What a window comes to before its labels: the verdict over its inputs and over how its decisions differ between groups. An upstream fault would
   * show as unfairness and as harm, and is neither.
   */
  private async closed(window: DueAssessment, spec: ModelSpec, measured: MeasuredRows): Promise<MeasuredWindow> {
    const { rows, figures } = measured;
    const [inputs, drift, judged] = [await this.ofInputs(window), await this.reports.drift(window), fairnessOf(window, spec, measured)];
    const faulty = drift !== null && drift.faults.length > 0;
    const fairness = judged && faulty ? unjudgedFairness(judged) : judged;
    const { estimatedHarm, ...estimate } = await this.estimates.of(window, spec, measured, faulty);
    const report: WindowAssessmentReport = { ...(await this.reportOf(window, spec, measured)), ...estimate, estimatedHarm: estimatedHarm?.figures ?? null, quality: null, harm: null, attribution: null, fairness: fairness?.figures ?? null };
    const findings = [...inputs.findings, ...(fairness?.findings ?? [])];
    const verdict = fairness && fairness.findings.length > 0 ? 'fail' : inputs.verdict;
    return { verdict, findings, rows: rows.outputs.length, headline: await this.headline(window, rows, figures, report), report: maskedAssessment(report, sensitivityOf(spec)), harm: null, estimatedHarm: estimatedHarm && { ...estimatedHarm.measured, tells: spec.monitoring.estimatedHarm === 'alarm' } };
  }

  private async labelled(window: CountedWindow, spec: ModelSpec, measured: MeasuredRows, labelRevision: number): Promise<MeasuredWindow> {
    const { query, rows, figures } = measured;
    const before = await this.harm.before(window);
    const losses = rowLosses(figures.plan, rows.outputs, rows.labels);
    const course = losses && followHarm(before.memory, { ...window, figures, terms: labelledHarmTerms(spec.monitoring, await this.harm.shareOf(window)), losses, eventTimesMs: rows.eventTimesMs, resolved: before.resolved });
    const fairness = fairnessOf(window, spec, measured);
    const { estimate, withoutEstimate } = await this.estimates.of(window, spec, measured, false);
    const report: WindowAssessmentReport = {
      ...(await this.reportOf(window, spec, measured)), estimate, withoutEstimate, estimatedHarm: null, quality: qualityFigures(rows, figures, { task: spec.task, alpha: spec.evaluation.alpha, labelRevision }),
      harm: course && figuresOf(course), attribution: losses && (await windowAttribution(query, { ...rows, losses }, figures, spec.evaluation.alpha)), fairness: fairness?.figures ?? null,
      outcome: outcomeOf(spec, measured),
    };
    const summary = { rows: rows.outputs.length, inputRows: 0, features: [], loss: losses && report.quality!.labelled > 0 ? sampleOf(losses) : null };
    const findings = [...checkWindow(spec, summary).findings, ...(fairness?.findings ?? [])];
    const verdict = findings.length > 0 ? 'fail' : harmVerdict(course, report.quality!.meanLoss);
    return {
      verdict, rows: rows.outputs.length, findings, headline: await this.headline(window, rows, figures, report), report: maskedAssessment(report, sensitivityOf(spec)),
      harm: { before, memory: course?.memory ?? before.memory }, estimatedHarm: null,
    };
  }

  private async withoutBaseline(window: CountedWindow, spec: ModelSpec, rows: ServedRows | null): Promise<MeasuredWindow> {
    const closed = window.occasion === 'closed';
    const { verdict, findings } = closed ? await this.ofInputs(window) : { verdict: 'inconclusive' as const, findings: [] };
    const version = rows?.versions[0]?.version ?? null;
    const headline: AssessmentHeadline = { version, labelled: 0, metric: null, measured: null, threshold: null, baseline: null, estimated: null, meanLoss: null, harm: null, drifted: await this.drifted(window), complete: window.completeness.complete };
    return {
      verdict, findings, rows: rows?.outputs.length ?? 0, headline, report: null, harm: closed ? null : unchanged(await this.harm.before(window)),
      estimatedHarm: closed && spec.monitoring.estimatedHarm !== 'off' ? { ...unchanged(await this.harm.estimatedBefore(window)), tells: false } : null,
    };
  }

  private async ofInputs(window: DueAssessment): Promise<Pick<MeasuredWindow, 'verdict' | 'findings'>> {
    const look = await this.reports.inputs(window);
    return { verdict: look?.verdict ?? 'inconclusive', findings: look?.findings ?? [] };
  }

  /** What every occasion tells. */
  private async reportOf(window: DueAssessment, spec: ModelSpec, measured: MeasuredRows): Promise<Omit<WindowAssessmentReport, 'estimate' | 'quality' | 'harm' | 'attribution' | 'fairness'>> {
    const { model, deployment, fromMs, untilMs, occasion, revision, completeness } = window;
    const { rows: served, figures } = measured;
    const { version, snapshot, rows, from, until, heldOut, measurement, losses, plan } = figures;
    return {
      model, deployment, from: isoTime(fromMs), until: isoTime(untilMs), occasion, revision, completeness, versions: served.versions,
      baseline: { version, snapshot, rows, from, until, ...(heldOut && { heldOut }), measurement, metric: plan.metric, meanLoss: losses?.sample.mean ?? null },
      outputs: outputFigures(served, await this.baselines.outputsOf(figures), figures, spec.evaluation.alpha),
      operations: await this.operations.of(window, spec, served.operations),
    };
  }

  private async headline(window: DueAssessment, { versions }: ServedRows, figures: ChampionFigures, { estimate, quality, harm, operations }: WindowAssessmentReport): Promise<AssessmentHeadline> {
    const metric = figures.confidence ? 'auc' : 'rmse';
    const estimated = estimate?.metrics[metric] ?? null;
    return {
      version: versions[0]?.version ?? null, labelled: quality?.labelled ?? 0, metric, measured: quality?.measurement.metrics[metric] ?? null, threshold: quality?.thresholds[metric]?.limit ?? null, baseline: figures.measurement.metrics[metric] ?? null,
      estimated: estimated && { value: estimated.value, low: estimated.low, high: estimated.high }, meanLoss: quality?.meanLoss ?? null, harm: harm?.standing ?? null, drifted: await this.drifted(window), complete: window.completeness.complete,
      operations: operations?.checks ?? null,
    };
  }

  private async drifted(window: DueAssessment): Promise<readonly string[] | null> {
    return window.occasion === 'closed' ? ((await this.reports.drift(window))?.drifted ?? null) : null;
  }
}

function fairnessOf({ occasion, fromMs, untilMs }: DueAssessment, spec: ModelSpec, { rows, figures }: Pick<MeasuredRows, 'rows' | 'figures'>): WindowFairness | null {
  const { fairness, evaluation } = spec;
  if (!fairness) return null;
  return windowFairness(rows, { section: fairness, threshold: figures.plan.threshold, alpha: evaluation.alpha, lengthMs: untilMs - fromMs, labelsDue: occasion !== 'closed', sensitivity: sensitivityOf(spec) });
}

const outcomeOf = ({ monitoring: { outcome }, evaluation, task }: ModelSpec, { rows, figures }: MeasuredRows): OutcomeFigures | null =>
  (outcome ? outcomeFigures(rows, { section: outcome, task, threshold: figures.plan.threshold, alpha: evaluation.alpha }) : null);

const unchanged = (before: MeasuredHarm['before']): MeasuredHarm => ({ before, memory: before.memory });

const figuresOf = ({ began, allowance, standing, course }: HarmCourse): WindowAssessmentReport['harm'] => ({ began, allowance, standing, course });
