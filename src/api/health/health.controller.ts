import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { PerennialError } from '../../contracts/failures.js';
import { Answer, Operation, Problems } from '../documentation/answers.js';
import { Dependencies, type DependencyState } from './dependencies.js';

const aliveSchema = z.strictObject({ status: z.literal('alive') }).meta({ id: 'Alive' });
const readySchema = z
  .strictObject({
    status: z.literal('ready'),
    dependencies: z.array(z.strictObject({ name: z.enum(['postgres', 'temporal', 'artifacts']), state: z.enum(['up', 'down']), ms: z.int(), reason: z.string().optional() })),
  })
  .meta({ id: 'Ready' });

@ApiTags('Health')
@Controller()
export class HealthController {
  constructor(private readonly dependencies: Dependencies) {}

  @Get('healthz')
  @Operation('Whether the process runs')
  @Answer(200, 'It does', aliveSchema)
  checkHealth(): { status: 'alive' } {
    return { status: 'alive' };
  }

  @Get('readyz')
  @Operation('Whether it can work', 'Asks PostgreSQL and Temporal, and writes to the artifact store. The problem lists the state of each.')
  @Answer(200, 'It can', readySchema)
  @Problems('DependencyUnavailable')
  async checkReadiness(): Promise<{ status: 'ready'; dependencies: DependencyState[] }> {
    const dependencies = await this.dependencies.probe();
    const down = dependencies.filter(({ state }) => state === 'down').map(({ name }) => name);
    if (down.length > 0) throw new PerennialError('DependencyUnavailable', `Not ready: ${down.join(', ')} ${down.length === 1 ? 'does' : 'do'} not answer`, { dependencies });
    return { status: 'ready', dependencies };
  }
}
