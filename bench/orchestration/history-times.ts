import type { WorkflowHandle } from '@temporalio/client';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

/** Milliseconds since 1970, by the server's clock. */
export interface ActivityTimes {
  readonly name: string;
  readonly queue: string;
  readonly scheduledMs: number;
  /** Of the attempt that completed. */
  readonly startedMs: number;
  readonly completedMs: number;
}

export interface WorkflowTimes {
  readonly startedMs: number;
  readonly activities: readonly ActivityTimes[];
  readonly localActivities: number;
  readonly workflowTasks: number;
}

/** Reads from a history when its activities were scheduled, started and completed. */
export function timesOf({ events }: History): WorkflowTimes {
  const all = events ?? [];
  const byId = new Map(all.map((event) => [String(event.eventId), event]));
  const eventOf = (id: unknown): HistoryEvent => byId.get(String(id)) as HistoryEvent;
  const activities = all.flatMap((event) => {
    const completed = event.activityTaskCompletedEventAttributes;
    if (!completed) return [];
    const scheduled = eventOf(completed.scheduledEventId);
    const { activityType, taskQueue } = scheduled.activityTaskScheduledEventAttributes!;
    return [{
      name: activityType?.name ?? '', queue: taskQueue?.name ?? '',
      scheduledMs: timeOf(scheduled), startedMs: timeOf(eventOf(completed.startedEventId)), completedMs: timeOf(event),
    }];
  });
  return {
    startedMs: timeOf(all[0] as HistoryEvent),
    activities,
    localActivities: all.filter((event) => event.markerRecordedEventAttributes?.markerName === 'core_local_activity').length,
    workflowTasks: all.filter((event) => event.workflowTaskCompletedEventAttributes).length,
  };
}

function timeOf({ eventTime }: HistoryEvent): number {
  return Number(String(eventTime?.seconds ?? 0)) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;
}
