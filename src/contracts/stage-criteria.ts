import type { Stage } from './stages.js';

/** One thing that is asked for, by a name under which a workflow says whether it is met. */
export type StageCriterion = readonly [name: string, sentence: string];

/** What a stage asks for, as docs/LIFECYCLE.md has it: a spec holds both together. */
export interface StageCriteria {
  /** Of its section in docs/LIFECYCLE.md. */
  readonly title: string;
  /** Type of the workflow that carries it. */
  readonly workflow: string;
  /** With the model in the place of `<model>`, and what is counted in that of `<version>` or `<n>`. */
  readonly workflowId: string;
  readonly entry: readonly StageCriterion[];
  /** Artifacts. */
  readonly required: readonly StageCriterion[];
  readonly exit: readonly StageCriterion[];
  /** A role, in words. */
  readonly accountable: string;
  readonly movedBy: string;
}

const OWNER = 'the owner that the spec names';

/** The six stages. Production has no workflow of its own (docs/adr/0017-production-is-the-lifecycle.md). */
export const STAGE_CRITERIA: Readonly<Record<Stage, StageCriteria>> = {
  useCaseApproval: {
    title: 'Use case approval', workflow: 'useCaseApproval', workflowId: 'model/<model>/useCaseApproval',
    entry: [['spec', 'a spec with a useCase section was applied'], ['tier', 'its tier is not below what the questionnaire comes to']],
    required: [['plan', 'the spec: the Model Development Plan, with business case, data, success criteria, risk and regulations']],
    exit: [['approved', "the approval is given, bound to the spec's digest"]],
    accountable: OWNER, movedBy: 'approvers, one vote each, never who applied the spec',
  },
  development: {
    title: 'Development', workflow: 'retrain', workflowId: 'retrain/<model>/<n>',
    entry: [['approved', 'the use case is approved as the spec in force states it, or the spec states none']],
    required: [['experiments', 'experiments with parameters, versions of data and code, and metrics'], ['snapshot', 'the snapshot'], ['version', 'the trained version'], ['evaluation', 'its evaluation and first test for bias']],
    exit: [['criteria', 'the newest version meets the criteria of its exit']],
    accountable: OWNER, movedBy: "owners, developers and services ask for retrains and log experiments; so do the spec's own triggers",
  },
  validation: {
    title: 'Validation', workflow: 'validation', workflowId: 'model/<model>/validation/<version>',
    entry: [['gate', 'a version of a model with a useCase section passed its gate']],
    required: [['report', 'the validation report']],
    exit: [['serves', 'the version is the champion, after its set-up, or in a release'], ['ends', 'or it is rejected, sent back, abandoned, expired, voided by another spec, or aborted because the champion moved']],
    accountable: OWNER, movedBy: 'the checks, a validator, approvers, by the tier; the validator had no part in the version',
  },
  deployment: {
    title: 'Deployment', workflow: 'deployment', workflowId: 'model/<model>/deployment/<version>',
    entry: [['validated', 'the version passed its gate and, where the spec states a use case, its validation']],
    required: [
      ['runbook', 'the runbook (useCase.runbook) and the thresholds, both in the spec'], ['baseline', "the champion's baseline"], ['steps', 'the release with its comparisons and steps'],
      ['alarm', 'the proof that monitoring works: a window in which something is wrong and a test alarm that arrived'], ['confirmation', "the owner's confirmation"],
    ],
    exit: [['champion', 'the version is the champion'], ['confirmed', 'its owner has confirmed that it went live'], ['watched', 'the watch of its release is over']],
    accountable: OWNER, movedBy: 'whoever mends what is missing; the comparison with the champion; owners and operators hold, advance and abort a release; the owner confirms',
  },
  production: {
    title: 'Production', workflow: 'modelLifecycle', workflowId: 'model/<model>',
    entry: [['champion', 'a version is the champion of a deployment']],
    required: [['findings', 'findings with the evidence that closed them'], ['reviews', 'periodic reviews with the champion and the digest of the spec that were reviewed']],
    exit: [['retirement', 'retirement: a review may ask for it']],
    accountable: `${OWNER}; for a finding its own owner`, movedBy: 'monitoring and people start retrains and releases; validators and approvers review; validators close findings, never their own',
  },
  retirement: {
    title: 'Retirement', workflow: 'retirement', workflowId: 'model/<model>/retirement',
    entry: [['asked', 'the owner asked for it: a trigger (replaced, harmful, unused, regulation), a reason, and the model to ask instead, if there is one']],
    required: [['archived', 'the archive'], ['drilled', 'the outcome of its drill'], ['certified', 'the certificate of retirement (JSON and page)']],
    exit: [['drained', 'its traffic is drained: every gateway answers 410'], ['drilled', 'the archive was restored in a drill'], ['deleted', 'every class of evidence was gone through when its time was over']],
    accountable: OWNER, movedBy: 'approvers vote, as for a use case by the tier, never who asked; owner or operators record what consumers said; validators set and lift legal holds',
  },
};

/** What is known of criteria, by their names: met or missing, undefined where it cannot be said. */
export type StageMarks = Readonly<Record<string, boolean | undefined>>;

/** What a stage asks for, as lines of Markdown, with what is met and what is missing. @param owner undefined where it is not known */
export function stageLines(stage: Stage, marks: StageMarks = {}, owner?: string): string[] {
  const { title, entry, required, exit, accountable, movedBy } = STAGE_CRITERIA[stage];
  const line = (criteria: readonly StageCriterion[]): string => criteria.map(([name, sentence]) => `${markOf(marks[name])}${sentence}`).join('; ');
  return [
    `#### ${title}`, '',
    `- **Entry**: ${line(entry)}`, `- **Required**: ${line(required)}`, `- **Exit**: ${line(exit)}`, `- **Accountable**: ${accountable}${owner === undefined ? '' : ` (${owner})`}. Moved by: ${movedBy}`,
  ];
}

const markOf = (met: boolean | undefined): string => (met === undefined ? '' : met ? '✔ ' : '✘ ');

/** Where a model stands in a stage: `notAsked` of a model whose spec states no use case; `done`: its exit is met; `ended`: it came to another end. */
export const STAGE_STATES = ['notAsked', 'notBegun', 'open', 'paused', 'done', 'ended'] as const;
export type StageState = (typeof STAGE_STATES)[number];

export interface StageStanding {
  readonly state: StageState;
  /** In a sentence or two. */
  readonly explanation: string;
  /** Those that carry it now, or did last. */
  readonly workflowIds: readonly string[];
}
