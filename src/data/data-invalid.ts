import type { DataViolation } from '../contracts/data-report.js';
import { PerennialError } from '../contracts/failures.js';

/** What fits in a failure's details beside everything else; the report itself is whole. */
const MAX_LISTED = 500;
const MAX_IN_MESSAGE = 5;

/** The failure that stops a retrain whose data breaks the spec, with the violations in `details.violations`. */
export function dataInvalid(violations: readonly DataViolation[]): PerennialError {
  const first = violations.slice(0, MAX_IN_MESSAGE).map(({ message }) => message).join('; ');
  const more = violations.length > MAX_IN_MESSAGE ? `; and ${violations.length - MAX_IN_MESSAGE} more` : '';
  const count = `${violations.length} violation${violations.length === 1 ? '' : 's'}`;
  return new PerennialError('DataInvalid', `The data breaks the spec in ${count}: ${first}${more}`, {
    violationCount: violations.length,
    violations: violations.slice(0, MAX_LISTED),
  });
}
