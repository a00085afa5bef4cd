import { z } from 'zod';
import type { StagePause } from '../../contracts/stages.js';
import { isoTime } from '../../contracts/time.js';

/** Where an operator looks at a workflow in the Temporal UI. */
export class TemporalLinks {
  constructor(
    private readonly uiUrl: string,
    private readonly namespace: string,
  ) {}

  of(workflowId: string): string {
    return `${this.uiUrl.replace(/\/+$/, '')}/namespaces/${encodeURIComponent(this.namespace)}/workflows/${encodeURIComponent(workflowId)}`;
  }
}

/** A path on this API. */
export const path = z.string().meta({ format: 'uri-reference' });
export const temporalUrl = z.string().meta({ format: 'uri', description: 'The workflow in the Temporal UI.' });
export const workflowId = z.string().meta({ description: "The workflow's id in Temporal." });

/** Answers are lists in an object, so that something can be added beside them. */
export const itemsOf = <T extends z.ZodType>(item: T) => z.strictObject({ items: z.array(item).readonly() });

export const instant = z.string().meta({ format: 'date-time', description: 'ISO 8601 in UTC.' });
/** A value that is not there yet, or never will be, is null. */
export const instantOf = (date: Date | null): string | null => date?.toISOString() ?? null;

/** Who paused a stage, since when, and why. */
export const paused = z.strictObject({
  by: z.string(), since: instant, reason: z.string(),
  retirement: z.int().optional().meta({ description: 'The retirement that was asked for and holds it; nobody resumes it, and it goes on where that is called off.' }),
}).meta({ id: 'Pause' });
export const pausedAnswer = (pause: StagePause | null): z.output<typeof paused> | null => pause && { by: pause.by, since: isoTime(pause.sinceMs), reason: pause.reason, ...(pause.retirement !== undefined && { retirement: pause.retirement }) };

export const heldOut = z.strictObject({
  every: z.int().meta({ description: 'One block in so many is held out: each whose number, counted from 1970-01-01 UTC on, leaves `every` − 1 when divided by it.' }),
  block: z.string().meta({ description: 'How long a block is, ISO 8601.' }),
}).meta({ id: 'HeldOut', description: 'Blocks of event time of the evaluation window that judge while its others train.' });
