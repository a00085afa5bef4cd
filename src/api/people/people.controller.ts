import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { PeopleRepository } from '../../registry/people.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { noQuery } from '../requests/fields.js';
import { type PeopleListAnswer, peopleListSchema, peopleQuery, type PeopleQuery, type PersonAnswer, personAnswer, personPath, personSchema } from './people.dto.js';

/** Who may do what. */
@ApiTags('People')
@CommonProblems()
@Controller('v1/people')
export class PeopleController {
  constructor(private readonly people: PeopleRepository) {}

  @Get()
  @Permit('people.read')
  @Operation('People and services', 'By name, with all roles and keys that they ever had; go on with `next`.')
  @Answer(200, 'Everybody', peopleListSchema)
  async listPeople(@Query({ schema: peopleQuery }) { after = '', limit }: PeopleQuery): Promise<PeopleListAnswer> {
    const items = (await this.people.list(after, limit)).map(personAnswer);
    const last = items.length === limit ? items.at(-1) : undefined;
    return { items, next: last ? `/v1/people?after=${encodeURIComponent(last.name)}&limit=${limit}` : null };
  }

  @Get(':name')
  @Permit('people.read')
  @Operation('One of them')
  @Answer(200, 'The person or service', personSchema)
  @Problems('NotFound')
  async getPerson(@Param({ schema: personPath }) { name }: { name: string }, @Query({ schema: noQuery }) _query: unknown): Promise<PersonAnswer> {
    return personAnswer(await this.people.get(name));
  }
}
