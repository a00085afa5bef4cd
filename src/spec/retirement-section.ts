import { z } from 'zod';
import type { EvidenceClass } from '../contracts/retirements.js';
import { duration, positiveDuration } from './field-types.js';

/** How the model leaves service. */
export const retirementSection = z.strictObject({
  /** Wall time in which nobody may have asked the model before it retires, beside the word of its consumers. */
  quiet: duration.default('PT0S'),
  /** Wall time in which consumers have to confirm; then it goes on only when the owner waives it. */
  confirmWithin: positiveDuration.default('P30D'),
  /** Wall time between two words to a consumer that has not confirmed. */
  remindEvery: positiveDuration.default('P7D'),
  /** Wall time for which bytes are kept that were put again, whatever is due: who needs them may not have said so yet. */
  grace: positiveDuration.default('PT1H'),
});

/** How long evidence is kept after the model stopped answering, in wall time, by class. */
export const retentionSection = z.strictObject({
  predictions: duration.default('P730D'),
  labels: duration.default('P730D'),
  snapshots: duration.default('P1095D'),
  artifacts: duration.default('P1825D'),
  reports: duration.default('P3650D'),
} satisfies Record<EvidenceClass, z.ZodType>);
