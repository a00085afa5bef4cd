import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { PerennialError } from '../src/contracts/failures.js';
import { type ReplayBegin, type ReplayEnd, type ReplayId, type ReplayPlan, type ReplayResultFigures, type ReplayRows, sumRows } from '../src/contracts/replays.js';
import { predictEveryRow } from '../src/evaluation/scoring.js';
import { type ReplayableRows, readReplayable, REPLAYED_LABEL, REPLAYED_TIME } from '../src/observations/replay-rows.js';
import { observedBlocks, replayStretches, type Stretch } from '../src/observations/replay-stretches.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { ReplaysRepository } from '../src/registry/replays.repository.js';
import { blocksOf, replayedBlock } from '../src/rollout/replay-blocks.js';
import { judgeReplay, replayFigures, type ReplayState, startReplay, whyNoPair } from '../src/rollout/replay-comparison.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { ObservedFiles } from './observed-files.js';
import { type ReplayCourse, ReplayCourses } from './replay-courses.js';

/** Rows in memory, of 32 bytes each, and observation files that DuckDB has open, at once. */
const BOUNDS = { rows: 2_000_000, files: 300 };
/** Blocks whose files are looked up at once. */
const BLOCKS_A_ROUND = 200;

interface Course extends ReplayCourse {
  readonly signal: AbortSignal;
}

/** A version run over the logged predictions of a past period. Nothing here touches the routing. */
@Injectable()
export class ReplayActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly observations: ObservationsRepository,
    private readonly replays: ReplaysRepository,
    private readonly courses: ReplayCourses,
    private readonly files: ObservedFiles,
    private readonly settings: ActivitySettings,
  ) {}

  async beginReplay(id: ReplayId): Promise<ReplayBegin> {
    const [replay, end, { tier }] = await Promise.all([this.replays.get(id), this.replays.end(id), this.models.get(id.model)]);
    return {
      tier, deployment: replay.deployment, version: replay.version, planDigest: replay.planDigest, outcome: end?.outcome ?? null,
      period: { start: replay.fromEvent.toISOString(), end: replay.untilEvent.toISOString() },
    };
  }

  /** Ends a replay on the record, once. */
  async endReplay(id: ReplayId, end: ReplayEnd): Promise<void> {
    await this.replays.finish(id, end, new Date(), origin());
  }

  /**
   * Reads, scores and compares, stretch by stretch; each block is recorded once, and an attempt goes on after the last one.
   * @throws PerennialError `NothingToReplay` where no row makes a pair; `DataUnreadable`, `ScoringFailed`, …
   */
  async replayObservations(id: ReplayId): Promise<ReplayResultFigures> {
    const plan = planOf((await this.replays.get(id)).plan);
    const course = await this.courses.of(plan);
    await heartbeating(async (signal, beat) => {
      for await (const stretch of this.stretches(plan)) {
        signal.throwIfAborted();
        await this.replayStretch(id, { ...course, signal }, stretch);
        beat({ until: new Date(stretch.untilMs).toISOString() });
      }
    });
    return this.figures(id, course);
  }

  /** Of blocks that may hold observations. */
  private async *stretches(plan: ReplayPlan): AsyncGenerator<Stretch> {
    const { model, deployment, comparison: { blockMs } } = plan;
    const blocks = observedBlocks(plan, blockMs, await this.observations.observedSpans(plan, 'one'));
    for (let first = blocks?.first ?? 1; first <= (blocks?.last ?? 0); first += BLOCKS_A_ROUND) {
      const round = { fromMs: plan.fromMs + (first - 1) * blockMs, untilMs: Math.min(plan.untilMs, plan.fromMs + (first - 1 + BLOCKS_A_ROUND) * blockMs) };
      const spans = await this.observations.observedSpans({ model, deployment, ...round }, 'each');
      for (const stretch of replayStretches(round, blockMs, spans, BOUNDS)) yield { ...stretch, firstBlock: stretch.firstBlock + first - 1 };
    }
  }

  private async replayStretch(id: ReplayId, course: Course, stretch: Stretch): Promise<void> {
    const { plan } = course;
    const last = await this.replays.lastBlock(id);
    const blocks = blocksOf(plan, stretch).filter(({ number }) => number > (last?.number ?? 0));
    const [firstBlock] = blocks;
    if (!firstBlock) return;
    const scratch = await mkdtemp(join(this.settings.workDir, `replay-${id.number}-`));
    try {
      const rows = await this.read(course, { ...stretch, fromMs: firstBlock.fromMs }, scratch);
      const outputs = rows.inputs === null ? new Float32Array() : await this.score(course, rows.inputs, scratch);
      let state = (last?.state ?? startReplay(plan)) as ReplayState;
      for (const place of blocks) {
        const block = replayedBlock(plan, state, place, rows, outputs);
        if (block === null) continue;
        state = block.state as unknown as ReplayState;
        await this.replays.addBlock({ ...block, model: id.model, replay: id.number, recordedAt: new Date() });
      }
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  }

  private async read({ plan, spec, champions, lacking, signal }: Course, { fromMs, untilMs }: Stretch, scratch: string): Promise<ReplayableRows> {
    const { model, deployment, version, labelRevision } = plan;
    const files = await this.files.pathsOf({ model, deployment, fromMs, untilMs }, labelRevision);
    return readReplayable({ fromMs, untilMs, version, features: spec.data.features, champions, lacking: [...lacking.keys()], files, scratch, signal });
  }

  /** By the version's own spec, in a process of its own. */
  private async score({ version, spec, modelPath, signal }: Course, parquetPath: string, workDir: string): Promise<Float32Array> {
    const columns = { ...spec.data, label: REPLAYED_LABEL, eventTime: REPLAYED_TIME };
    return predictEveryRow({ modelPath, modelDigest: version.artifactDigest, spec: { ...spec, data: columns }, parquetPath, workDir, signal });
  }

  private async figures(id: ReplayId, { plan, lacking }: ReplayCourse): Promise<ReplayResultFigures> {
    const blocks = await this.replays.blocks(id);
    const rows = sumRows(blocks.map((block) => block.rows));
    if (rows.pairs === 0) throw nothing(plan, rows, [...new Set([...lacking.values()].flat())]);
    const last = await this.replays.lastBlock(id);
    return replayFigures(plan, rows, judgeReplay(last?.state as unknown as ReplayState), blocks.length);
  }
}

export const planOf = (bytes: Buffer): ReplayPlan => JSON.parse(bytes.toString('utf8')) as ReplayPlan;

const nothing = (plan: ReplayPlan, rows: ReplayRows, features: readonly string[]): PerennialError =>
  new PerennialError('NothingToReplay', whyNoPair(plan, rows, features), { rows, features });
