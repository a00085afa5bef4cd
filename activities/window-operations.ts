import { Injectable } from '@nestjs/common';
import type { WindowId } from '../src/contracts/window-assessment.js';
import type { OperationFigures } from '../src/contracts/window-assessment-report.js';
import { MOST_EARLIER } from '../src/contracts/window-operations.js';
import { gatewayFigures } from '../src/drift/gateway-figures.js';
import { type EarlierChecks, operationChecks } from '../src/drift/operation-limits.js';
import { failuresByType, type ObservedOperations, receivedStretch } from '../src/drift/window-operations.js';
import { AssessmentsRepository } from '../src/registry/assessments.repository.js';
import { GatewaySamplesRepository } from '../src/registry/gateway-samples.repository.js';
import { ServingRepository } from '../src/registry/serving.repository.js';
import type { ModelSpec } from '../src/spec/model-spec.js';

/** Some of them had no row, or were assessed before a figure was measured. */
const LOOKED_BACK = 2 * MOST_EARLIER;

/** How a window was served: by its rows, and by what its gateways did meanwhile, beside what the deployment's earlier windows came to. */
@Injectable()
export class WindowOperations {
  constructor(
    private readonly serving: ServingRepository,
    private readonly samples: GatewaySamplesRepository,
    private readonly assessments: AssessmentsRepository,
  ) {}

  async of(window: WindowId, { rollout, evaluation }: ModelSpec, observed: ObservedOperations): Promise<OperationFigures> {
    const { model, deployment } = window;
    const { fromMs, untilMs } = receivedStretch(window, observed.received);
    const [stretch, tallies, earlier] = [await this.samples.stretch(model, deployment, fromMs, untilMs), await this.serving.tallies(model, deployment), await this.earlier(window)];
    const figures = { ...observed, gateways: gatewayFigures(stretch), errors: failuresByType(tallies) };
    return { ...figures, checks: operationChecks(figures, earlier, { guards: rollout.guards, alpha: evaluation.alpha }) };
  }

  private async earlier({ model, deployment, fromMs }: WindowId): Promise<EarlierChecks> {
    const before = await this.assessments.list(model, LOOKED_BACK, { deployment, latest: true, upTo: new Date(fromMs - 1) });
    return before.flatMap(({ headline }) => headline.operations ?? []);
  }
}
