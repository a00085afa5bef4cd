import { FAILURES, type FailureType } from '../contracts/failures.js';

/** A problem detail (RFC 9457), as the API sends it. */
export interface ProblemDetail {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly [member: string]: unknown;
}

/** What the CLI ends with when it could not do what was asked: the API's problem, or one of its own in the same form. */
export class ProblemError extends Error {
  constructor(readonly problem: ProblemDetail) {
    super(problem.detail);
  }

  static of(type: FailureType, detail: string, instance: string): ProblemError {
    const { title, status } = FAILURES[type];
    return new ProblemError({ type: `urn:perennial:${type}`, title, status, detail, instance });
  }
}
