import { Argument } from 'commander';
import { type Stage, STAGE_STEERS, type StageAction, STAGES } from '../contracts/stages.js';
import type { Run, Verb } from './program.js';
import { moveStage, type StageMoveOptions, stages } from './verbs/stages.js';

const MOVES: Readonly<Record<StageAction, string>> = {
  pause: 'Pause a stage: nothing is decided over it, nobody is reminded, and its time does not run.',
  resume: 'Let a stage go on that is paused, with the time that was left.',
  abandon: 'End a stage for good: what it was about never serves.',
  sendBack: 'Send a stage back: a use case to its author, a version to its validator or to development, a retirement to production.',
};

/** `perennial stages …`, `perennial stage …` */
export function addStages(verb: Verb, stage: Verb, run: Run, number: (value: string) => number): void {
  verb('stages <model>', 'Show what each stage asks for and where the model stands in it, which are paused, and how they were paused, sent back and abandoned.', 'stages churn').action((model: string) => run((session) => stages(session, model)));
  for (const action of [...STAGE_STEERS, 'sendBack'] as const) {
    const name = action === 'sendBack' ? 'send-back' : action;
    stage(`${name} <model>`, MOVES[action], `stage ${name} churn ${action === 'resume' ? 'development' : 'validation --version 4'} --reason "the data of May are wrong"`)
      .addArgument(new Argument('<stage>', 'which one').choices(STAGES))
      .requiredOption('--reason <text>', 'why, for the record')
      .option('--version <number>', 'of a validation, where several are open', number)
      .action((model: string, which: Stage, { json: _json, ...options }: StageMoveOptions & { json?: boolean }) => run((session) => moveStage(session, model, which, action, options)));
  }
}
