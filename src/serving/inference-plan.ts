import type { FeatureSpec } from '../spec/model-spec.js';
import type { ObservationContext } from '../observations/segment-format.js';
import type { Challenger } from './challenger.js';
import { GUARD_OUTPUT, type AnswerTemplate, answerTemplate } from './infer-answer.js';
import { type GuardRails, guardRails } from './guard-rails.js';
import type { ModelSignature } from './model-signature.js';
import type { ReadyDeployment } from './routing-table.js';
import type { VersionFacts } from './served-version.js';
import type { ServingTallies, VersionCounter } from './serving-tallies.js';

/** How a version answers at a revision. */
export interface AnswerPlan {
  readonly facts: VersionFacts;
  readonly context: ObservationContext;
  readonly template: AnswerTemplate;
  readonly counter: VersionCounter;
  /** Place of the judged value: the output, its width, and its column. */
  readonly judged: JudgedOutput;
}

export interface JudgedOutput {
  readonly index: number;
  readonly columns: number;
  /** Place of the class that follows from the probability; -1 where the model gives none. */
  readonly label: number;
}

export interface ChallengerPlan extends AnswerPlan {
  readonly challenger: Challenger;
  /** Whether rows that are encoded for the champion are what it takes too. */
  readonly sameRows: boolean;
}

/** All that follows from what a deployment serves at a revision, made once for it. */
export interface InferencePlan {
  readonly served: ReadyDeployment;
  readonly champion: AnswerPlan;
  readonly challengers: readonly ChallengerPlan[];
  readonly guards: GuardRails | null;
  /** Names of outputs that may be asked for. */
  readonly outputs: readonly string[];
  /** Features that only challengers have. */
  readonly others: ReadonlySet<string>;
  /** Features that any version has. */
  readonly features: ReadonlySet<string>;
}

/** Makes the plan of what is served, and keeps it as long as that is. */
export function inferencePlans(tallies: ServingTallies): (served: ReadyDeployment) => InferencePlan {
  const plans = new WeakMap<ReadyDeployment, InferencePlan>();
  return (served) => {
    const known = plans.get(served);
    if (known) return known;
    const plan = planOf(served, tallies);
    plans.set(served, plan);
    return plan;
  };
}

function planOf(served: ReadyDeployment, tallies: ServingTallies): InferencePlan {
  const { champion, challengers, policy } = served;
  const { signature } = champion;
  const features = new Set([champion, ...challengers].flatMap((version) => version.signature.features.map(({ name }) => name)));
  return {
    served,
    champion: answerPlan(served, champion, 'champion', tallies),
    challengers: challengers.map((challenger) => ({
      ...answerPlan(served, challenger, 'challenger', tallies), challenger, sameRows: encodesAlike(signature.features, challenger.signature.features),
    })),
    guards: policy.guardRails ? guardRails(policy.guardRails) : null,
    outputs: [...signature.outputs.map(({ name }) => name), ...(policy.guardRails ? [GUARD_OUTPUT] : [])],
    others: new Set([...features].filter((name) => !signature.indexOf.has(name))),
    features,
  };
}

function answerPlan(served: ReadyDeployment, facts: VersionFacts, role: 'champion' | 'challenger', tallies: ServingTallies): AnswerPlan {
  const { model, deployment, revision, epoch, policy, retirement } = served;
  const { version, specDigest, signature } = facts;
  return {
    facts,
    context: { model, deployment, revision, epoch, version, role, specDigest, features: signature.features.map(({ name }) => name), observeInputs: policy.observeInputs && facts.policy.observeInputs },
    template: answerTemplate({ model, deployment, version, epoch, revision, role, retirement }, signature.outputs),
    counter: tallies.of(model, deployment, version),
    judged: judgedOutput(signature, facts.task),
  };
}

/** Admission has seen to it that a version has the output of its task. */
function judgedOutput({ outputs }: ModelSignature, task: VersionFacts['task']): JudgedOutput {
  const place = (name: string): number => outputs.findIndex((output) => output.name === name);
  return task === 'regression'
    ? { index: place('predictions'), columns: 1, label: -1 }
    : { index: place('probabilities'), columns: 2, label: place('label') };
}

/** The same features in the same order, and the same codes for the same categories. */
export const encodesAlike = (one: readonly FeatureSpec[], other: readonly FeatureSpec[]): boolean =>
  one.length === other.length && one.every((feature, index) => sameEncoding(feature, other[index]!));

function sameEncoding(one: FeatureSpec, other: FeatureSpec): boolean {
  if (one.name !== other.name || one.type !== other.type) return false;
  if (one.type === 'number' || other.type === 'number') return true;
  return one.categories.length === other.categories.length && one.categories.every((category, code) => category === other.categories[code]);
}
