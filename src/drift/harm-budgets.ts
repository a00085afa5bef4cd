import type { ModelSpec } from '../spec/model-spec.js';
import type { HarmTerms } from './harm-course.js';

type Monitoring = Pick<ModelSpec['monitoring'], 'falseAlarms' | 'tolerance' | 'estimatedHarm'>;

/** What harm on labels may spend: all of `monitoring.falseAlarms`, or half of it where estimated harm alarms too. */
export const labelledHarmTerms = ({ falseAlarms, tolerance, estimatedHarm }: Monitoring): HarmTerms => ({ falseAlarms: estimatedHarm === 'alarm' ? falseAlarms / 2 : falseAlarms, tolerance });

/** Half of it, also where it is only observed: its evidence goes on when it begins to alarm. */
export const estimatedHarmTerms = ({ falseAlarms, tolerance }: Monitoring): HarmTerms => ({ falseAlarms: falseAlarms / 2, tolerance });
