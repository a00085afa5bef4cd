import { z } from 'zod';
import { type Control, type ControlMap, type ControlState, CONTROL_STATES, controlState, counts, type FoundEvidence, type Framework } from '../../lifecycle/control-map.js';
import type { Model } from '../../registry/entities/model.entity.js';
import { instant, instantOf, itemsOf, path } from '../documentation/answer-fields.js';
import { text } from '../requests/fields.js';

export const frameworkQuery = z.strictObject({
  framework: text(100).optional().meta({ description: 'One framework alone, by any of its names.', examples: ['sr-26-2', 'SR 11-7', 'eu-ai-act'] }),
});
export type FrameworkQuery = z.output<typeof frameworkQuery>;

const about = {
  name: z.string(),
  title: z.string(),
  version: z.string(),
  alsoKnownAs: z.array(z.string()).readonly(),
  source: z.url(),
};

export const frameworkListSchema = itemsOf(z.strictObject({ ...about, controls: z.int() }).meta({ id: 'ControlFramework' })).meta({ id: 'ControlFrameworkList' });
export type FrameworkList = z.output<typeof frameworkListSchema>;

const state = z.enum(CONTROL_STATES).meta({ description: '`met`: all of its evidence is on the record; `partly`: some of it; `notApplicable`: not asked of a model of this tier, or of one without such evidence.' });

const controlSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  asks: z.string(),
  state,
  evidence: z.array(z.strictObject({
    name: z.string(),
    says: z.string(),
    counts: z.boolean().meta({ description: 'Whether it was found, and is recent where the control asks for that.' }),
    found: z.int(),
    newestAt: instant.nullable(),
    subjects: z.array(z.string()).readonly().meta({ description: 'The newest few, as the audit entries name them.' }),
  })),
}).meta({ id: 'Control' });

export const modelControlsSchema = z.strictObject({
  model: z.string(),
  tier: z.string(),
  at: instant,
  frameworks: z.array(z.strictObject({ ...about, summary: z.record(state, z.int()), controls: z.array(controlSchema) })),
  links: z.strictObject({ model: path }),
}).meta({ id: 'ModelControls' });
export type ModelControls = z.output<typeof modelControlsSchema>;

const facts = ({ name, title, version, alsoKnownAs, source }: Framework) => ({ name, title, version, alsoKnownAs, source });

export const frameworkList = (frameworks: readonly Framework[]): FrameworkList => ({ items: frameworks.map((one) => ({ ...facts(one), controls: one.controls.length })) });

/** The evidence that a framework's controls name, each once. */
export const namedEvidence = (frameworks: readonly Framework[]): string[] =>
  [...new Set(frameworks.flatMap(({ controls }) => controls.flatMap(({ where, evidence }) => [...(where ? [where] : []), ...evidence.map(({ name }) => name)])))];

export function modelControls({ name: model, tier }: Model, frameworks: readonly Framework[], map: ControlMap, found: ReadonlyMap<string, FoundEvidence>, now: Date): ModelControls {
  return {
    model, tier, at: now.toISOString(), links: { model: `/v1/models/${model}` },
    frameworks: frameworks.map((framework) => {
      const controls = framework.controls.map((control) => controlAnswer(control, tier, map, found, now));
      const summary = Object.fromEntries(CONTROL_STATES.map((one) => [one, controls.filter((control) => control.state === one).length])) as Record<ControlState, number>;
      return { ...facts(framework), summary, controls };
    }),
  };
}

function controlAnswer(control: Control, tier: string, map: ControlMap, found: ReadonlyMap<string, FoundEvidence>, now: Date): z.output<typeof controlSchema> {
  const { id, title, asks } = control;
  return {
    id, title, asks, state: controlState(control, tier, found, now),
    evidence: control.evidence.map(({ name, withinMs }) => {
      const one = found.get(name) ?? { count: 0, newestAt: null, subjects: [] };
      return { name, says: map.evidence.get(name)?.says ?? '', counts: counts(one, withinMs, now), found: one.count, newestAt: instantOf(one.newestAt), subjects: one.subjects };
    }),
  };
}
