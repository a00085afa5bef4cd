import type { JudgingLook, WindowSummary, WindowVerdict } from '../contracts/window-summary.js';
import { type ObservedWindowQuery, withObservedWindow } from '../observations/observed-window.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { checkWindow } from './window-check.js';
import { observedRows, summarizeWindow } from './window-summary.js';

export interface LookResult {
  readonly summary: WindowSummary;
  readonly verdict: WindowVerdict;
}

/**
 * Counts a window of the observation log, of all versions that answered, and holds it against the spec. The look at its inputs reads no labels, that at its
 * loss no inputs. @throws PerennialError `DataNotFound`, `DataUnreadable`
 */
export function lookAtWindow(spec: ModelSpec, look: JudgingLook, query: Omit<ObservedWindowQuery, 'version'>): Promise<LookResult> {
  const files = look === 'inputs' ? { ...query.files, labels: [] } : query.files;
  return withObservedWindow({ ...query, files, version: null }, async (database, { relation, kept }) => {
    const summary = await summarizeWindow(database, spec, observedRows(spec, relation, look === 'inputs' ? kept : null));
    return { summary, verdict: checkWindow(spec, summary) };
  });
}
