import { Injectable } from '@nestjs/common';
import { durationMs } from '../src/contracts/time.js';
import { WINDOW_LOOKS, type WindowLook } from '../src/contracts/window-summary.js';
import { type EventStretch, windowAt } from '../src/drift/window-grid.js';
import { isMature, STRAY_SHARE, STREAM_FILES, streamTime } from '../src/observations/stream-time.js';
import { LabelsRepository } from '../src/registry/labels.repository.js';
import { ModelsRepository } from '../src/registry/models.repository.js';
import { ObservationsRepository } from '../src/registry/observations.repository.js';
import { RoutingRepository } from '../src/registry/routing.repository.js';
import { WindowsRepository } from '../src/registry/windows.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';

/** A look at a window whose time has come. */
export interface DueLook extends EventStretch {
  readonly model: string;
  readonly deployment: string;
  readonly look: WindowLook;
  readonly spec: ModelSpec;
  readonly specDigest: string;
}

export type Place = Pick<DueLook, 'model' | 'deployment' | 'look'>;

/** Windows further back than this many are passed over: a caller may give any time of the past. */
const OLDEST_WINDOWS = 100;

/** Which windows wait to be looked at. */
@Injectable()
export class DueWindows {
  constructor(
    private readonly windows: WindowsRepository,
    private readonly observations: ObservationsRepository,
    private readonly labels: LabelsRepository,
    private readonly models: ModelsRepository,
    private readonly routing: RoutingRepository,
  ) {}

  /** Whether any does. */
  async isDue(): Promise<boolean> {
    for (const place of await this.places()) if (await this.next(place)) return true;
    return false;
  }

  /** Every deployment with every look; without a champion there is no baseline to compare with. */
  async places(): Promise<Place[]> {
    return (await this.routing.all()).flatMap(({ model, deployment, champion }) =>
      WINDOW_LOOKS.filter((look) => look !== 'drift' || champion !== null).map((look) => ({ model, deployment, look })));
  }

  /** The oldest window that has not had this look and whose time has come. */
  async next({ model, deployment, look }: Place): Promise<DueLook | null> {
    const streamTimeMs = streamTime(await this.observations.leadMs(model, deployment, { latest: STREAM_FILES, strayShare: STRAY_SHARE }), Date.now());
    if (streamTimeMs === null) return null;
    const { specDigest } = await this.models.get(model);
    const spec = await this.models.spec(model, specDigest);
    const [lengthMs, horizonMs] = [durationMs(spec.monitoring.window) as number, look === 'loss' ? (durationMs(spec.data.labelHorizon) as number) : 0];
    const last = await this.windows.last(model, deployment, look);
    const oldestMs = windowAt(streamTimeMs - horizonMs, lengthMs, null).fromMs - OLDEST_WINDOWS * lengthMs;
    const afterMs = Math.max(last?.untilEvent.getTime() ?? oldestMs, oldestMs);
    const firstMs = await this.observations.firstEventFrom(model, deployment, afterMs);
    if (firstMs === null) return null;
    const window = windowAt(firstMs, lengthMs, afterMs);
    if (!isMature(window.untilMs, horizonMs, streamTimeMs)) return null;
    // Labels that have come and are not ingested yet belong to it.
    if (look === 'loss' && (await this.labels.waiting(model, 1)).length > 0) return null;
    return { ...window, model, deployment, look, spec, specDigest };
  }
}
