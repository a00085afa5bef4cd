import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { PerennialError } from '../../contracts/failures.js';
import { type ControlMap, findFramework, type Framework } from '../../lifecycle/control-map.js';
import { ControlsRepository, type EvidenceQuery } from '../../registry/controls.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath, noQuery } from '../requests/fields.js';
import { type FrameworkList, frameworkList, frameworkListSchema, frameworkQuery, type FrameworkQuery, modelControls, type ModelControls, modelControlsSchema, namedEvidence } from './controls.dto.js';

/** What frameworks ask for, as files of CONTROLS_DIR say it. */
export class Controls {
  constructor(readonly map: ControlMap) {}
}

@ApiTags('Controls')
@CommonProblems()
@Controller('v1')
export class ControlsController {
  constructor(
    private readonly controls: Controls,
    private readonly models: ModelsRepository,
    private readonly evidence: ControlsRepository,
  ) {}

  @Get('controls')
  @Permit('model.read')
  @Operation('The frameworks whose controls are known', 'docs/CONTROLS.md tells how another one is added.')
  @Answer(200, 'The frameworks', frameworkListSchema)
  listFrameworks(@Query({ schema: noQuery }) _query: unknown): FrameworkList {
    return frameworkList(this.controls.map.frameworks);
  }

  @Get('models/:model/controls')
  @Permit('model.read')
  @Operation('Which controls a model meets', 'Computed from the record when it is asked: each control with the evidence that shows it.')
  @Answer(200, 'The controls of each framework', modelControlsSchema)
  @Problems('ModelNotFound', 'NotFound')
  async showControls(@Param({ schema: modelPath }) { model }: { model: string }, @Query({ schema: frameworkQuery }) { framework }: FrameworkQuery): Promise<ModelControls> {
    const { map } = this.controls;
    const frameworks = framework === undefined ? map.frameworks : [this.framework(framework)];
    const known = await this.models.get(model);
    const found = await this.evidence.evidence(model, namedEvidence(frameworks).map((name) => map.evidence.get(name) as EvidenceQuery));
    return modelControls(known, frameworks, map, found, new Date());
  }

  private framework(name: string): Framework {
    const found = findFramework(this.controls.map, name);
    if (found) return found;
    throw new PerennialError('NotFound', `No framework is called ${name}; there are ${this.controls.map.frameworks.map((one) => one.name).join(', ')}`);
  }
}
