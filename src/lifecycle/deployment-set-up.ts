import type { MonitoringState } from '../contracts/releases.js';
import { SET_UP_CRITERIA, type SetUpCriterion, type SetUpCriterionName, type SetUpState } from '../contracts/go-live.js';
import { canonicalJson } from '../contracts/canonical.js';
import type { ModelSpec } from '../spec/model-spec.js';

type Found = Pick<SetUpCriterion, 'state' | 'explanation'>;

export interface SetUpFacts {
  /** In force. */
  readonly spec: Pick<ModelSpec, 'tier' | 'gates' | 'monitoring' | 'useCase'>;
  /** Why its use case is not approved; null where it is. */
  readonly unapproved: string | null;
  /** Rows with a label that the baseline is of, or why none can be made. */
  readonly baseline: { readonly rows: number } | { readonly missing: string };
  /** Whether a made-up bad window raised an alarm that arrived; null where it was not tried. */
  readonly alarm: MonitoringState | null;
}

/**
 * What a version needs to go live, and whether it is there. Runbook and thresholds are those of the spec in force, which people mend while a version waits; the alarm is tried only when nothing else is
 * missing, so that nobody is sent a test at each look.
 */
export function judgeSetUp({ spec, unapproved, baseline, alarm }: SetUpFacts): SetUpCriterion[] {
  const before: Readonly<Record<Exclude<SetUpCriterionName, 'alarm'>, Found>> = {
    useCase: unapproved === null ? met('It is approved as the spec in force states it.') : missing(unapproved),
    runbook: runbook(spec),
    thresholds: thresholds(spec),
    baseline: 'missing' in baseline ? missing(baseline.missing) : met(`Its figures on ${baseline.rows.toLocaleString('en-US')} rows that judged it are what production is held against.`),
  };
  const complete = Object.values(before).every(({ state }) => state !== 'missing');
  const found = { ...before, alarm: complete ? proof(alarm) : waits('It is tried when nothing else is missing.') };
  return SET_UP_CRITERIA.map((name) => ({ name, ...found[name] }));
}

/** Nothing is missing and nothing waits; what is advised holds nothing up. */
export const isSetUp = (criteria: readonly SetUpCriterion[]): boolean => criteria.every(({ state }) => state === 'met' || state === 'advised');

/** What the spec itself lacks for a version to go live, a release step by step included. */
export function judgeSpec(spec: SetUpFacts['spec']): SetUpCriterion[] {
  return [{ name: 'runbook', ...runbook(spec) }, { name: 'thresholds', ...thresholds(spec) }];
}

function runbook({ tier, useCase }: SetUpFacts['spec']): Found {
  if (useCase?.runbook) return met('The spec says what to do when it alarms.');
  if (tier === 'low') return { state: 'advised', explanation: 'The spec has no useCase.runbook, which a low tier does not ask for: nobody is told what to do when it alarms.' };
  return missing(`A ${tier} tier goes live with a runbook: say in useCase.runbook what to do when it alarms, whom to call and how it is taken back, and apply the spec.`);
}

function thresholds({ gates, monitoring }: SetUpFacts['spec']): Found {
  const set = [...gates.absolute.map(({ metric }) => `gates.absolute (${metric})`), ...(monitoring.maximumLoss === undefined ? [] : ['monitoring.maximumLoss'])];
  if (set.length > 0) return met(`The spec says what is too bad: ${set.join(', ')}.`);
  return missing('The spec says nowhere what is too bad: set monitoring.maximumLoss, or gates.absolute for versions to come, and apply it.');
}

function proof(alarm: MonitoringState | null): Found {
  if (alarm === null) return waits('It is tried next.');
  return alarm.proven ? met(`Tried for real: ${alarm.explanation}.`) : missing(`${alarm.explanation}. It is tried again.`);
}

const met = (explanation: string): Found => ({ state: 'met' satisfies SetUpState, explanation });
const missing = (explanation: string): Found => ({ state: 'missing' satisfies SetUpState, explanation });
const waits = (explanation: string): Found => ({ state: 'waits' satisfies SetUpState, explanation });

/** Whether two specs differ in nothing but how the model is operated, its runbook, monitoring, retraining and rollout, and its end: nothing that a version was made or validated by. */
export function differsInOperation(one: ModelSpec, other: ModelSpec): boolean {
  return canonicalJson(withoutOperation(one)) === canonicalJson(withoutOperation(other));
}

function withoutOperation({ monitoring: _monitoring, retraining: _retraining, rollout: _rollout, retirement: _retirement, retention: _retention, useCase, ...rest }: ModelSpec): unknown {
  const { runbook: _runbook, ...stated } = useCase ?? {};
  return { ...rest, useCase: stated };
}
