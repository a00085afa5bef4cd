import { type FeatureEncoder, featureEncoder } from '../data/feature-encoding.js';
import type { FeatureSpec } from '../spec/model-spec.js';
import type { Datatype } from './datatypes.js';

/** An output of a model. A dimension is a number, or -1 where it is free, as the protocol writes it. */
export interface OutputSignature {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
}

/** What a version takes and gives: the features of the spec it was trained under, the outputs of its file. */
export interface ModelSignature {
  readonly features: readonly FeatureSpec[];
  /** Place of a feature, by name. */
  readonly indexOf: ReadonlyMap<string, number>;
  readonly encoder: FeatureEncoder;
  /** Whether refusals quote no value, since one may be of a sensitive column. */
  readonly discreet: boolean;
  /** Columns that hold codes from 0 on, and how many there are. */
  readonly coded: readonly { readonly name: string; readonly column: number; readonly codes: number }[];
  readonly outputs: readonly OutputSignature[];
}

export const modelSignature = (features: readonly FeatureSpec[], outputs: readonly OutputSignature[], discreet = false): ModelSignature => ({
  features,
  indexOf: new Map(features.map(({ name }, index) => [name, index])),
  encoder: featureEncoder(features, discreet),
  discreet,
  coded: features.flatMap((feature, column) => (feature.type === 'category' ? [{ name: feature.name, column, codes: feature.categories.length }] : [])),
  outputs,
});
