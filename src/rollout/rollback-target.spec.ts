import { describe, expect, it } from 'vitest';
import { chooseRollbackTarget, type PastChampion } from './rollback-target.js';

const HISTORY: PastChampion[] = [{ epoch: 1, version: 1 }, { epoch: 2, version: 4 }, { epoch: 3, version: 7 }];
const statusOf = (version: number) => (version === 5 ? 'rejected' : undefined);

describe('chooseRollbackTarget', () => {
  it('takes the champion before, in whatever order the history comes', () => {
    expect(chooseRollbackTarget(7, [...HISTORY].reverse(), null, statusOf)).toEqual({ version: 4 });
  });

  it('passes over what may not serve, and refuses where nothing is left', () => {
    const unfitOf = (version: number) => (version === 4 ? 'taken back by release 2' : undefined);
    expect(chooseRollbackTarget(7, HISTORY, null, statusOf, unfitOf)).toEqual({ version: 1 });
    expect(chooseRollbackTarget(7, HISTORY, 4, statusOf, unfitOf)).toEqual({ refused: expect.stringContaining('taken back by release 2') });
    expect(chooseRollbackTarget(7, HISTORY, null, statusOf, () => 'other features')).toEqual({ refused: expect.stringMatching(/version 4: other features; version 1: other features/) });
  });

  it('goes forward again after going back', () => {
    const rolledBack = [...HISTORY, { epoch: 4, version: 4 }];
    expect(chooseRollbackTarget(4, rolledBack, null, statusOf)).toEqual({ version: 7 });
    expect(chooseRollbackTarget(4, rolledBack, 1, statusOf)).toEqual({ version: 1 });
  });

  it.each([
    ['nothing is in service', null, HISTORY, null, /nothing is in service/],
    ['only one has ever served', 1, [{ epoch: 1, version: 1 }], null, /only one/],
    ['it is in service already', 7, HISTORY, 7, /already/],
    ['it has never served', 7, HISTORY, 5, /rejected.*never served/],
    ['there is no such version', 7, HISTORY, 99, /no version 99/],
  ])('refuses when %s', (_name, current, history, wanted, says) => {
    expect(chooseRollbackTarget(current, history, wanted, statusOf)).toEqual({ refused: expect.stringMatching(says) });
  });
});
