/** Where the CLI writes, and what can be shown there. */
export interface Terminal {
  /** Results; with `--json` one document and nothing else. */
  out(text: string): void;
  /** Everything that is not a result. */
  error(text: string): void;
  /** Characters in a line; without end where it is no screen, so that what is piped or kept is whole. */
  readonly columns: number;
  /** A person watches, so that a line may be drawn again. */
  readonly interactive: boolean;
  readonly colours: boolean;
}

/** This process's own terminal. Node itself honours NO_COLOR. */
export const processTerminal = (): Terminal => ({
  out: (text) => { process.stdout.write(text); },
  error: (text) => { process.stderr.write(text); },
  columns: process.stdout.columns ?? Number.POSITIVE_INFINITY,
  interactive: process.stdout.isTTY === true,
  colours: process.stdout.isTTY === true && process.stdout.hasColors(),
});

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
export type Style = keyof typeof CODES;

export const styled = (terminal: Terminal, style: Style, text: string): string =>
  terminal.colours ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;

/** Text from elsewhere without what would move the cursor or recolour the screen. */
export const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
