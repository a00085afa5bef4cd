import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

type Document = Record<string, unknown>;

/** The spec of an example in the tour of a life: model.yaml with the sections of life.yaml over it. */
export async function lifeSpec(example: 'flight-delay' | 'acs-employment'): Promise<string> {
  const [base, over] = await Promise.all(['model.yaml', 'life.yaml'].map(async (name) => parse(await readFile(join('models', example, name), 'utf8')) as Document));
  return stringify({ ...base, ...over });
}

/** What the validator answers to the questionnaire of conceptual soundness. */
export const SOUNDNESS = {
  method: 'Gradient boosted trees: the answers hang together in ways that no line describes, and their figures can be read by feature.',
  assumptions: 'That next year is as this one: four years of the survey hardly differ, and monitoring tells when they do.',
  data: 'The survey is a sample of households; whoever lives in an institution is hardly in it.',
  features: 'Sex and race are features. Leaving them out hides differences and does not remove them: they are measured by group instead.',
  limitations: 'It knows Massachusetts. It must not be asked about another state.',
};

/** The members of the committee that the administrator calls. */
export const COMMITTEE = ['ida', 'jon', 'kim'] as const;
