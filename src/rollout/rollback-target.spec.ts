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

  it('goes further back the second time, and forward only to what is named or was promoted again', () => {
    const once = [...HISTORY, { epoch: 4, version: 4, rolledBack: true }];
    expect(chooseRollbackTarget(4, once, null, statusOf)).toEqual({ version: 1 });
    expect(chooseRollbackTarget(4, once, 7, statusOf)).toEqual({ version: 7 });
    const twice = [...once, { epoch: 5, version: 1, rolledBack: true }];
    expect(chooseRollbackTarget(1, twice, null, statusOf)).toEqual({ refused: expect.stringMatching(/version 4: a rollback took it out of service; ask for it by its number.*version 7/) });
    const again = [...twice, { epoch: 6, version: 7 }, { epoch: 7, version: 8 }];
    expect(chooseRollbackTarget(8, again, null, statusOf)).toEqual({ version: 7 });
    const named = [...once, { epoch: 5, version: 7, rolledBack: true }, { epoch: 6, version: 8 }];
    expect(chooseRollbackTarget(8, named, null, statusOf)).toEqual({ version: 7 });
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
