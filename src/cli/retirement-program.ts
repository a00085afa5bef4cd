import { Argument, Option } from 'commander';
import { RETIREMENT_ANSWERS, RETIREMENT_TRIGGERS, RETIREMENT_WAIVERS, type RetirementWaiver } from '../contracts/retirements.js';
import type { Run, Verb } from './program.js';
import { certificate, changeLegalHold, confirmRetirement, legalHolds, retire, type RetireOptions, retirement, waiveRetirement, withdrawRetirement } from './verbs/retirement.js';

const WHY = ['--reason <text>', 'why, for the record'] as const;

/** `perennial retire …` */
export function addRetire(verb: Verb, run: Run): void {
  verb('retire <model>', 'Retire a model: nothing new begins, and once that is approved it leaves service step by step.', 'retire churn --reason "churn-next answers" --replacement churn-next', 'retire scoring --trigger harmful --reason "it treats groups unequally"')
    .requiredOption(...WHY)
    .addOption(new Option('--trigger <why>', 'what is behind it').choices(RETIREMENT_TRIGGERS).default('replaced'))
    .option('--replacement <model>', 'the model to ask instead')
    .addOption(new Option('--answers <until>', 'how long it answers; as the trigger has it where it is not given').choices(RETIREMENT_ANSWERS))
    .action((model: string, { json: _json, ...options }: RetireOptions & { json?: boolean }) => run((session) => retire(session, model, options)));
}

/** `perennial retirement …` */
export function addRetirement(verb: Verb, run: Run): void {
  verb('show <model>', 'Show where a retirement stands: its steps, its consumers, and what is kept until when.', 'retirement show churn').action((model: string) => run((session) => retirement(session, model)));
  verb('confirm <model> <consumer>', 'Record that a consumer has confirmed.', 'retirement confirm churn "call centre" --said "moved to churn-next on Monday"')
    .requiredOption('--said <text>', 'what they answered')
    .action((model: string, consumer: string, { said }: { said: string }) => run((session) => confirmRetirement(session, model, consumer, said)));
  verb('withdraw <model>', 'Take a retirement back, until its approval is given.', 'retirement withdraw churn --reason "the contract goes on"')
    .requiredOption(...WHY).action((model: string, { reason }: { reason: string }) => run((session) => withdrawRetirement(session, model, reason)));
  verb('waive <model>', 'Go on without consumers whose time is over, or before the traffic has ended.', 'retirement waive churn confirmations --reason "the call centre was closed"')
    .addArgument(new Argument('<what>', 'what is not waited for').choices(RETIREMENT_WAIVERS))
    .requiredOption(...WHY)
    .action((model: string, what: RetirementWaiver, { reason }: { reason: string }) => run((session) => waiveRetirement(session, model, what, reason)));
  verb('certificate <model>', 'Show the certificate of retirement.', 'retirement certificate churn --json').action((model: string) => run((session) => certificate(session, model)));
}

/** `perennial legal-hold …` */
export function addLegalHolds(verb: Verb, run: Run, number: (value: string) => number): void {
  verb('list <model>', 'Show the legal holds of a model.', 'legal-hold list churn').action((model: string) => run((session) => legalHolds(session, model)));
  verb('set <model>', 'Set a legal hold: nothing of the model is deleted while it is in force.', 'legal-hold set churn --reason "case 4711"')
    .requiredOption(...WHY).action((model: string, { reason }: { reason: string }) => run((session) => changeLegalHold(session, model, null, reason)));
  verb('lift <model>', 'Lift a legal hold.', 'legal-hold lift churn 1 --reason "case 4711 is closed"')
    .argument('<hold>', 'the number of the hold', number)
    .requiredOption(...WHY).action((model: string, hold: number, { reason }: { reason: string }) => run((session) => changeLegalHold(session, model, hold, reason)));
}
