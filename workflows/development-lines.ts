import type { DevelopmentStand } from '../src/contracts/retrains.js';

/** The stage that a retrain is (docs/adr/0013-development-is-the-retrain.md): how it is entered, and what its exit asks for. @param stand undefined until the gate has judged */
export const developmentLines = (model: string, stand?: DevelopmentStand): string[] => [
  '#### Development', '',
  'Entry: the use case is approved as the spec in force states it, or the spec states none. Required: snapshot, training run, version, evaluation and first test for bias.',
  `Exit: ${stand ? `**${stand.verdict}**` : 'judged with the gate'}; \`GET /v1/models/${model}/development\` explains each criterion. Who moves it: \`perennial stage pause|abandon|send-back ${model} development --reason …\``,
  ...(stand ? ['', '| | exit criterion |', '|---|---|', ...stand.criteria.map(({ name, verdict }) => `| ${verdict} | ${name.replaceAll('|', '\\|')} |`)] : []),
];
