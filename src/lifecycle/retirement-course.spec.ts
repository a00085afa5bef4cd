import { describe, expect, it } from 'vitest';
import type { RetirementMove } from '../contracts/retirements.js';
import { type RetirementFacts, retirementApproval, retirementMove, retirementTerms } from './retirement-course.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const TERMS = retirementTerms({ useCase: undefined, retirement: undefined, retention: undefined }, 'replaced', null);
const TWO = [{ name: 'desk', contact: 'desk@example.org' }, { name: 'app', contact: 'app@example.org' }];

const facts = (changes: Partial<RetirementFacts> = {}): RetirementFacts =>
  ({ terms: TERMS, steps: {}, approval: 'approved', confirmed: [], lastTrafficMs: null, stoppedMs: 0, held: false, deleted: [], certified: null, ...changes });
const QUIET = { ...TERMS, quietMs: HOUR };
const done = { approved: 0, confirmed: 0, stopped: 0, drained: 0, archived: 0, drilled: 0 };

describe('a retirement', () => {
  it.each<[string, RetirementFacts, number, RetirementMove]>([
    ['waits for its approval', facts({ approval: null }), 0, { action: 'awaitApproval' }],
    ['is approved', facts(), 0, { action: 'record', step: 'approved' }],
    ['is called off by a rejection', facts({ approval: 'rejected' }), 0, { action: 'callOff', step: 'rejected' }],
    ['is called off when its approval was voided', facts({ approval: 'voided' }), 0, { action: 'callOff', step: 'rejected' }],
    ['is called off when nobody decides', facts({ approval: 'expired' }), 0, { action: 'callOff', step: 'expired' }],
    ['is over when it was withdrawn, whatever its approval came to', facts({ steps: { withdrawn: 1 } }), 0, { action: 'over', outcome: 'withdrawn' }],
    ['needs no word where nobody uses it', facts({ steps: { approved: 0 } }), 0, { action: 'record', step: 'confirmed' }],
    ['tells its consumers', facts({ steps: { approved: 0 }, terms: { ...TERMS, consumers: TWO } }), 0, { action: 'record', step: 'told' }],
    ['waits for who has not confirmed', facts({ steps: { approved: 0, told: 5 }, terms: { ...TERMS, consumers: TWO }, confirmed: ['desk'] }), DAY,
      { action: 'awaitConfirmations', missing: ['app'], deadlineMs: 5 + 30 * DAY, overdue: false }],
    ['goes on waiting after the deadline, and says so', facts({ steps: { approved: 0, told: 5 }, terms: { ...TERMS, consumers: TWO } }), 31 * DAY,
      { action: 'awaitConfirmations', missing: ['desk', 'app'], deadlineMs: 5 + 30 * DAY, overdue: true }],
    ['does not count the time that it was paused', facts({ steps: { approved: 0, told: 5 }, terms: { ...TERMS, consumers: TWO }, stoppedMs: 40 * DAY }), 31 * DAY,
      { action: 'awaitConfirmations', missing: ['desk', 'app'], deadlineMs: 5 + 70 * DAY, overdue: false }],
    ['goes on without them when the owner says so', facts({ steps: { approved: 0, told: 5, waived: 9 }, terms: { ...TERMS, consumers: TWO } }), 31 * DAY, { action: 'record', step: 'confirmed' }],
    ['retires when its consumers have confirmed, whoever asks it', facts({ steps: { approved: 0, confirmed: DAY }, lastTrafficMs: DAY + 5 }), DAY, { action: 'record', step: 'stopped' }],
    ['waits an hour after its approval where quiet is asked for', facts({ terms: QUIET, steps: { approved: DAY, confirmed: DAY } }), DAY, { action: 'awaitQuiet', atMs: DAY + HOUR }],
    ['waits an hour after the last prediction then', facts({ terms: QUIET, steps: { approved: 0, confirmed: 0 }, lastTrafficMs: DAY }), DAY + HOUR - 1, { action: 'awaitQuiet', atMs: DAY + HOUR }],
    ['retires when it was quiet for an hour', facts({ terms: QUIET, steps: { approved: 0, confirmed: 0 }, lastTrafficMs: DAY }), DAY + HOUR, { action: 'record', step: 'stopped' }],
    ['retires at once when the owner forces it', facts({ terms: QUIET, steps: { approved: 0, confirmed: 0, forced: 1 }, lastTrafficMs: DAY }), DAY, { action: 'record', step: 'stopped' }],
    ['retires when an earlier release called it drained', facts({ terms: QUIET, steps: { approved: 0, confirmed: 0, drained: 0 } }), 0, { action: 'record', step: 'stopped' }],
    ['is drained once it has stopped', facts({ steps: { approved: 0, confirmed: 0, stopped: 0 } }), 0, { action: 'record', step: 'drained' }],
    ['goes on where an earlier release stopped it without a word of its traffic', facts({ steps: { approved: 0, confirmed: 0, stopped: 0, archived: 0 } }), 0, { action: 'drill' }],
    ['stops with its approval where it does harm', facts({ steps: { approved: 0 }, terms: { ...TERMS, answers: 'untilApproved', consumers: TWO } }), 0, { action: 'record', step: 'stopped' }],
    ['is drained then, before its consumers have heard of it', facts({ steps: { approved: 0, stopped: 0 }, terms: { ...TERMS, answers: 'untilApproved', consumers: TWO } }), 0, { action: 'record', step: 'drained' }],
    ['tells its consumers also then', facts({ steps: { approved: 0, stopped: 0, drained: 0 }, terms: { ...TERMS, answers: 'untilApproved', consumers: TWO } }), 0, { action: 'record', step: 'told' }],
    ['is archived', facts({ steps: { approved: 0, confirmed: 0, stopped: 0, drained: 0 } }), 0, { action: 'archive' }],
    ['tries its archive', facts({ steps: { approved: 0, confirmed: 0, stopped: 0, drained: 0, archived: 0 } }), 0, { action: 'drill' }],
    ['is certified', facts({ steps: done }), 0, { action: 'certify' }],
    ['waits for the first class that is due', facts({ steps: done, certified: [] }), 0, { action: 'awaitDeletion', atMs: 730 * DAY }],
    ['deletes what is due', facts({ steps: done, certified: [] }), 730 * DAY, { action: 'delete', evidence: 'predictions' }],
    ['deletes nothing under a legal hold', facts({ steps: done, certified: [], held: true }), 730 * DAY, { action: 'awaitDeletion', atMs: null }],
    ['is certified again after each deletion', facts({ steps: done, certified: [], deleted: ['predictions'] }), 730 * DAY, { action: 'certify' }],
    ['goes on with the next class', facts({ steps: done, certified: ['predictions'], deleted: ['predictions'] }), 730 * DAY, { action: 'delete', evidence: 'labels' }],
    ['is done when all is deleted', facts({ steps: done, deleted: ['predictions', 'labels', 'snapshots', 'artifacts', 'reports'], certified: ['predictions', 'labels', 'snapshots', 'artifacts', 'reports'] }), 3_650 * DAY,
      { action: 'record', step: 'deleted' }],
    ['is over then', facts({ steps: { ...done, deleted: 1 }, deleted: ['predictions', 'labels', 'snapshots', 'artifacts', 'reports'], certified: ['predictions', 'labels', 'snapshots', 'artifacts', 'reports'] }), 3_650 * DAY,
      { action: 'over', outcome: 'retired' }],
  ])('%s', (_, found, nowMs, move) => {
    expect(retirementMove(found, nowMs)).toEqual(move);
  });
});

describe('the terms', () => {
  it.each([['replaced', 'untilDrained'], ['unused', 'untilDrained'], ['harmful', 'untilApproved'], ['regulation', 'untilApproved']] as const)('of a model that is %s: it answers %s', (trigger, answers) => {
    expect(retirementTerms({ useCase: undefined, retirement: undefined, retention: undefined }, trigger, null)).toMatchObject({ answers, quietMs: 0, graceMs: HOUR, keepMs: { artifacts: 1_825 * DAY } });
    expect(retirementTerms({ useCase: undefined, retirement: undefined, retention: undefined }, trigger, 'untilDrained').answers).toBe('untilDrained');
  });

  it('of the approval are those of the use case, or its defaults', () => {
    expect(retirementApproval({ useCase: undefined })).toEqual({ within: 'P30D', remindEvery: 'P7D', quorum: 3 });
  });
});
