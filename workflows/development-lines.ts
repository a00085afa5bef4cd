import type { DevelopmentStand } from '../src/contracts/retrains.js';
import { stageLines } from '../src/contracts/stage-criteria.js';

/** The stage that a retrain is (docs/adr/0013-development-is-the-retrain.md): how it is entered, and what its exit asks for. @param stand undefined until the gate has judged */
export const developmentLines = (model: string, stand?: DevelopmentStand): string[] => [
  ...stageLines('development', stand && { snapshot: true, version: true, evaluation: true, criteria: stand.verdict === 'pass' }), '',
  `Exit: ${stand ? `**${stand.verdict}**` : 'judged with the gate'}; \`GET /v1/models/${model}/development\` explains each criterion. The owner moves it with \`perennial stage pause|abandon|send-back ${model} development --reason …\``,
  ...(stand ? ['', '| | exit criterion |', '|---|---|', ...stand.criteria.map(({ name, verdict }) => `| ${verdict} | ${name.replaceAll('|', '\\|')} |`)] : []),
];
