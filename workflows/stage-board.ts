import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';

const MAX_DETAILS = 20_000;

interface Step {
  readonly name: string;
  state: '·' | '▶' | '✔' | '✘';
  note: string;
}

/** What an operator sees in the Temporal UI: a table of the steps, where it stands, and who can move it. */
export class StageBoard {
  private readonly steps: Step[];
  private next = '';
  private below: readonly string[] = [];

  constructor(
    private readonly title: string,
    names: readonly string[],
  ) {
    this.steps = names.map((name) => ({ name, state: '·', note: '' }));
  }

  begin(name: string, next: string): void {
    this.settle('✔');
    const step = this.steps.find((candidate) => candidate.name === name);
    if (step) step.state = '▶';
    this.next = next;
    upsertSearchAttributes({ PerennialStage: [name] });
    this.show();
  }

  note(text: string): void {
    const step = this.steps.find(({ state }) => state === '▶');
    if (step) step.note = text;
    this.show();
  }

  /** What stands below the steps from now on. */
  say(lines: readonly string[]): void {
    this.below = lines;
    this.show();
  }

  end(good: boolean, outcome: string, explanation: string): void {
    this.settle(good ? '✔' : '✘');
    this.next = `**${outcome}** — ${explanation}`;
    upsertSearchAttributes({ PerennialStage: ['finished'], PerennialOutcome: [outcome] });
    this.show();
  }

  private settle(state: Step['state']): void {
    for (const step of this.steps) if (step.state === '▶') step.state = state;
  }

  private show(): void {
    const rows = this.steps.map(({ name, state, note }) => `| ${state} | ${name} | ${note.replaceAll('|', '\\|')} |`);
    setCurrentDetails([`### ${this.title}`, '', this.next, '', '| | step | |', '|---|---|---|', ...rows, '', ...this.below].join('\n').slice(0, MAX_DETAILS));
  }
}
