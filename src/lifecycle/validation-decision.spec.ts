import { describe, expect, it } from 'vitest';
import type { Grant } from '../contracts/roles.js';
import { type Condition, SOUNDNESS_KEYS, type SoundnessAnswers, type ValidationCheckName, type ValidationStep } from '../contracts/validations.js';
import type { Verdict } from '../contracts/verdict.js';
import { fairnessSection } from '../spec/fairness-section.js';
import type { ModelSpec } from '../spec/model-spec.js';
import { decideByChecks, gravest, type ValidationFacts, validationStep, whyNotDecide, whyNotIndependent, whyNotServe } from './validation-decision.js';
import { checksOf, decidedBy, questionsOf } from './validation-depth.js';

const fairness = fairnessSection.parse({ groups: ['sex'] });
const limited = fairnessSection.parse({ groups: ['sex'], limits: { demographicParityRatio: 0.8 } });
const LOW = ['outOfTime', 'admission', 'provenance', 'dependencies', 'documents'] as const;
const judged = (verdicts: Partial<Record<ValidationCheckName, Verdict>> = {}, names: readonly ValidationCheckName[] = LOW) => names.map((name) => ({ name, verdict: verdicts[name] ?? ('pass' as const) }));

describe('how deep a tier goes', () => {
  it.each([
    ['low', undefined, LOW], ['low', fairness, LOW], ['low', limited, [...LOW, 'fairness']],
    ['medium', undefined, [...LOW, 'slices', 'sensitivity']], ['medium', fairness, [...LOW, 'slices', 'fairness', 'sensitivity']], ['medium', limited, [...LOW, 'slices', 'fairness', 'sensitivity']],
    ['high', undefined, [...LOW, 'slices', 'sensitivity', 'stability']], ['critical', fairness, [...LOW, 'slices', 'fairness', 'sensitivity', 'stability']],
  ] as const)('%s, fairness %o', (tier, section, names) => {
    expect(checksOf({ tier, ...(section && { fairness: section }) })).toEqual(names);
  });

  it('asks of a low tier what its limits of fairness come to before its checks decide', () => {
    const facts = { spec: { tier: 'low', fairness: limited }, reported: true, decision: null, approval: undefined, end: null } as const;
    expect(validationStep({ ...facts, checks: judged(), reported: false })).toEqual({ kind: 'check', check: 'fairness' });
    expect(decideByChecks('low', judged({ fairness: 'fail' }, checksOf(facts.spec)))?.choice).toBe('reject');
    expect(decideByChecks('low', judged({ fairness: 'inconclusive' }, checksOf(facts.spec)))).toBeNull();
  });

  it('asks for words from high on, and says who decides', () => {
    expect([questionsOf('medium'), Object.keys(questionsOf('high'))]).toEqual([{}, SOUNDNESS_KEYS]);
    expect([decidedBy('low'), decidedBy('medium'), decidedBy('critical')]).toEqual([expect.stringContaining('The checks decide'), 'A validator decides.', expect.stringContaining('then the approvers')]);
  });
});

describe('what checks decide by themselves', () => {
  it.each([
    ['low', {}, 'approve'], ['low', { documents: 'fail', provenance: 'inconclusive' }, 'reject'], ['low', { provenance: 'inconclusive' }, undefined], ['low', { admission: 'error' }, undefined], ['medium', {}, undefined],
  ] as const)('%s, %o: %s', (tier, verdicts, expected) => {
    expect(decideByChecks(tier, judged(verdicts))?.choice).toBe(expected);
  });

  it('knows nothing where nothing was checked', () => {
    expect([gravest([]), decideByChecks('low', [])]).toEqual(['inconclusive', null]);
  });
});

describe('what has to be done next', () => {
  const facts = (changes: Partial<ValidationFacts> = {}): ValidationFacts => ({ spec: { tier: 'high' }, checks: judged({}, checksOf({ tier: 'high' })), reported: true, decision: null, approval: undefined, end: null, ...changes });
  const approve = { choice: 'approve', actor: 'vera' } as const;

  it.each<[string, Partial<ValidationFacts>, ValidationStep]>([
    ['the first check that is missing', { checks: judged(), reported: false }, { kind: 'check', check: 'slices' }],
    ['the report after the last check', { reported: false }, { kind: 'report' }],
    ['a validator', {}, { kind: 'awaitValidator' }],
    ['the checks of a low tier', { spec: { tier: 'low' }, checks: judged() }, { kind: 'decide' }],
    ['a validator where they cannot', { spec: { tier: 'low' }, checks: judged({ documents: 'error' }) }, { kind: 'awaitValidator' }],
    ['its end after a rejection', { decision: { choice: 'reject', actor: 'vera' } }, { kind: 'end', outcome: 'rejected', reason: 'vera rejected it.' }],
    ['promotion where no approvers are asked', { spec: { tier: 'medium' }, decision: approve }, { kind: 'promote' }],
    ['approvers of a high tier', { decision: approve, approval: null }, { kind: 'awaitApprovers' }],
    ['approvers also after conditions', { decision: { choice: 'conditional', actor: 'vera' }, approval: null }, { kind: 'awaitApprovers' }],
    ['promotion once they agree', { decision: approve, approval: { outcome: 'approved', reason: 'yes' } }, { kind: 'promote' }],
    ['its end where they object', { decision: approve, approval: { outcome: 'rejected', reason: 'no' } }, { kind: 'end', outcome: 'rejected', reason: 'no' }],
    ['its end where they are late', { decision: approve, approval: { outcome: 'expired', reason: 'late' } }, { kind: 'end', outcome: 'expired', reason: 'late' }],
    ['nothing once it has ended', { end: { outcome: 'voided', reason: 'another spec' }, decision: approve }, { kind: 'ended', outcome: 'voided', reason: 'another spec' }],
  ])('is %s', (_, changes, expected) => {
    expect(validationStep(facts(changes))).toEqual(expected);
  });

  it.each<[ValidationStep, string | null]>([
    [{ kind: 'promote' }, null], [{ kind: 'ended', outcome: 'aborted', reason: 'the champion moved' }, null], [{ kind: 'ended', outcome: 'promoted', reason: '' }, null],
    [{ kind: 'awaitValidator' }, 'its validation is not over'], [{ kind: 'ended', outcome: 'sentBack', reason: 'ann sent it back' }, 'its validation was sent back: ann sent it back'], [{ kind: 'ended', outcome: 'abandoned', reason: 'given up' }, 'its validation was abandoned: given up'], [{ kind: 'ended', outcome: 'voided', reason: 'another spec' }, 'its validation was voided: another spec'], [{ kind: 'end', outcome: 'rejected', reason: 'no' }, 'its validation was rejected: no'],
  ])('lets a version serve or not: %o', (step, expected) => {
    expect(whyNotServe(step)).toBe(expected);
  });
});

describe('independence', () => {
  const roles = (...grants: [Grant['role'], string][]): Grant[] => grants.map(([role, model]) => ({ role, model }));

  it.each([
    ['ann', {}, /ann applied a spec of shop and cannot validate it as well/],
    ['ben', roles(['validator', '*'], ['developer', 'shop']), /ben is a developer of shop/],
    ['ben', roles(['validator', 'shop'], ['owner', '*']), /ben is an owner of all models/],
  ] as const)('%s with %o is refused', (actor, grants, expected) => {
    expect(whyNotIndependent(actor, 'shop', { ann: 'applied a spec of shop' }, Array.isArray(grants) ? grants : [])).toMatch(expected);
  });

  it('is asked of approvers of a version as well', () => {
    expect(whyNotIndependent('ann', 'shop', { ann: 'logged an experiment of shop' }, [], 'approve')).toMatch(/ann logged an experiment of shop and cannot approve it as well; an approver who/);
    expect(whyNotIndependent('ben', 'shop', {}, roles(['approver', '*'], ['owner', 'shop']), 'approve')).toMatch(/ben is an owner of shop; .*another approver has to/);
    expect(whyNotIndependent('ben', 'shop', {}, roles(['approver', '*'], ['owner', 'another']), 'approve')).toBeNull();
  });

  it('lets in a validator, also one who develops another model', () => {
    expect(whyNotIndependent('ben', 'shop', { ann: 'asked for its retrain' }, roles(['validator', 'shop'], ['developer', 'another'], ['owner', 'another']))).toBeNull();
  });
});

describe('what a decision lacks', () => {
  const at = new Date('2026-03-01T00:00:00Z');
  const condition: Condition = { title: 'Thin files', severity: 'medium', owner: 'ann', dueAt: '2026-04-01T00:00:00.000Z', evidenceNeeded: 'A test on thin files' };
  const answers: SoundnessAnswers = Object.fromEntries(SOUNDNESS_KEYS.map((key) => [key, 'as the report shows']));
  const ask = (tier: ModelSpec['tier'], verdicts: Parameters<typeof judged>[0], asked: Partial<Parameters<typeof whyNotDecide>[2]>) => whyNotDecide(tier, judged(verdicts), { choice: 'approve', answers: {}, findings: [], ...asked }, at);

  it.each([
    ['nothing where all passed', ask('medium', {}, {}), null],
    ['nothing where something is inconclusive: a person has looked', ask('medium', { provenance: 'inconclusive' }, {}), null],
    ['a condition where something failed', ask('medium', { documents: 'fail' }, {}), expect.stringMatching(/documents: fail; approve conditionally/)],
    ['a finding of a conditional approval', ask('medium', {}, { choice: 'conditional' }), expect.stringMatching(/takes at least one finding/)],
    ['nothing of a conditional approval with one', ask('medium', { documents: 'fail' }, { choice: 'conditional', findings: [condition] }), null],
    ['time of a finding that is due already', ask('medium', {}, { choice: 'conditional', findings: [{ ...condition, dueAt: '2026-02-01T00:00:00.000Z' }] }), expect.stringMatching(/^finding 1 of the decision is due at 2026-02-01/)],
    ['words from high on', ask('high', {}, { answers: { ...answers, data: '' } }), 'the questionnaire of the high tier is not answered: data'],
    ['nothing once they are there', ask('critical', {}, { answers }), null],
    ['no words to reject', ask('critical', { admission: 'fail' }, { choice: 'reject' }), null],
    ['no findings to reject', ask('medium', {}, { choice: 'reject', findings: [condition] }), expect.stringMatching(/a rejection opens no findings/)],
    ['no findings to approve', ask('medium', {}, { findings: [condition] }), expect.stringMatching(/without conditions opens no findings/)],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});
