import { defineSearchAttributeKey, type SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import type { SEARCH_ATTRIBUTES } from './motion.js';

export interface WorkflowFacts {
  readonly model: string;
  readonly deployment?: string;
  readonly stage?: string;
  readonly trigger?: string;
}

const keyword = (name: keyof typeof SEARCH_ATTRIBUTES) => defineSearchAttributeKey(name, 'KEYWORD');

/** The search attributes that a workflow has from its start; the workflow itself adds tier, version and outcome. */
export function modelAttributes(facts: WorkflowFacts): TypedSearchAttributes {
  const pairs: SearchAttributePair[] = [{ key: keyword('PerennialModel'), value: facts.model }];
  if (facts.deployment) pairs.push({ key: keyword('PerennialDeployment'), value: facts.deployment });
  if (facts.stage) pairs.push({ key: keyword('PerennialStage'), value: facts.stage });
  if (facts.trigger) pairs.push({ key: keyword('PerennialTrigger'), value: facts.trigger });
  return new TypedSearchAttributes(pairs);
}
