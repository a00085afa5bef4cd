import { describe, expect, it } from 'vitest';
import type { Grant } from '../contracts/roles.js';
import { decisionRound, type MadeMove, pausesOf, runningTerm, type StageHold, validationTerm } from '../contracts/stage-terms.js';
import { pausedText, type StageAction, type StageId } from '../contracts/stages.js';
import { whyNotPause, whyNotSendBack } from './stage-moves.js';

const day = (number: number): Date => new Date(Date.UTC(2026, 0, 1 + number));
const DAY_MS = 86_400_000;
const moves = (...made: readonly (readonly [StageAction, number])[]): MadeMove[] => made.map(([action, at]) => ({ action, actor: 'ann', reason: 'why', at: day(at) }));
const TERM = { openedAt: day(0), expiresAt: day(28) };
const ID: StageId = { model: 'churn', stage: 'validation', subject: 3 };

describe('a pause', () => {
  it.each<[string, MadeMove[], number, number | null]>([
    ['nothing', moves(), 0, null],
    ['one that is over', moves(['pause', 2], ['resume', 42]), 40, null],
    ['two, of which one is not over', moves(['pause', 2], ['resume', 4], ['pause', 7]), 2, 7],
    ['one that was over before', moves(['pause', -9], ['resume', -2]), 0, null],
    ['one that was over in between', moves(['pause', -9], ['resume', 3]), 3, null],
    ['one that ended when it was sent back', moves(['pause', 2], ['sendBack', 5]), 0, null],
    ['a resumption of nothing', moves(['resume', 5]), 0, null],
  ])('stops the time: %s', (_, made, stopped, paused) => {
    const found = pausesOf(made, day(0).getTime());
    expect([found.stoppedMs / DAY_MS, found.paused?.sinceMs ?? null]).toEqual([stopped, paused === null ? null : day(paused).getTime()]);
  });

  it('of 40 days leaves what was left', () => {
    expect(runningTerm(TERM, moves(['pause', 8], ['resume', 48]))).toEqual({ openedAt: day(40), expiresAt: day(68), paused: null });
    expect(runningTerm(TERM, moves(['pause', 8]))).toEqual({ ...TERM, paused: { by: 'ann', sinceMs: day(8).getTime(), reason: 'why' } });
  });

  it('is made once, and ended once', () => {
    const paused = { by: 'ann', sinceMs: day(1).getTime(), reason: 'why' };
    expect([whyNotPause('pause', ID, null), whyNotPause('resume', ID, paused)]).toEqual([null, null]);
    expect(whyNotPause('pause', ID, paused)).toBe('The validation of version 3 of churn is paused already, by ann since 2026-01-02T00:00:00.000Z');
    expect(whyNotPause('resume', ID, null)).toBe('The validation of version 3 of churn is not paused');
    expect(pausedText(ID, paused)).toBe('The validation of version 3 of churn was paused by ann at 2026-01-02T00:00:00.000Z: "why". `perennial stage resume churn validation --version 3 --reason …` lets it go on');
  });
});

describe('a validation that was sent back to its validator', () => {
  it('has as much time as at first, and is decided anew', () => {
    const made = moves(['pause', 1], ['resume', 3], ['sendBack', 10], ['pause', 12], ['resume', 13]);
    expect(validationTerm(TERM, made)).toEqual({ openedAt: day(11), expiresAt: day(39), paused: null });
    expect([decisionRound([]), decisionRound(made)]).toEqual([1, 2]);
  });
});

describe('a retirement', () => {
  const hold = (since: number, until: number | null): StageHold => ({ pause: { by: 'olga', sinceMs: day(since).getTime(), reason: 'Retirement 1 was asked for.', retirement: 1 }, untilMs: until === null ? null : day(until).getTime() });

  it('that was called off leaves a validation the time that was left', () => {
    expect(validationTerm(TERM, [], [hold(8, 48)])).toEqual({ openedAt: day(40), expiresAt: day(68), paused: null });
    expect(validationTerm(TERM, [], [hold(-9, -2), hold(-1, 3)])).toEqual({ openedAt: day(3), expiresAt: day(31), paused: null });
    expect(validationTerm(TERM, moves(['sendBack', 10]), [hold(8, 12)])).toEqual({ openedAt: day(12), expiresAt: day(40), paused: null });
  });

  it.each<[string, MadeMove[], number]>([
    ['within it', moves(['pause', 10], ['resume', 11]), 40],
    ['around it', moves(['pause', 4], ['resume', 50]), 46],
    ['that began before it and ended in it', moves(['pause', 4], ['resume', 10]), 44],
    ['that began in it and ended after it', moves(['pause', 40], ['resume', 50]), 42],
  ])('counts once beside a pause %s', (_, made, days) => {
    expect(runningTerm(TERM, made, [hold(8, 48)])).toEqual({ openedAt: day(days), expiresAt: day(28 + days), paused: null });
  });

  it('holds a validation whether it is paused or not, and leaves the pause when it is called off', () => {
    expect(runningTerm(TERM, moves(['pause', 2]), [hold(8, null)]).paused).toMatchObject({ by: 'olga', retirement: 1 });
    expect(runningTerm(TERM, moves(['pause', 2]), [hold(8, 9)]).paused).toMatchObject({ by: 'ann', sinceMs: day(2).getTime() });
    expect(pausedText(ID, hold(1, null).pause)).toBe('The validation of version 3 of churn is held since 2026-01-02T00:00:00.000Z, when olga asked for retirement 1 of churn. It goes on where that is called off, and ends where it is approved');
  });
});

describe('sending back', () => {
  const grant = (role: Grant['role'], model = 'churn'): Grant[] => [{ role, model }];
  const VOTE = { permission: 'approval.decide', barred: { dev: 'applied the spec' } } as const;
  const VALIDATE = { permission: 'validation.decide', barred: { dev: 'asked for its retrain' }, independent: 'validate' } as const;
  const APPROVE = { permission: 'approval.decide', barred: { vera: 'decided over its validation' }, independent: 'approve' } as const;

  it.each<[string, string, Grant[], typeof VOTE | typeof VALIDATE | typeof APPROVE, RegExp | null]>([
    ['the owner', 'dev', grant('owner'), VOTE, null],
    ['an approver', 'ben', grant('approver', '*'), VOTE, null],
    ['an approver who applied the spec', 'dev', grant('approver'), VOTE, /dev applied the spec and could not decide over it/],
    ['an approver of another model', 'ben', grant('approver', 'other'), VOTE, /takes the permission approval\.decide for churn/],
    ['a validator where approvers decide', 'vera', grant('validator'), VOTE, /takes the permission approval\.decide/],
    ['a validator', 'vera', grant('validator'), VALIDATE, null],
    ['a validator who had a part in it', 'dev', grant('validator'), VALIDATE, /dev asked for its retrain and cannot validate it/],
    ['a validator who is a developer', 'vera', [...grant('validator'), ...grant('developer')], VALIDATE, /vera is a developer of churn/],
    ['an approver of a version', 'ben', grant('approver'), APPROVE, null],
    ['an approver of a version who is a developer', 'ben', [...grant('approver'), ...grant('developer')], APPROVE, /ben is a developer of churn; who approves a version is neither/],
    ['nobody', 'eve', [], VALIDATE, /takes the permission validation\.decide/],
  ])('is for those who could decide: %s', (_, actor, grants, decider, refusal) => {
    const why = whyNotSendBack(actor, { model: 'churn' }, { kind: 'person', grants }, decider);
    if (refusal) expect(why).toMatch(refusal);
    else expect(why).toBeNull();
  });
});
