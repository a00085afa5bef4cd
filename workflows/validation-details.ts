import { stageLines, type StageMarks } from '../src/contracts/stage-criteria.js';
import { isoTime } from '../src/contracts/time.js';
import type { ValidationStanding, ValidationStep } from '../src/contracts/validations.js';
import { approvalLines } from './approval-reminders.js';

/** What an operator sees of a validation, in Markdown. */
export function validationDetails(standing: ValidationStanding): string {
  const { model, version, tier, owner, retrain, developers, checks, checksLeft, reportDigest, decision, approval } = standing;
  return [
    `### Validation of version ${version} of ${model}`, '',
    waitsFor(standing), '',
    `- tier: ${tier}, made by retrain ${retrain}`,
    `- owner, accountable: ${owner}`,
    ...Object.entries(developers).map(([name, did]) => `- ${name} ${did} and may not validate it`),
    ...(reportDigest ? [`- report: \`${reportDigest}\``] : []),
    ...(decision ? [`- decided by ${decision.actor}: ${decision.choice}`] : []),
    '',
    '| check | verdict | |', '|---|---|---|',
    ...checks.map(({ name, verdict, explanation }) => `| ${name} | ${verdict} | ${explanation.slice(0, 400).replaceAll('|', '\\|').replaceAll('\n', ' ')} |`),
    ...checksLeft.map((name) => `| ${name} | · | |`),
    ...(approval ? ['', ...approvalLines(approval)] : []),
    '', ...stageLines('validation', marksOf(standing), owner),
  ].join('\n').slice(0, 20_000);
}

function marksOf({ step, reportDigest }: ValidationStanding): StageMarks {
  const serves = step.kind === 'ended' && (step.outcome === 'promoted' || step.outcome === 'releasing');
  return { gate: true, report: reportDigest !== null, serves, ends: step.kind === 'ended' && !serves ? true : undefined };
}

function waitsFor({ step, model, version, expiresAtMs, paused, pausedText }: ValidationStanding): string {
  if (step.kind === 'ended') return `**${step.outcome}**: ${step.reason}`;
  if (paused) return `**${paused.retirement === undefined ? 'Paused' : 'Held'}**: ${pausedText}.`;
  if (step.kind !== 'awaitValidator') return `${DOES[step.kind]}.`;
  return `Waits until **${isoTime(expiresAtMs)}** for a validator who had no part in it: read \`perennial validations ${model} ${version}\`, then \`perennial validate ${model} ${version} approve|conditional|reject --reason …\`.`;
}

const DOES: Readonly<Record<Exclude<ValidationStep['kind'], 'ended' | 'awaitValidator'>, string>> = {
  check: 'Checks are being made', report: 'The report is being written', decide: 'The checks decide by themselves', awaitApprovers: 'Waits for the approvers of its tier',
  promote: 'It is approved and goes into service', end: 'What it came to is being recorded',
};
