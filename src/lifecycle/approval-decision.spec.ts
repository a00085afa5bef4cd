import { describe, expect, it } from 'vitest';
import type { ApprovalRule, CastVote, VoteChoice } from '../contracts/approvals.js';
import { approvalRule, decideApproval, whyNotVote } from './approval-decision.js';

const ONE: ApprovalRule = { kind: 'each', approvals: 1 };
const TWO: ApprovalRule = { kind: 'each', approvals: 2 };
const COMMITTEE: ApprovalRule = { kind: 'majority', quorum: 3 };

const votes = (choices: string): CastVote[] =>
  [...choices].map((choice, index) => ({ actor: `member-${index}`, choice: ({ a: 'approve', r: 'reject', '-': 'abstain' } as Record<string, VoteChoice>)[choice]! }));
const outcome = (rule: ApprovalRule, choices: string) => decideApproval(rule, votes(choices))?.outcome ?? null;

describe('what votes come to', () => {
  it('needs nobody on the fast track', () => {
    expect(decideApproval({ kind: 'none' }, [])).toEqual({ outcome: 'approved', reason: 'Fast track: nobody has to vote.' });
  });

  it.each([
    [ONE, '', null], [ONE, '-', null], [ONE, 'a', 'approved'], [ONE, 'r', 'rejected'],
    [TWO, 'a', null], [TWO, 'a-', null], [TWO, 'aa', 'approved'], [TWO, 'a-a', 'approved'], [TWO, 'ar', 'rejected'],
  ] as const)('%o, %s: %s', (rule, choices, expected) => {
    expect(outcome(rule, choices)).toBe(expected);
  });

  it.each([
    ['', null], ['aa', null], ['aaa', 'approved'], ['aar', 'approved'], ['arr', 'rejected'], ['ar-', null], ['ar-a', null], ['ar-aa', 'approved'], ['ar-r', 'rejected'], ['--a', null], ['--aa', null], ['--aaa', 'approved'], ['aa-', 'approved'], ['--r', 'rejected'], ['---', null],
  ] as const)('of a committee with a quorum of three, %s: %s', (choices, expected) => {
    expect(outcome(COMMITTEE, choices)).toBe(expected);
  });

  it.each([['a-', null], ['aa', 'approved'], ['a-a', 'approved'], ['ar', null], ['r-', 'rejected']] as const)('of a committee with a quorum of two, %s: %s', (choices, expected) => {
    expect(outcome({ kind: 'majority', quorum: 2 }, choices)).toBe(expected);
  });

  it('of a committee is never the word of one, whatever rule was stored', () => {
    for (const quorum of [0, 1]) expect([outcome({ kind: 'majority', quorum }, 'a'), outcome({ kind: 'majority', quorum }, 'aa')]).toEqual([null, 'approved']);
  });

  it('of a committee approves by more than half of all votes and two at least, and nothing else does', () => {
    const casts = Array.from({ length: 6 }).reduce<string[]>((all) => [...new Set([...all, ...all.flatMap((cast) => ['a', 'r', '-'].map((one) => cast + one))])], ['']);
    for (const quorum of [2, 3, 5]) {
      const expected = casts.filter((cast) => {
        const agree = [...cast].filter((one) => one === 'a').length;
        return cast.length >= quorum && agree >= 2 && agree > cast.length / 2;
      });
      expect(casts.filter((cast) => outcome({ kind: 'majority', quorum }, cast) === 'approved')).toEqual(expected);
    }
  });

  it('says who did what', () => {
    expect(decideApproval(COMMITTEE, votes('ara'))?.reason).toBe('member-0, member-2 agreed; member-1 objected (3 members of the committee have to vote, and more than half of the votes, two at least, have to agree).');
  });
});

describe('who may vote', () => {
  it('is not the author, and nobody twice', () => {
    expect(whyNotVote('ada', { ada: 'applied the spec' }, [])).toMatch(/applied the spec/);
    expect(whyNotVote('ben', { ada: 'applied the spec' }, [{ actor: 'ben', choice: 'abstain' }])).toMatch(/has voted already \(abstain\)/);
    expect(whyNotVote('ben', {}, [{ actor: 'cleo', choice: 'approve' }])).toBeNull();
  });
});

describe('the rule of a tier', () => {
  const useCase = { approval: { quorum: 5 } } as Parameters<typeof approvalRule>[0]['useCase'];

  it.each([['low', { kind: 'none' }], ['medium', ONE], ['high', TWO], ['critical', { kind: 'majority', quorum: 5 }]] as const)('%s', (tier, rule) => {
    expect(approvalRule({ tier, useCase })).toEqual(rule);
  });
});
