import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { ALARM_ACTIONS } from '../contracts/alarms.js';
import { VOTE_CHOICES, type VoteChoice } from '../contracts/approvals.js';
import { VALIDATION_DECISIONS, type ValidationDecision } from '../contracts/validations.js';
import { EXPERIMENT_SOURCES } from '../contracts/experiments.js';
import { RELEASE_ACTIONS } from '../contracts/releases.js';
import { FINDING_SEVERITIES } from '../contracts/findings.js';
import { REVIEW_OUTCOMES, type ReviewOutcome } from '../contracts/reviews.js';
import { AUTOMATIC_TRIGGERS, type AutomaticTrigger } from '../contracts/retraining-decisions.js';
import { addInventory } from './inventory-program.js';
import { addPeople } from './people-program.js';
import { addLegalHolds, addRetire, addRetirement } from './retirement-program.js';
import type { ExitCode, Session } from './session.js';
import { addStages } from './stage-program.js';
import { type AlarmActionOptions, actOnAlarm, alarms, type AlarmsOptions, testAlarm } from './verbs/alarms.js';
import { apply } from './verbs/apply.js';
import { approvals, type ApprovalsOptions, vote } from './verbs/approvals.js';
import { auditCheckpoint, auditErase, auditExport, auditList, type AuditListOptions, auditProof, type AuditProofOptions, auditReconcile, auditSinks, auditVerify, type AuditVerifyOptions } from './verbs/audit.js';
import { card, type CardOptions } from './verbs/card.js';
import { champion, type ChampionOptions } from './verbs/champion.js';
import { controls, type ControlsOptions } from './verbs/controls.js';
import { decision, type DecisionOptions } from './verbs/decision.js';
import { drift, type DriftOptions } from './verbs/drift.js';
import { closeFinding, type FindingCloseOptions, type FindingOpenOptions, findings, type FindingsOptions, openFinding } from './verbs/findings.js';
import { experiments, type ExperimentsOptions, logExperiment } from './verbs/experiments.js';
import { confirmGoLive, type ConfirmGoLiveOptions, goLives } from './verbs/go-lives.js';
import { release, type ReleaseOptions, releases, steer } from './verbs/releases.js';
import { labels, type LabelsOptions } from './verbs/labels.js';
import { policyBacktest, type PolicyBacktestOptions } from './verbs/policy-backtest.js';
import { replay, type ReplayOptions, replays } from './verbs/replays.js';
import { retrain, type RetrainOptions } from './verbs/retrain.js';
import { review, type ReviewOptions, reviews } from './verbs/reviews.js';
import { rollback, type RollbackOptions } from './verbs/rollback.js';
import { status } from './verbs/status.js';
import { TOURS, up, type UpOptions } from './verbs/up.js';
import { validate, type ValidateOptions, validations } from './verbs/validations.js';
import { versions } from './verbs/versions.js';
import { releaseWindow, type WindowReleaseOptions } from './verbs/window-release.js';
import { why, type WhyOptions } from './verbs/why.js';
import { windows, type WindowsOptions } from './verbs/windows.js';

const EPILOGUE = `
The API is found by API_URL, else by the instance that \`npm start\` runs here; the key by PERENNIAL_API_KEY, else by that
instance's own. Exit codes: 0 done, 1 failed or refused, 2 wrong usage.`;

const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ perennial ${line}`).join('\n')}\n`;

/** The verbs and what they take. `run` does a verb with its options. */
export function programOf(run: (work: (session: Session) => Promise<ExitCode>) => Promise<void>): Command {
  const program = new Command('perennial')
    .description('Keeps production models alive: retrains them, proves a candidate better, takes it back when it disappoints.')
    .helpCommand(false)
    .showHelpAfterError('(add --help for what it takes)')
    .addHelpText('after', EPILOGUE);
  const verbOf = (parent: Command): Verb => (usage, description, ...shown) =>
    parent.command(usage).description(description).option('--json', 'print one JSON document and nothing else').allowExcessArguments(false).addHelpText('after', examples(...shown));
  const verb = verbOf(program);

  verb('up', 'Run everything on this machine: PostgreSQL, Temporal with its UI, workers, API and gateway.', 'up', 'up --tour --exit', 'up --tour release')
    .addOption(new Option('--tour [name]', 'take a tour through the flights of 2013: `short`, a retrain every four weeks, `release`, three versions on their way into service, `monitor`, a world that turns, or `life`, two models from their approval to retirement').choices(TOURS).preset('short'))
    .option('--exit', 'stop when everything is up and the tour is over')
    .action((options: UpOptions & { json?: boolean }) => run((session) => up(session, without(options))));
  verb('apply', 'Register a model, or put another spec in force.', 'apply -f models/flight-delay/model.yaml', 'apply -f - < model.yaml')
    .requiredOption('-f, --file <path>', 'the model spec; - reads it from standard input')
    .action(({ file }: { file: string }) => run((session) => apply(session, file)));
  addRetrain(verb, run);
  verb('status [model]', 'Show all models, or one with its champion and last retrains.', 'status', 'status flight-delay --json')
    .action((model: string | undefined) => run((session) => status(session, model)));
  verb('versions <model>', 'List the versions of a model with the figures that decided on them.', 'versions flight-delay')
    .action((model: string) => run((session) => versions(session, model)));
  addRollback(verb, run);
  verb('labels <model> <file>', 'Bring labels: what came true of predictions. JSON, NDJSON, CSV or Parquet, by the ending of the file.', 'labels flight-delay arrivals.csv')
    .addOption(deploymentOption())
    .option('--no-follow', 'return as soon as they are kept')
    .action((model: string, file: string, options: LabelsOptions & { json?: boolean }) => run((session) => labels(session, model, file, without(options))));
  addReleases(verb, run);
  addReplays(verb, run);
  verb('drift <model>', "Show how the inputs of the newest window differ from the champion's baseline.", 'drift flight-delay', 'drift flight-delay --deployment plant-7 --json')
    .option('--deployment <name>', 'where the model answers', 'default')
    .action((model: string, options: DriftOptions & { json?: boolean }) => run((session) => drift(session, model, without(options))));
  verb('windows <model>', 'Show what the newest windows come to: quality, the evidence of harm, and what was decided over retraining.', 'windows flight-delay', 'windows flight-delay --all')
    .option('--deployment <name>', 'where the model answers', 'default')
    .option('--all', 'also earlier assessments of a window', false)
    .action((model: string, options: WindowsOptions & { json?: boolean }) => run((session) => windows(session, model, without(options))));
  addAlarms(verb, run);
  addAudit(verbOf(program.command('audit').description('Read the audit ledger, and prove that nobody changed it.').helpCommand(false)), run);
  addBacktest(verbOf(program.command('policy').description('Try how retraining is decided.').helpCommand(false)), run);
  addGovernance(program, verbOf, run);
  verb('champion <model>', 'Show which version answers, or answered at a time.', 'champion flight-delay', 'champion flight-delay --at 2026-01-31T12:00:00Z')
    .option('--at <time>', 'wall time, ISO 8601; now where it is not given')
    .addOption(deploymentOption())
    .action((model: string, options: ChampionOptions & { json?: boolean }) => run((session) => champion(session, model, without(options))));
  verb('decision <id>', 'Explain who decided: the logged prediction under an id, the version that answered, and why that was in service.', 'decision 0a1b2c3d-17', 'decision order-4711 --model flight-delay --around 2026-01-31')
    .option('--model <name>', 'only of this model')
    .option('--around <time>', 'event time, ISO 8601: only what was asked for within a day of it')
    .option('--unmasked', 'with the values of sensitive columns; it takes the permission sensitive.read and goes on the record')
    .option('--reason <text>', 'why they are read')
    .action((id: string, options: DecisionOptions & { json?: boolean }) => run((session) => decision(session, id, without(options))));
  verb('why <model>', 'Explain why a version answers, or answered at a time: how it came there, on which evidence and data, and what has happened since.', 'why flight-delay', 'why flight-delay --at 2026-01-31T12:00:00Z')
    .option('--at <time>', 'wall time, ISO 8601; now where it is not given')
    .addOption(deploymentOption())
    .action((model: string, options: WhyOptions & { json?: boolean }) => run((session) => why(session, model, without(options))));
  return program;
}

/** What people decide over stages, and what they look at for it. */
function addGovernance(program: Command, verbOf: (parent: Command) => Verb, run: Run): void {
  const verb = verbOf(program);
  const group = (name: string, description: string): Verb => verbOf(program.command(name).description(description).helpCommand(false));
  addApprovals(verb, run);
  addDevelopment(verb, run);
  addControls(verb, run);
  addFindings(verb, run);
  addFinding(group('finding', 'Open a finding of a model, and close it with evidence.'), run);
  addReviews(verb, run);
  addValidations(verb, run);
  addGoLives(verb, run);
  addStages(verb, group('stage', 'Pause a stage, let it go on, send it back, abandon it.'), run, versionNumber);
  addPeople(group('people', 'Manage people and services, their roles and keys.'), run);
  addInventory(verb, verbOf, run);
  addRetire(verb, run);
  addRetirement(group('retirement', 'Follow a retirement, and help it on.'), run);
  addLegalHolds(group('legal-hold', 'Keep the evidence of a model from being deleted.'), run, versionNumber);
}

export type Verb = (usage: string, description: string, ...shown: string[]) => Command;
export type Run = Parameters<typeof programOf>[0];

function addRetrain(verb: Verb, run: Run): void {
  verb('retrain <model>', 'Retrain a model and follow it to its verdict. Promoted, rejected and inconclusive all count as done.',
    'retrain flight-delay', 'retrain flight-delay --as-of 2013-04-01 --reason "spring schedule"', 'retrain flight-delay --no-follow --json')
    .option('--as-of <time>', 'event time up to which the data is looked at, ISO 8601; the newest where it is not given')
    .option('--reason <text>', 'why, for the record')
    .addOption(deploymentOption())
    .option('--no-follow', 'return as soon as it runs')
    .action((model: string, options: RetrainOptions & { json?: boolean }) => run((session) => retrain(session, model, without(options))));
}

function addRollback(verb: Verb, run: Run): void {
  verb('rollback <model>', 'Take the champion back to the version before, or to any that has served.',
    'rollback flight-delay --reason "too many false alarms"', 'rollback flight-delay --to 3 --reason "last good one"')
    .option('--to <version>', 'the version; the champion before where it is not given', versionNumber)
    .requiredOption('--reason <text>', 'why, for the record')
    .addOption(deploymentOption())
    .option('--no-follow', 'return as soon as it runs')
    .action((model: string, options: RollbackOptions & { json?: boolean }) => run((session) => rollback(session, model, without(options))));
}

function addReleases(verb: Verb, run: Run): void {
  verb('release <model>', 'Bring a version into service step by step: shadow, canary, promotion, watch.', 'release flight-delay 7 --reason "the autumn candidate"')
    .argument('<version>', 'the version', versionNumber)
    .requiredOption('--reason <text>', 'why, for the record')
    .addOption(deploymentOption())
    .option('--follow', 'stay until it has ended; that may take weeks', false)
    .action((model: string, version: number, options: ReleaseOptions & { json?: boolean }) => run((session) => release(session, model, version, without(options))));
  verb('releases <model>', 'List the releases of a model, or show one with its steps and comparisons.', 'releases flight-delay', 'releases flight-delay 3')
    .argument('[number]', 'the release', versionNumber)
    .action((model: string, number: number | undefined) => run((session) => releases(session, model, number)));
  for (const action of RELEASE_ACTIONS) {
    verb(`${action} <model>`, STEERING[action], `${action} flight-delay 3 --reason "as agreed"`)
      .argument('<number>', 'the release', versionNumber)
      .requiredOption('--reason <text>', 'why, for the record')
      .action((model: string, number: number, { reason }: { reason: string }) => run((session) => steer(session, action, model, number, reason)));
  }
}

function addReplays(verb: Verb, run: Run): void {
  verb('replay <model>', 'Run a version over what was logged in a past period and compare it with the champion of then. It changes nothing in service.',
    'replay flight-delay 7 --from 2013-06-01 --until 2013-06-15 --reason "would it have been better?"')
    .argument('<version>', 'the version', versionNumber)
    .requiredOption('--from <time>', 'event time at which the period begins, ISO 8601')
    .requiredOption('--until <time>', 'event time before which it ends, ISO 8601')
    .requiredOption('--reason <text>', 'why, for the record')
    .addOption(deploymentOption())
    .option('--no-follow', 'return as soon as it runs')
    .action((model: string, version: number, options: ReplayOptions & { json?: boolean }) => run((session) => replay(session, model, version, without(options))));
  verb('replays <model>', 'List the replays of a model, or show one with its blocks.', 'replays flight-delay', 'replays flight-delay 2')
    .argument('[number]', 'the replay', versionNumber)
    .action((model: string, number: number | undefined) => run((session) => replays(session, model, number)));
}

function addAlarms(verb: Verb, run: Run): void {
  verb('alarms [model]', 'Show the alarms that are open, of one model or of all, and whether they arrived.', 'alarms', 'alarms flight-delay --all')
    .option('--all', 'also those that have ended, and tests', false)
    .action((model: string | undefined, options: AlarmsOptions & { json?: boolean }) => run((session) => alarms(session, model, without(options))));
  for (const action of ALARM_ACTIONS) {
    const snooze = action === 'snooze';
    const example = `${action} 0d9b5a6e-3f0b-4a39-9f2b-0d5a4a2b7f10 ${snooze ? '--until 2026-02-01 ' : ''}--reason "the supplier knows"`;
    const acting = verb(`${action} <alarm>`, ACTING[action], example).requiredOption('--reason <text>', 'why, for the record');
    if (snooze) acting.requiredOption('--until <time>', 'wall time, ISO 8601, 30 days ahead at most');
    acting.action((alarm: string, options: AlarmActionOptions & { json?: boolean }) => run((session) => actOnAlarm(session, action, alarm, without(options))));
  }
  verb('test-alarm <model>', 'Fire a test alarm and wait until it has arrived, or say why it did not.', 'test-alarm flight-delay --reason "a new receiver"')
    .requiredOption('--reason <text>', 'why, for the record')
    .action((model: string, options: AlarmActionOptions & { json?: boolean }) => run((session) => testAlarm(session, model, without(options))));
  verb('release-window <model> <from>', 'Take a window out of quarantine: it trains and judges versions again.',
    'release-window flight-delay 2013-03-01 --reason "the new sensor reports in kilometres"')
    .requiredOption('--reason <text>', 'why, for the record')
    .addOption(deploymentOption())
    .action((model: string, from: string, options: WindowReleaseOptions & { json?: boolean }) => run((session) => releaseWindow(session, model, from, without(options))));
}

function addControls(verb: Verb, run: Run): void {
  verb('controls <model>', 'Show which controls of SR 26-2 and the EU AI Act a model meets, computed from the record.', 'controls credit-risk', 'controls credit-risk --framework "SR 11-7"')
    .option('--framework <name>', 'one framework alone, by any of its names')
    .action((model: string, options: ControlsOptions & { json?: boolean }) => run((session) => controls(session, model, without(options))));
}

function addDevelopment(verb: Verb, run: Run): void {
  verb('experiments <model>', 'List the experiments of a model, its own retrains among them, or show one that was logged.', 'experiments flight-delay --sort auc', 'experiments flight-delay 4')
    .argument('[number]', 'a logged experiment', versionNumber)
    .option('--sort <metric>', 'the best first by this metric; newest first where it is not given')
    .addOption(new Option('--order <order>', 'of the metric').choices(['asc', 'desc']).default('desc'))
    .addOption(new Option('--source <source>', 'only retrains, or only those from outside').choices(EXPERIMENT_SOURCES))
    .option('--limit <count>', 'the most that are shown, up to 500', wholeNumber, 50)
    .action((model: string, number: number | undefined, options: ExperimentsOptions & { json?: boolean }) => run((session) => experiments(session, model, number, without(options))));
  verb('card <model>', 'Show the model card: what the model is for, what it learnt from, how good it is, and where its bounds are.', 'card flight-delay', 'card flight-delay --out card.html')
    .option('-o, --out <file>', 'write the card there, as an HTML page that needs nothing else')
    .addOption(deploymentOption())
    .action((model: string, options: CardOptions & { json?: boolean }) => run((session) => card(session, model, without(options))));
  verb('log-experiment <model>', 'Log an experiment that was made elsewhere: name, parameters, dataVersion, codeVersion and metrics as YAML or JSON.', 'log-experiment flight-delay -f experiment.yaml')
    .requiredOption('-f, --file <path>', 'the experiment; - reads it from standard input')
    .action((model: string, { file }: { file: string }) => run((session) => logExperiment(session, model, file)));
}

function addApprovals(verb: Verb, run: Run): void {
  verb('approvals <model>', 'List the approvals of a model, or show one with its votes.', 'approvals credit-risk', 'approvals credit-risk 2', 'approvals credit-risk --request "the data agreement is signed"')
    .argument('[number]', 'the approval', versionNumber)
    .option('--request <reason>', 'ask again for what was rejected or has expired, and why')
    .action((model: string, number: number | undefined, options: ApprovalsOptions & { json?: boolean }) => run((session) => approvals(session, model, number, without(options))));
  verb('vote <model>', 'Vote on an approval of a model. A vote stands.', 'vote credit-risk 2 approve --reason "the case holds, and the data is there"')
    .argument('<number>', 'the approval', versionNumber)
    .addArgument(new Argument('<choice>', 'what you say to it').choices(VOTE_CHOICES))
    .requiredOption('--reason <text>', 'why, for the record')
    .action((model: string, number: number, choice: VoteChoice, { reason }: { reason: string }) => run((session) => vote(session, model, number, choice, reason)));
}

function addValidations(verb: Verb, run: Run): void {
  verb('validations <model>', 'List the validations of a model, or show that of one version with its report.', 'validations credit-risk', 'validations credit-risk 3', 'validations credit-risk 3 --json')
    .argument('[version]', 'the version', versionNumber)
    .action((model: string, version: number | undefined) => run((session) => validations(session, model, version)));
  verb('validate <model>', 'Decide over the validation of a version. A decision is taken once.', 'validate credit-risk 3 approve --reason "the evidence holds" --answers soundness.yaml', 'validate credit-risk 3 conditional --reason "the thin files first" --findings findings.yaml')
    .argument('<version>', 'the version', versionNumber)
    .addArgument(new Argument('<decision>', 'what you decide').choices(VALIDATION_DECISIONS))
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--findings <file>', 'YAML or JSON: a list of title, severity, owner, dueAt and evidenceNeeded, for a conditional approval')
    .option('--answers <file>', 'YAML or JSON: an answer to each question of the questionnaire, which a high and a critical tier ask for')
    .action((model: string, version: number, decision: ValidationDecision, options: ValidateOptions & { json?: boolean }) => run((session) => validate(session, model, version, decision, without(options))));
}

function addGoLives(verb: Verb, run: Run): void {
  verb('go-lives <model>', 'List the versions of a model that went live and who confirmed it, and what holds up those that are approved.', 'go-lives credit-risk')
    .action((model: string) => run((session) => goLives(session, model)));
  verb('confirm-go-live <model>', 'Confirm, as its owner, that a version has gone live. It is confirmed once.', 'confirm-go-live credit-risk 3 --reason "it answers, and its dashboard is watched"')
    .argument('<version>', 'the version that answers', versionNumber)
    .addOption(deploymentOption())
    .requiredOption('--reason <text>', 'what you looked at, for the record')
    .action((model: string, version: number, options: ConfirmGoLiveOptions & { json?: boolean }) => run((session) => confirmGoLive(session, model, version, without(options))));
}

function addAudit(verb: Verb, run: Run): void {
  verb('list <model>', 'Show who did what to a model, in the order of the entries.', 'audit list flight-delay', 'audit list flight-delay --after 120 --json')
    .option('--after <entry>', 'only entries after this id', wholeNumber, 0)
    .option('--limit <count>', 'the most that are shown, up to 500', wholeNumber, 50)
    .action((model: string, options: AuditListOptions & { json?: boolean }) => run((session) => auditList(session, model, without(options))));
  verb('export', 'Write the whole ledger to a file, one entry a line, in the order of its tree.', 'audit export --out ledger.ndjson')
    .requiredOption('-o, --out <file>', 'where it goes')
    .option('--size <entries>', 'how many; all where it is not given', wholeNumber)
    .action((options: { out: string; size?: number; json?: boolean }) => run((session) => auditExport(session, without(options))));
  verb('checkpoint', 'Show the newest signed checkpoint.', 'audit checkpoint', 'audit checkpoint --out today.checkpoint')
    .option('-o, --out <file>', 'write the signed note there')
    .action((options: { out?: string; json?: boolean }) => run((session) => auditCheckpoint(session, without(options))));
  verb('proof', 'Prove that an entry is in the ledger, and check the proof here.', 'audit proof 120 --key public-key.pem')
    .argument('<entry>', 'the id of the entry', wholeNumber)
    .option('--size <entries>', 'of the tree; that of the newest checkpoint where it is not given', wholeNumber)
    .option('--key <file>', 'public key of the ledger, PEM: check the checkpoint as well')
    .action((entry: number, options: AuditProofOptions & { json?: boolean }) => run((session) => auditProof(session, entry, without(options))));
  verb('erase', 'Erase what a person wrote beside an entry. The ledger stays as it is, and verifies as before.', 'audit erase 120 --reason "she asked for it"')
    .argument('<entry>', 'the id of the entry', wholeNumber)
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--field <name>', 'one of its texts, such as reason; all of them where it is not given')
    .action((entry: number, options: { reason: string; field?: string; json?: boolean }) => run((session) => auditErase(session, entry, without(options))));
  verb('sinks', 'Show how far copies of checkpoints are in the bucket and at the webhook.', 'audit sinks', 'audit sinks --json')
    .action(() => run((session) => auditSinks(session)));
  verb('reconcile', "Show what the ledger and Temporal's histories know of each other, and what one of them knows alone.", 'audit reconcile', 'audit reconcile --json')
    .action(() => run((session) => auditReconcile(session)));
  verb('verify', 'Hold an export against signed checkpoints. It needs neither the service nor its database.',
    'audit verify --export ledger.ndjson --checkpoint checkpoints/latest --key public-key.pem', 'audit verify --export ledger.ndjson --checkpoint checkpoints/*.checkpoint --key public-key.pem')
    .requiredOption('--export <file>', 'an export of the ledger')
    .requiredOption('--checkpoint <files...>', 'checkpoints from outside the database')
    .requiredOption('--key <file>', 'public key of the ledger, PEM')
    .action((options: AuditVerifyOptions & { json?: boolean }) => run((session) => auditVerify(session, without(options))));
}

function addFindings(verb: Verb, run: Run): void {
  verb('findings <model>', 'List the open findings of a model, or show one.', 'findings credit-risk', 'findings credit-risk --all', 'findings credit-risk 3')
    .argument('[number]', 'the finding', versionNumber)
    .option('--all', 'also those that are closed', false)
    .action((model: string, number: number | undefined, options: FindingsOptions & { json?: boolean }) => run((session) => findings(session, model, number, without(options))));
}

function addFinding(verb: Verb, run: Run): void {
  verb('open <model>', 'Open a finding: something that somebody has to mend until a day.',
    'finding open credit-risk --severity high --title "the threshold is not reasoned" --evidence "an analysis of what errors cost" --owner ann --due 2026-03-01')
    .addOption(new Option('--severity <severity>', 'how bad it is; an overdue one that is high or critical stops the model').choices(FINDING_SEVERITIES).makeOptionMandatory())
    .requiredOption('--title <text>', 'what is wrong')
    .requiredOption('--evidence <text>', 'what must be shown for it to be closed')
    .requiredOption('--owner <name>', 'who has to mend it; may not close it')
    .requiredOption('--due <time>', 'wall time, ISO 8601')
    .option('--version <number>', 'of this version alone; of the model where it is not given', versionNumber)
    .action((model: string, options: FindingOpenOptions & { json?: boolean }) => run((session) => openFinding(session, model, without(options))));
  verb('close <model>', 'Close a finding that is mended.', 'finding close credit-risk 3 --evidence "the analysis of errors, approved by the board"')
    .argument('<number>', 'the finding', versionNumber)
    .requiredOption('--evidence <text>', 'what shows that it is mended')
    .option('--artifact <digest>', 'of something in the artifact store that shows it')
    .action((model: string, number: number, options: FindingCloseOptions & { json?: boolean }) => run((session) => closeFinding(session, model, number, without(options))));
}

function addReviews(verb: Verb, run: Run): void {
  verb('reviews <model>', 'List the periodic reviews of a model, and when the next one is due.', 'reviews credit-risk')
    .action((model: string) => run((session) => reviews(session, model)));
  verb('review <model>', 'Record what a periodic review came to.', 'review credit-risk continue --reason "stable, and used as approved"', 'review credit-risk continueWithFindings --findings findings.json --reason "the threshold is not reasoned"')
    .addArgument(new Argument('<outcome>', 'what it came to').choices(REVIEW_OUTCOMES))
    .requiredOption('--reason <text>', 'what was looked at and why it came to that, for the record')
    .option('--findings <path>', 'a JSON file with the list of what was found: severity, title, evidenceNeeded, owner, dueAt, and version or none')
    .action((model: string, outcome: ReviewOutcome, options: ReviewOptions & { json?: boolean }) => run((session) => review(session, model, outcome, without(options))));
}

function addBacktest(verb: Verb, run: Run): void {
  verb('backtest', "Replay how retraining is decided over the model's own history, against never, monthly, PSI and CUSUM. It trains on this machine and asks no server.",
    'policy backtest -f models/flight-delay/model.yaml --triggers performance', 'policy backtest -f model.yaml --from 2013-04-01 --until 2013-10-01 --out /tmp/backtest')
    .requiredOption('-f, --file <path>', 'the model spec; - reads it from standard input')
    .option('--from <time>', 'event time at which it begins, ISO 8601; the first at which a version can be trained where it is not given', eventTime)
    .option('--until <time>', 'event time at which it ends, ISO 8601; the end of the data where it is not given', eventTime)
    .option('--triggers <names>', `in the place of the spec's retraining.triggers: ${AUTOMATIC_TRIGGERS.join(', ')}, with commas between`, triggerNames)
    .option('--out <folder>', 'where backtest.json and backtest.svg go; var/backtest/<model> where it is not given')
    .action((options: PolicyBacktestOptions & { json?: boolean }) => run((session) => policyBacktest(session, without(options))));
}

const ACTING = {
  acknowledge: 'Say that you look at an alarm; it stays open.',
  snooze: 'Hear nothing of an alarm until a time; then it is sent again, if it is still open.',
  resolve: 'End an alarm.',
} as const;

const STEERING = {
  pause: 'Pause a release: mirrors and shares go on as they stand, nothing goes forward.',
  resume: 'Let a paused release go on.',
  advance: 'Send a release to its next step without waiting for time and samples.',
  abort: 'End a release; where its version answers already, the one before comes back.',
} as const;

const deploymentOption = (): Option => new Option('--deployment <name>', 'a place where the model answers; `default` where it is not given');

function without<T extends { json?: boolean }>({ json: _json, ...options }: T): Omit<T, 'json'> {
  return options;
}

const EVENT_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Milliseconds since 1970; a day begins in UTC. */
function eventTime(value: string): number {
  const ms = EVENT_TIME.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError('It must be a time such as 2013-04-01 or 2013-04-01T12:00:00Z.');
  return ms;
}

function triggerNames(value: string): AutomaticTrigger[] {
  const names = value.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !AUTOMATIC_TRIGGERS.some((trigger) => trigger === name));
  if (unknown.length > 0) throw new InvalidArgumentError(`There is no trigger ${unknown.map((name) => `"${name}"`).join(', ')}; choose from ${AUTOMATIC_TRIGGERS.join(', ')}.`);
  return AUTOMATIC_TRIGGERS.filter((trigger) => names.includes(trigger));
}

function wholeNumber(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('It must be a whole number, such as 120.');
  return Number(value);
}

function versionNumber(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It must be the number of a version or release, such as 3.');
  return Number(value);
}
