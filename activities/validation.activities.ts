import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { canonicalJson } from '../src/contracts/canonical.js';
import { FAILURES, PerennialError } from '../src/contracts/failures.js';
import { validationWorkflowId } from '../src/contracts/motion.js';
import { outcomeText, pausedText } from '../src/contracts/stages.js';
import type { CheckOutcome, ValidationCheckName, ValidationId, ValidationReport } from '../src/contracts/validations.js';
import { gravest } from '../src/lifecycle/validation-decision.js';
import { decidedBy, questionsOf } from '../src/lifecycle/validation-depth.js';
import { otherSeed } from '../src/lifecycle/validation-stability.js';
import { ValidationsRepository, type ValidationStory } from '../src/registry/validations.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { StoreProvider } from './store-provider.js';
import { TrainerRuns } from './trainer-runs.js';
import { type ValidatedVersion, ValidatedVersions } from './validated-versions.js';
import { ValidationChecks } from './validation-checks.js';

/** The work of a validation: its checks, the second training, the report. Each is on record when it is done, and is not done twice. */
@Injectable()
export class ValidationActivities {
  constructor(
    private readonly validations: ValidationsRepository,
    private readonly versions: ValidatedVersions,
    private readonly checks: ValidationChecks,
    private readonly runs: TrainerRuns,
    private readonly settings: ActivitySettings,
    private readonly stores: StoreProvider,
  ) {}

  /** Makes a check; where what it looks at is not there or cannot be scored, that is its outcome. @param otherModel of the second training */
  async makeCheck(id: ValidationId, name: ValidationCheckName, otherModel: string | null): Promise<void> {
    await mkdir(this.settings.workDir, { recursive: true });
    const subject = await this.versions.get(id);
    const outcome = await heartbeating(async (signal) => asOutcome(() => this.checks.make(name, subject, otherModel, signal)));
    await this.validations.addCheck(id, { name, ...outcome }, new Date(), origin());
  }

  /**
   * Trains the version once more on its snapshot with another seed. It writes nothing of the version's own training.
   * @returns the digest of the model
   * @throws PerennialError `ValidationNotOpen`, `StagePaused`, `ModelRetiring` where its validation does not go on: no training begins then, in no attempt
   */
  async trainAgain(id: ValidationId): Promise<string> {
    requireGoingOn(await this.validations.get(id));
    const { spec, run } = await this.versions.get(id);
    await mkdir(this.settings.workDir, { recursive: true });
    const folder = await mkdtemp(join(this.settings.workDir, `again-${id.model}-${id.version}-`));
    try {
      const seeded = { ...spec, training: { ...spec.training, seed: otherSeed(run.seed) } };
      const job = await this.runs.prepare({ spec: seeded, snapshotDigest: run.snapshotDigest, checkpointDigest: null, run: { id: validationWorkflowId(id.model, id.version), attempt: 1 }, folder });
      const { modelPath } = await heartbeating((signal, beat) => this.runs.run(job, seeded, { signal, onProgress: beat, onCheckpoint: async () => undefined }));
      return (await this.stores.store.putFile(modelPath)).digest;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Generates the report from the evidence; the same evidence makes the same bytes. */
  async makeReport(id: ValidationId): Promise<void> {
    const story = await this.validations.get(id);
    const { digest } = await this.stores.store.putBytes(canonicalJson(reportOf(story, await this.versions.get(id))));
    await this.validations.addReport(id, digest, new Date(), origin());
  }
}

function requireGoingOn({ validation: { model, version }, end, term: { paused } }: ValidationStory): void {
  if (end) throw new PerennialError('ValidationNotOpen', `The validation of version ${version} of ${model} was ${outcomeText(end.outcome)}`, { model, version });
  if (paused) throw new PerennialError(paused.retirement === undefined ? 'StagePaused' : 'ModelRetiring', pausedText({ model, stage: 'validation', subject: version }, paused), { model, version });
}

/** What a person must mend, or what time may, is thrown; what says something of the version is its outcome. */
async function asOutcome(make: () => Promise<CheckOutcome> | CheckOutcome): Promise<CheckOutcome> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof PerennialError) || FAILURES[error.type].retryable) throw error;
    return { verdict: 'error', explanation: `It could not be made: ${error.message}`, figures: { type: error.type } };
  }
}

function reportOf({ validation, checks }: ValidationStory, { version, spec, retrain, run }: ValidatedVersion): ValidationReport {
  const { model, version: number, tier, openedAt } = validation;
  return {
    report: 'perennial.validation/v1', model, version: number, tier, purpose: spec.purpose, owner: spec.owner, retrain: retrain.number, requestedBy: retrain.requestedBy,
    artifact: version.artifactDigest, snapshot: version.snapshotDigest, spec: version.specDigest,
    trainer: { name: run.trainer, code: run.codeDigest, seed: run.seed, requirements: run.environment?.requirementsDigest ?? null },
    openedAt: openedAt.toISOString(), checks: checks.map(({ name, verdict, explanation, figures }) => ({ name, verdict, explanation, figures })), verdict: gravest(checks), decidedBy: decidedBy(tier), questions: questionsOf(tier),
  };
}
