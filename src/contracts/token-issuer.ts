/** Whose tokens are taken, and which. */
export interface TokenIssuer {
  /** As tokens write it. */
  readonly url: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
}
