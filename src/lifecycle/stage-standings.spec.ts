import { describe, expect, it } from 'vitest';
import { type StageFacts, stageStandings } from './stage-standings.js';

const PLAN = 'sha256:plan';
/** A governed model of which nothing is on record but its spec. */
const NEW: StageFacts = {
  model: 'churn', specDigest: PLAN, governed: true, approval: null, retrain: null, development: { version: null, unmet: ['plan'] }, validating: [], lastValidation: null, release: null, champions: [], heldSetUps: [], goLives: [],
  openFindings: 0, nextReviewDueAt: null, retirement: null, paused: [],
};
const standings = (facts: Partial<StageFacts>) => stageStandings({ ...NEW, ...facts });
const pausedOf = (stage: 'useCaseApproval' | 'development' | 'validation' | 'production' | 'retirement', subject: number | null) => [{ stage, subject, by: 'ann', sinceMs: 0, reason: 'x' }];
const states = (facts: Partial<StageFacts>): string[] => Object.values(standings(facts)).map(({ state }) => state);

const LIVE = { approval: { number: 1, specDigest: PLAN, outcome: 'approved' }, development: { version: 1, unmet: [] }, retrain: { number: 1, running: false }, lastValidation: { version: 1, outcome: 'promoted' }, champions: [{ deployment: 'default', version: 1 }] } as const;

describe('where a model stands in its stages', () => {
  it('is nowhere at first, and what asks for a use case is not asked of one without', () => {
    expect(states({})).toEqual(Array(6).fill('notBegun'));
    expect(states({ governed: false })).toEqual(['notAsked', 'notBegun', 'notAsked', 'notBegun', 'notBegun', 'notBegun']);
  });

  it('follows it through its life', () => {
    expect(states({ approval: { number: 1, specDigest: PLAN, outcome: null } })[0]).toBe('open');
    expect(states(LIVE)).toEqual(['done', 'done', 'done', 'done', 'open', 'notBegun']);
    expect(states({ ...LIVE, retirement: { number: 1, lastStep: 'told', over: false } })).toEqual(['done', 'done', 'done', 'done', 'done', 'open']);
    expect(states({ ...LIVE, retirement: { number: 1, lastStep: 'deleted', over: true } })[5]).toBe('done');
  });

  it.each(['rejected', 'expired', 'voided', 'abandoned', 'sentBack'] as const)('an approval that is %s has ended otherwise than by its exit', (outcome) => {
    const { state, explanation } = standings({ approval: { number: 3, specDigest: PLAN, outcome } }).useCaseApproval;
    expect(state).toBe('ended');
    expect(explanation).toBe(`Approval 3 is ${outcome === 'sentBack' ? 'sent back' : outcome}.`);
  });

  it('an approval of another spec is none of the one in force', () => {
    expect(standings({ approval: { number: 1, specDigest: 'sha256:other', outcome: 'approved' } }).useCaseApproval).toMatchObject({ state: 'ended', explanation: expect.stringContaining('another spec') as string });
  });

  it('what a person paused waits, each version by itself', () => {
    expect(states({ approval: { number: 2, specDigest: PLAN, outcome: null }, paused: pausedOf('useCaseApproval', 2) })[0]).toBe('paused');
    expect(states({ ...LIVE, paused: pausedOf('development', null) })[1]).toBe('paused');
    expect(states({ validating: [2, 3], paused: pausedOf('validation', 3) })[2]).toBe('open');
    expect(standings({ validating: [3], paused: pausedOf('validation', 3) }).validation).toEqual({ state: 'paused', explanation: 'Under validation: version 3 (paused).', workflowIds: ['model/churn/validation/3'] });
    expect(states({ ...LIVE, paused: pausedOf('production', null) })[4]).toBe('paused');
    expect(states({ retirement: { number: 1, lastStep: null, over: false }, paused: pausedOf('retirement', 1) })[5]).toBe('paused');
  });

  it('what is being validated waits while its model retires', () => {
    expect(standings({ validating: [2, 3], retirement: { number: 1, lastStep: null, over: false } }).validation)
      .toMatchObject({ state: 'paused', explanation: 'Under validation: version 2 (held since retirement 1 was asked for), version 3 (held since retirement 1 was asked for).' });
  });

  it('development is open while a retrain runs or its newest version lacks something', () => {
    expect(standings({ retrain: { number: 4, running: true } }).development).toEqual({ state: 'open', explanation: 'Retrain 4 runs. There is no version yet.', workflowIds: ['retrain/churn/4'] });
    expect(standings({ retrain: { number: 4, running: false }, development: { version: 2, unmet: ['thresholds:auc'] } }).development).toMatchObject({ state: 'open', explanation: 'Version 2 does not meet thresholds:auc.' });
  });

  it('a deployment is open until its owner has confirmed it, or while something is missing or under way', () => {
    const goLive = { deployment: 'default', version: 1, epoch: 1, asks: true, confirmedBy: null };
    expect(standings({ ...LIVE, goLives: [goLive] }).deployment).toMatchObject({ state: 'open', explanation: expect.stringContaining('has not confirmed') as string });
    expect(states({ ...LIVE, goLives: [{ ...goLive, confirmedBy: 'ann' }] })[3]).toBe('done');
    const held = { version: 2, deployment: 'default', missing: [{ name: 'runbook', state: 'missing', explanation: 'write it' }], workflowId: 'model/churn/validation/2' } as const;
    expect(standings({ ...LIVE, heldSetUps: [held] }).deployment).toEqual({ state: 'open', explanation: 'Version 2 does not go live in default, for want of runbook.', workflowIds: ['model/churn/validation/2'] });
    const release = { number: 1, version: 2, stage: 'canary', paused: true, outcome: null } as const;
    expect(standings({ ...LIVE, release }).deployment).toEqual({ state: 'paused', explanation: 'Release 1 of version 2 stands at canary.', workflowIds: ['model/churn/deployment/2'] });
    expect(standings({ ...LIVE, release: { ...release, paused: false, stage: 'finished', outcome: 'rejected' } }).deployment).toMatchObject({ state: 'done', explanation: 'Version 1 answers in default. Release 1 of version 2 ended as rejected.' });
  });

  it('production says what is open and when its review is due', () => {
    expect(standings({ ...LIVE, openFindings: 2, nextReviewDueAt: '2026-05-01T00:00:00.000Z' }).production).toEqual({
      state: 'open', explanation: 'Version 1 answers in default. Open findings: 2. The next review is due at 2026-05-01T00:00:00.000Z.', workflowIds: ['model/churn'],
    });
  });
});
