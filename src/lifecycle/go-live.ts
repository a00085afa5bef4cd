export interface ConfirmationFacts {
  readonly model: string;
  readonly deployment: string;
  /** That is to be confirmed. */
  readonly version: number;
  readonly champion: number | null;
  /** The last time that this version went live there; null where it never did, as a version of a model without a use case. */
  readonly goLive: { readonly epoch: number; readonly confirmed: { readonly by: string; readonly at: string } | null } | null;
}

/** Why somebody cannot confirm that a version has gone live; null where they can. */
export function whyNotConfirm({ model, deployment, version, champion, goLive }: ConfirmationFacts): string | null {
  if (champion !== version) return `Version ${version} of ${model} does not answer in ${deployment}: ${champion === null ? 'nothing does' : `version ${champion} does, and is to be confirmed`}`;
  if (!goLive) return `Version ${version} of ${model} went live in ${deployment} without a use case in its spec, and nobody is asked to confirm it`;
  if (goLive.confirmed) return `${goLive.confirmed.by} has confirmed at ${goLive.confirmed.at} that version ${version} of ${model} went live in ${deployment}; it is confirmed once`;
  return null;
}
