import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { canonicalJson, sha256 } from '../src/contracts/canonical.js';
import type { CommandBodies, CommandOutcome } from '../src/contracts/commands.js';
import { PerennialError } from '../src/contracts/failures.js';
import { replayWorkflowId } from '../src/contracts/motion.js';
import type { ReplayPlan } from '../src/contracts/replays.js';
import { isoTime } from '../src/contracts/time.js';
import { observedBlocks } from '../src/observations/replay-stretches.js';
import { streamTime } from '../src/observations/stream-time.js';
import { bodyOf } from '../src/registry/commands.repository.js';
import type { Command } from '../src/registry/entities/command.entity.js';
import { ModelVersion } from '../src/registry/entities/model-version.entity.js';
import type { Model } from '../src/registry/entities/model.entity.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { ReplaysRepository } from '../src/registry/replays.repository.js';
import { RetrainsRepository } from '../src/registry/retrains.repository.js';
import { replayPlan } from '../src/rollout/replay-plan.js';
import { streamLead } from './stream-lead.js';
import { lockModel, refused } from './command-outcomes.js';

/** Blocks of event time that one replay may have: each is a row of the record. */
const MAX_BLOCKS = 20_000;

/** The command that asks for a replay, taking effect within the transaction that settles it: its plan is on record before a row is scored. */
@Injectable()
export class ReplayCommands {
  constructor(
    private readonly models: ModelsRepository,
    private readonly observations: ObservationsRepository,
    private readonly labels: LabelsRepository,
    private readonly retrains: RetrainsRepository,
    private readonly replays: ReplaysRepository,
  ) {}

  async request(manager: EntityManager, command: Command, at: Date): Promise<CommandOutcome> {
    const body = bodyOf<'replay'>(command);
    const model = await lockModel(manager, command.model);
    if (!model) return refused('ModelNotFound', `No model is registered as ${command.model}`);
    const version = await manager.findOneBy(ModelVersion, { model: model.name, number: body.version });
    if (!version) return refused('VersionNotFound', `${model.name} has no version ${body.version}`);
    try {
      const plan = await this.plan(await this.replays.nextNumber(manager, model.name), model, version, body, at);
      await this.requirePeriod(plan);
      const { number, deployment } = plan;
      const bytes = canonicalJson(plan);
      await this.replays.add(manager, {
        model: model.name, number, deployment, version: version.number, commandId: command.id, specDigest: model.specDigest,
        fromEvent: new Date(plan.fromMs), untilEvent: new Date(plan.untilMs), plan: Buffer.from(bytes), planDigest: sha256(bytes),
        requestedBy: command.actor, requestedAt: at, requestReason: body.reason,
      });
      return { kind: 'replay', number, version: version.number, deployment, workflowId: replayWorkflowId(model.name, number) };
    } catch (error) {
      if (error instanceof PerennialError && (error.type === 'NothingToReplay' || error.type === 'InvalidRequest')) return refused(error.type, error.message);
      throw error;
    }
  }

  private async plan(number: number, model: Model, version: ModelVersion, { deployment, from, until }: CommandBodies['replay'], at: Date): Promise<ReplayPlan> {
    const spec = await this.models.spec(model.name, model.specDigest);
    const [{ manifest }, lead, labelRevision] = await Promise.all([
      this.retrains.snapshot(version.snapshotDigest), streamLead(this.observations, spec, model.name, deployment), this.labels.revision(model.name, deployment),
    ]);
    const { train: { window: { start, end } }, evaluation, heldOut } = manifest;
    return replayPlan(spec, {
      number, deployment, version: version.number, specDigest: model.specDigest, fromMs: Date.parse(from), untilMs: Date.parse(until), labelRevision,
      trainingWindow: { start, end }, ...(heldOut && { heldOut: { ...heldOut, from: evaluation.window.start } }), streamTimeMs: streamTime(lead, at.getTime()),
    });
  }

  /** By what the record knows of the files; what is in them is seen when they are read. */
  private async requirePeriod(plan: ReplayPlan): Promise<void> {
    const { model, deployment, fromMs, untilMs, comparison: { blockMs } } = plan;
    const blocks = observedBlocks(plan, blockMs, await this.observations.observedSpans({ model, deployment, fromMs, untilMs }, 'one'));
    if (!blocks) throw new PerennialError('NothingToReplay', `Nothing was observed in ${model}/${deployment} between ${isoTime(fromMs)} and ${isoTime(untilMs)} (event time); ask for another period`);
    const count = blocks.last - blocks.first + 1;
    if (count > MAX_BLOCKS) throw new PerennialError('InvalidRequest', `The period has ${count} blocks of ${blockMs / 1_000} s, and a replay at most ${MAX_BLOCKS}; ask for a shorter one, or make rollout.comparison.block longer`);
  }
}
