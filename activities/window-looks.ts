import type { DueAssessment } from '../src/contracts/window-assessment.js';
import type { WindowLook, WindowVerdict } from '../src/contracts/window-summary.js';
import type { WindowCheck } from '../src/registry/entities/window-check.entity.js';

/** What one look at a window found. */
export interface LookOutcome {
  readonly verdict: WindowVerdict['verdict'];
  readonly rows: number;
  /** Limits that the window breaks; of `drift` the features that are found to drift. */
  readonly found: number;
  /** Whether an alarm was raised. */
  readonly raised: boolean;
}

/**
 * What is on the record of a look already: its attempt may have ended before anybody heard of it. Where it has an alarm, that may not have been
 * delivered.
 */
export const recordedLook = ({ verdict, rows, findings, alarmId }: WindowCheck): LookOutcome => ({ verdict, rows, found: findings.length, raised: alarmId !== null });

/** What every look has on the record. */
export const checkOf = ({ model, deployment, fromMs, untilMs, specDigest }: DueAssessment, look: WindowLook, labelRevision: number): Pick<WindowCheck, 'model' | 'deployment' | 'look' | 'fromEvent' | 'untilEvent' | 'specDigest' | 'labelRevision' | 'checkedAt'> =>
  ({ model, deployment, look, fromEvent: new Date(fromMs), untilEvent: new Date(untilMs), specDigest, labelRevision, checkedAt: new Date() });
