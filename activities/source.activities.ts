import { Injectable } from '@nestjs/common';
import { sourceAlarm, sourceAlarmKey } from '../src/alarms/monitoring-alarms.js';
import { PerennialError } from '../src/contracts/failures.js';
import type { SourceReading } from '../src/contracts/observed-source.js';
import { findSourceFiles } from '../src/data/source-files.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { VersionsRepository } from '../src/registry/versions.repository.js';
import { heartbeating, origin } from './activity-context.js';
import { ActivitySettings } from './activity-settings.js';
import { type ObservedDeployment, SourceObserver } from './source-observer.js';

/** How long one call goes on, in milliseconds. */
const MAX_MS = 60_000;
/** What a workflow's history can hold. */
const MAX_FAILED = 20;
const MAX_MESSAGE = 500;
const NOTHING: SourceReading = { files: 0, rows: 0, labelled: 0, failed: [], more: false, raised: false };

/** Predictions that no gateway answers: `monitoring.source`. */
@Injectable()
export class SourceActivities {
  constructor(
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
    private readonly versions: VersionsRepository,
    private readonly alarms: AlarmsRepository,
    private readonly observer: SourceObserver,
    private readonly settings: ActivitySettings,
  ) {}

  /** Reads the files of a deployment's source that are new or have changed, in the order of their names. One that cannot be read holds up no other; a person is told. */
  async readSource(model: string, deployment: string): Promise<SourceReading> {
    const observed = await this.observed(model, deployment);
    if (!observed) return NOTHING;
    return heartbeating(async (signal, beat) => {
      const until = Date.now() + MAX_MS;
      const [read, failed] = [{ files: 0, rows: 0, labelled: 0 }, [] as SourceReading['failed'][number][]];
      let more = false;
      for (const file of await this.listed(observed, failed)) {
        more = Date.now() >= until;
        if (more) break;
        const found = await this.observer.observe(observed, file, signal).catch((error: unknown) => {
          if (!(error instanceof PerennialError) || signal.aborted) throw error;
          failed.push({ file: file.name, type: error.type, message: error.message.slice(0, MAX_MESSAGE) });
          return null;
        });
        read.files += found ? 1 : 0;
        read.rows += found?.rows ?? 0;
        read.labelled += found?.labelled ?? 0;
        beat({ files: read.files });
      }
      return { ...read, failed: failed.slice(0, MAX_FAILED), more, raised: await this.tell(model, deployment, failed, more) };
    });
  }

  private async observed(model: string, deployment: string): Promise<ObservedDeployment | null> {
    const [{ specDigest }, routing] = [await this.models.get(model), await this.routing.get(model, deployment)];
    const { monitoring: { source, outcome }, serving } = await this.models.spec(model, specDigest);
    if (source?.deployment !== deployment || routing.champion === null) return null;
    const { specDigest: championDigest } = await this.versions.get(model, routing.champion);
    return { routing, champion: routing.champion, section: source, spec: await this.models.spec(model, championDigest), outcome: outcome?.name ?? null, observeInputs: serving.observe.inputs };
  }

  private async listed({ section: { path } }: ObservedDeployment, failed: SourceReading['failed'][number][]): Promise<Awaited<ReturnType<typeof findSourceFiles>>> {
    return findSourceFiles(this.settings.dataDir, path, 'monitoring.source').catch((error: unknown) => {
      if (!(error instanceof PerennialError)) throw error;
      failed.push({ file: path, type: error.type, message: error.message.slice(0, MAX_MESSAGE) });
      return [];
    });
  }

  /** @returns whether an alarm was raised; it ends when all files can be read */
  private async tell(model: string, deployment: string, failed: SourceReading['failed'], more: boolean): Promise<boolean> {
    if (failed.length > 0) return (await this.alarms.raise(sourceAlarm({ model, deployment }, failed), new Date(), origin())).raised;
    if (!more) await this.alarms.endOpen(sourceAlarmKey({ model, deployment }), 'The source can be read again', new Date(), origin());
    return false;
  }
}
