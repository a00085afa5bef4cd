import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { PerennialError } from '../../contracts/failures.js';
import { CommandsRepository } from '../../registry/commands.repository.js';
import type { Access } from '../authentication/access.js';
import { CallerAccess } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { noQuery } from '../requests/fields.js';
import { type CommandAnswerBody, commandBody, commandPath, commandSchema } from './commands.dto.js';

@ApiTags('Commands')
@CommonProblems()
@Controller('v1/commands')
export class CommandsController {
  constructor(private readonly commands: CommandsRepository) {}

  @Get(':id')
  @Permit('model.read')
  @Operation('What became of a command')
  @Answer(200, 'The command', commandSchema)
  @Problems('CommandUnknown')
  async getCommand(@Param({ schema: commandPath }) { id }: { id: string }, @Query({ schema: noQuery }) _query: unknown, @CallerAccess() access: Access): Promise<CommandAnswerBody> {
    const command = await this.commands.find(id);
    if (!command) throw new PerennialError('CommandUnknown', `No command was accepted under ${id}`, { commandId: id });
    await access.require('model.read', command.model);
    return commandBody(command);
  }
}
