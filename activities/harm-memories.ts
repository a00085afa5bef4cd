import { Injectable } from '@nestjs/common';
import { estimatedHarmAlarmKey, harmAlarmKey } from '../src/alarms/monitoring-alarms.js';
import type { WindowId } from '../src/contracts/window-assessment.js';
import type { HarmMemory } from '../src/drift/harm-course.js';
import { AlarmsRepository } from '../src/registry/alarms.repository.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import { RetrainingDecisionsRepository } from '../src/registry/retraining-decisions.repository.js';

/** Where the evidence of harm stood before a window. */
export interface HarmBefore {
  /** The assessment that the evidence goes on from; null for the first. */
  readonly after: { readonly fromMs: number; readonly revision: number } | null;
  /** Null while no sequence has begun. */
  readonly memory: HarmMemory | null;
  /** A person has ended its alarm. */
  readonly resolved: boolean;
}

export interface MeasuredHarm {
  readonly before: HarmBefore;
  /** As before where the window adds nothing: no rows, or a baseline that says too little. */
  readonly memory: HarmMemory | null;
}

/** The evidence of harm from window to window, as the record has it. */
@Injectable()
export class HarmMemories {
  constructor(
    private readonly assessments: AssessmentsRepository,
    private readonly decisions: RetrainingDecisionsRepository,
    private readonly alarms: AlarmsRepository,
  ) {}

  async before({ model, deployment, fromMs }: WindowId): Promise<HarmBefore> {
    const one = await this.assessments.labelledBefore(model, deployment, new Date(fromMs));
    if (!one) return { after: null, memory: null, resolved: false };
    const memory = (one.harm?.memory ?? null) as HarmMemory | null;
    const told = memory && (await this.alarms.newest(harmAlarmKey({ model, deployment }, memory.sequence.id)));
    return { after: { fromMs: one.fromEvent.getTime(), revision: one.revision }, memory, resolved: told?.end != null };
  }

  /** Of estimated errors: after the last window that closed and is not in quarantine. */
  async estimatedBefore({ model, deployment, fromMs }: WindowId): Promise<HarmBefore> {
    const one = await this.assessments.closedBefore(model, deployment, new Date(fromMs));
    if (!one) return { after: null, memory: null, resolved: false };
    const memory = (one.estimatedHarm?.memory ?? null) as HarmMemory | null;
    const told = memory && (await this.alarms.newest(estimatedHarmAlarmKey({ model, deployment }, memory.sequence.id)));
    return { after: { fromMs: one.fromEvent.getTime(), revision: one.revision }, memory, resolved: told?.end != null };
  }

  /** Whether any of the window is in quarantine: it adds no evidence. Where `monitoring.window` was changed, what closed and what matures are cut differently. */
  async isLeftOut({ model, deployment, fromMs, untilMs }: WindowId): Promise<boolean> {
    return (await this.decisions.quarantined(model, deployment)).some((one) => one.fromMs < untilMs && fromMs < one.untilMs);
  }
}
