import { nearestName } from '../contracts/near-miss.js';
import { durationMs } from '../contracts/time.js';
import { CLASSIFICATION_METRICS, REGRESSION_METRICS } from '../contracts/verdict.js';
import { MOST_COMPARED_GROUPS, MOST_NUMBER_GROUPS } from './fairness-section.js';
import { joinFaults } from './join-faults.js';
import { isBelow, RISK_QUESTIONS, type RiskAnswers, riskScore, TIERS } from './risk-tier.js';
import { type FieldFault, type Fields, fieldsOf, listOf, spellingFaults } from './loose-fields.js';

/**
 * What the fields of a spec must keep with each other.
 * @param spec maybe with faults of its own: what is not there or of another kind is passed over
 */
export function faultsBetweenFields(spec: unknown): FieldFault[] {
  const { data, task, tier, gates, evaluation, retraining, rollout, serving, monitoring, fairness, useCase } = fieldsOf(spec);
  const features = listOf(fieldsOf(data)['features']).map(fieldsOf);
  const [joins, slices] = [listOf(fieldsOf(data)['joins']).map(fieldsOf), listOf(fieldsOf(evaluation)['slices'])];
  return [
    ...features.flatMap((feature, index) => featureFaults(feature, index, features, fieldsOf(data)['label'])),
    ...spellingFaults(['data'], [
      ...listOf(fieldsOf(data)['key']), fieldsOf(data)['eventTime'], fieldsOf(data)['label'], ...features.map(({ name }) => name), ...slices, ...joins.flatMap(({ on }) => listOf(on)),
    ]),
    ...joinFaults(joins, fieldsOf(data), [...features.map(({ name }) => name), ...slices]),
    ...sensitiveFaults(fieldsOf(data), [...features.map(({ name }) => name), ...slices, ...joins.flatMap(({ on, tieBreaker }) => [...listOf(on), ...listOf(tieBreaker)])]),
    ...metricFaults(task, fieldsOf(gates)),
    ...recentLossFaults(task, fieldsOf(gates), fieldsOf(rollout)),
    ...holdOutFaults(fieldsOf(evaluation), fieldsOf(rollout)),
    ...trialFaults(fieldsOf(retraining), fieldsOf(evaluation), fieldsOf(gates)),
    ...rolloutFaults(task, fieldsOf(rollout)),
    ...servingFaults(task, fieldsOf(fieldsOf(serving)['guardRails'])),
    ...monitoringFaults(task, fieldsOf(rollout), fieldsOf(monitoring)),
    ...(fairness === undefined ? [] : fairnessFaults(task, fieldsOf(fairness), features)),
    ...tierFaults(tier, useCase),
  ];
}

function featureFaults({ name, min, max, categories }: Fields, index: number, features: readonly Fields[], label: unknown): FieldFault[] {
  const at = ['data', 'features', index];
  const faults: FieldFault[] = [];
  const before = features.slice(0, index).findLastIndex((feature) => feature['name'] === name);
  if (name !== undefined && before >= 0) faults.push({ path: [...at, 'name'], message: `is also the name of feature ${before}` });
  if (name !== undefined && name === label) faults.push({ path: [...at, 'name'], message: 'is the label; a model may not see it' });
  if (typeof min === 'number' && typeof max === 'number' && min > max) faults.push({ path: [...at, 'min'], message: 'is greater than max' });
  if (new Set(listOf(categories)).size !== listOf(categories).length) faults.push({ path: [...at, 'categories'], message: 'names a category twice' });
  return faults;
}

/** @param used columns beside the label and those of the key */
function sensitiveFaults({ sensitive, key, label, eventTime }: Fields, used: readonly unknown[]): FieldFault[] {
  const [names, known] = [listOf(sensitive), [...listOf(key), label, ...used].filter((name) => typeof name === 'string')];
  return names.flatMap((name, index) => {
    const path = ['data', 'sensitive', index];
    if (typeof name !== 'string') return [];
    if (names.indexOf(name) < index) return [{ path, message: `names ${name} a second time` }];
    if (known.includes(name)) return [];
    if (name === eventTime) return [{ path, message: `is ${name}, the event time, by which every row is found and every window named; it cannot be masked` }];
    const meant = nearestName(name, known);
    return [{ path, message: `is ${name}, which the spec does not use: ${meant === undefined ? 'name a feature, a slice, the label or a column of a key' : `did you mean ${meant}?`}` }];
  });
}

/** A tier or an answer that there is not is told by the schema. */
function tierFaults(tier: unknown, useCase: unknown): FieldFault[] {
  const stated = TIERS.find((one) => one === tier);
  if (stated === undefined) return [];
  if (useCase === undefined && !isBelow(stated, 'high')) return [{ path: ['useCase'], message: `is missing: a model of the ${stated} tier states its use case, so that approvers decide over it and its versions are validated` }];
  const answers = fieldsOf(fieldsOf(useCase)['risk']);
  if (!isAnswered(answers)) return [];
  const { points, tier: least } = riskScore(answers);
  return isBelow(stated, least) ? [{ path: ['tier'], message: `is ${stated}, and useCase.risk comes to ${least} (${points} points); state ${least} or a higher one` }] : [];
}

const isAnswered = (answers: Fields): answers is Fields & RiskAnswers =>
  Object.entries(RISK_QUESTIONS).every(([question, scale]) => (scale as readonly unknown[]).includes(answers[question]));

/** A metric that fits no task at all is told by the schema. */
function metricFaults(task: unknown, { absolute, comparison }: Fields): FieldFault[] {
  if (task !== 'regression' && task !== 'binary-classification') return [];
  const [fitting, others]: readonly (readonly string[])[] = task === 'regression' ? [REGRESSION_METRICS, CLASSIFICATION_METRICS] : [CLASSIFICATION_METRICS, REGRESSION_METRICS];
  const fault = (metric: unknown, path: (string | number)[]): FieldFault[] =>
    typeof metric === 'string' && others?.includes(metric)
      ? [{ path, message: `does not fit a ${task} model; choose one of ${fitting?.join(', ')} instead of ${metric}` }]
      : [];
  return [
    ...listOf(absolute).flatMap((gate, index) => fault(fieldsOf(gate)['metric'], ['gates', 'absolute', index, 'metric'])),
    ...fault(fieldsOf(comparison)['metric'], ['gates', 'comparison', 'metric']),
  ];
}

function recentLossFaults(task: unknown, { comparison }: Fields, { comparison: losses }: Fields): FieldFault[] {
  if (task !== 'regression' || fieldsOf(comparison)['by'] !== 'recentLoss' || fieldsOf(losses)['bound'] !== undefined) return [];
  return [{ path: ['rollout', 'comparison', 'bound'], message: 'is missing: gates.comparison.by recentLoss needs the largest absolute error that is counted, in the units of the label' }];
}

/** In a window that is as long as a cycle of blocks, some of it judges wherever the window begins. */
function holdOutFaults({ window, holdOutEvery: every }: Fields, { comparison }: Fields): FieldFault[] {
  const { block } = fieldsOf(comparison);
  if (typeof window !== 'string' || typeof block !== 'string' || typeof every !== 'number' || every < 2) return [];
  const [windowMs, blockMs] = [durationMs(window), durationMs(block)];
  if (windowMs === undefined || blockMs === undefined || windowMs >= every * blockMs) return [];
  return [{
    path: ['evaluation', 'holdOutEvery'],
    message: `asks for one block in ${every} of ${block} (rollout.comparison.block), and evaluation.window (${window}) is shorter than ${every} of them; lengthen the window, or lower this`,
  }];
}

/** A trial is worth its training where its candidate knows the newest rows, and where a gain on those alone is seen. */
function trialFaults({ triggers }: Fields, { holdOutEvery }: Fields, { comparison }: Fields): FieldFault[] {
  if (!listOf(triggers).includes('trial')) return [];
  const faults: FieldFault[] = [];
  if (holdOutEvery === undefined || holdOutEvery === 1) {
    faults.push({ path: ['evaluation', 'holdOutEvery'], message: 'must be 2 or more for the trigger trial: else its candidates learn nothing of the newest rows, all of which judge' });
  }
  if (fieldsOf(comparison)['by'] !== 'recentLoss') {
    faults.push({ path: ['gates', 'comparison', 'by'], message: 'must be recentLoss for the trigger trial: its candidates are to show a gain since a change, not over the whole window' });
  }
  return faults;
}

function rolloutFaults(task: unknown, { strategy, comparison, canary, shadow }: Fields): FieldFault[] {
  const faults: FieldFault[] = [];
  const { metric, bound, minimumSamples, maximumSamples } = fieldsOf(comparison);
  if (task === 'regression' && metric !== undefined && metric !== 'absoluteError') {
    faults.push({ path: ['rollout', 'comparison', 'metric'], message: 'does not fit a regression model; choose absoluteError' });
  }
  if (task === 'binary-classification' && metric === 'absoluteError') {
    faults.push({ path: ['rollout', 'comparison', 'metric'], message: 'does not fit a binary-classification model; choose brier or clippedLogLoss' });
  }
  if (task === 'regression' && strategy !== 'immediate' && bound === undefined) {
    faults.push({ path: ['rollout', 'comparison', 'bound'], message: 'is missing: the largest absolute error that is counted, in the units of the label (or set rollout.strategy to immediate)' });
  }
  if (typeof minimumSamples === 'number' && typeof maximumSamples === 'number' && minimumSamples > maximumSamples) {
    faults.push({ path: ['rollout', 'comparison', 'minimumSamples'], message: 'is greater than maximumSamples' });
  }
  const steps = listOf(fieldsOf(canary)['steps']);
  if (steps.some((step, index) => index > 0 && Number(step) <= Number(steps[index - 1]))) {
    faults.push({ path: ['rollout', 'canary', 'steps'], message: 'must rise from step to step' });
  }
  const [least, most] = [fieldsOf(shadow)['minimumTime'], fieldsOf(shadow)['maximumTime']].map((text) => (typeof text === 'string' ? durationMs(text) : undefined));
  if (least !== undefined && most !== undefined && least > most) faults.push({ path: ['rollout', 'shadow', 'minimumTime'], message: 'is longer than maximumTime' });
  return faults;
}

function servingFaults(task: unknown, { abstainBelow }: Fields): FieldFault[] {
  if (task !== 'regression' || abstainBelow === undefined) return [];
  return [{ path: ['serving', 'guardRails', 'abstainBelow'], message: 'does not fit a regression model, whose answers carry no confidence' }];
}

/** A mean of losses without a bound has no confidence bound that would hold for every model. */
function monitoringFaults(task: unknown, rollout: Fields, monitoring: Fields): FieldFault[] {
  return [...maximumLossFaults(task, rollout, monitoring), ...sourceFaults(fieldsOf(monitoring['source']))];
}

function sourceFaults({ output, version }: Fields): FieldFault[] {
  if (version === undefined || output !== undefined) return [];
  return [{ path: ['monitoring', 'source', 'version'], message: 'needs output beside it: who answered is known only of answers (without output the champion is asked)' }];
}

function maximumLossFaults(task: unknown, { strategy, comparison }: Fields, { maximumLoss }: Fields): FieldFault[] {
  if (task !== 'regression' || strategy !== 'immediate' || maximumLoss === undefined || fieldsOf(comparison)['bound'] !== undefined) return [];
  return [{ path: ['rollout', 'comparison', 'bound'], message: 'is missing: monitoring.maximumLoss needs the largest absolute error that is counted, in the units of the label' }];
}

function fairnessFaults(task: unknown, { groups, crossings }: Fields, features: readonly Fields[]): FieldFault[] {
  const faults: FieldFault[] = [];
  if (task === 'regression') faults.push({ path: ['fairness'], message: 'does not fit a regression model, which decides nothing; it is for binary-classification only' });
  const protectedColumns = listOf(groups);
  for (const [index, name] of protectedColumns.entries()) {
    const path = ['fairness', 'groups', index];
    const before = protectedColumns.indexOf(name);
    const feature = features.find((one) => one['name'] === name);
    if (before < index) faults.push({ path, message: `is also group ${before}` });
    else if (typeof name === 'string' && !feature) faults.push({ path, message: 'is no feature of data.features' });
    else if (mostGroups(feature) > MOST_COMPARED_GROUPS) faults.push({ path, message: `has ${mostGroups(feature)} categories; at most ${MOST_COMPARED_GROUPS} can be compared` });
  }
  return [...faults, ...listOf(crossings).flatMap((names, index) => crossingFaults(listOf(names), ['fairness', 'crossings', index], protectedColumns, features))];
}

function crossingFaults(names: readonly unknown[], path: FieldFault['path'], protectedColumns: readonly unknown[], features: readonly Fields[]): FieldFault[] {
  const strange = names.find((name): name is string => typeof name === 'string' && !protectedColumns.includes(name));
  if (strange !== undefined) return [{ path, message: `names ${strange}, which is not among fairness.groups` }];
  if (new Set(names).size < names.length) return [{ path, message: 'crosses a column with itself' }];
  const possible = names.reduce((product: number, name) => product * mostGroups(features.find((one) => one['name'] === name)), 1);
  return possible > MOST_COMPARED_GROUPS ? [{ path, message: `has ${possible} possible groups; at most ${MOST_COMPARED_GROUPS} can be compared` }] : [];
}

const mostGroups = (feature: Fields | undefined): number => (feature?.['type'] === 'number' ? MOST_NUMBER_GROUPS : Math.max(1, listOf(feature?.['categories']).length));
