import { applyDecorators, Body, Controller, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type PeopleChange, PeopleRepository } from '../../registry/people.repository.js';
import { Actor } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { IdempotencyKey } from '../commands/idempotency-key.decorator.js';
import { Answer, CommandOperation, CommonProblems, Problems } from '../documentation/answers.js';
import { noQuery } from '../requests/fields.js';
import {
  grantRequest, type GrantRequest, identifyRequest, type IdentifyRequest, keyPath, type KeyPath, type PeopleChanged, peopleChanged, peopleChangedSchema, personPath, reasonRequest, registerRequest, type RegisterRequest,
  replaceRequest, type ReplaceRequest, revokeRequest, type RevokeRequest,
} from './people.dto.js';

/** A change that is made at once, or not at all: no workflow has to hear of it. */
const Change = (summary: string, description: string): MethodDecorator =>
  applyDecorators(
    HttpCode(200), Permit('people.manage'), CommandOperation(summary, description), Answer(200, 'It is so now', peopleChangedSchema), Problems('NotFound', 'PeopleConflict'),
  );

/** What administrators change about people and services. */
@ApiTags('People')
@CommonProblems()
@Controller('v1/people')
export class PeopleChangesController {
  constructor(private readonly people: PeopleRepository) {}

  @Post()
  @Change('Register a person or a service', 'They may nothing yet: give them roles, and a key where they have no tokens.')
  registerPerson(
    @Body({ schema: registerRequest }) { name, kind, identity }: RegisterRequest, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'register', name, as: kind, identity });
  }

  @Post(':name/identify')
  @Change('Say who a known name is', 'Whose tokens are theirs, in the place of an identity that they have where there is one, or that a service is a person. Whoever gets an account keeps their name: under a second one they could decide over their own work.')
  identifyPerson(
    @Param({ schema: personPath }) { name }: { name: string }, @Body({ schema: identifyRequest }) { identity, kind, reason }: IdentifyRequest, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'identify', name, identity, as: kind, reason });
  }

  @Post(':name/deactivate')
  @Change('Refuse somebody for the time being', 'Keys and tokens are refused and commands that wait have no effect. Roles are kept.')
  deactivatePerson(
    @Param({ schema: personPath }) { name }: { name: string }, @Body({ schema: reasonRequest }) { reason }: { reason: string }, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'deactivate', name, reason });
  }

  @Post(':name/activate')
  @Change('Let somebody act again', 'With the roles that they have, and the keys that were not revoked.')
  activatePerson(
    @Param({ schema: personPath }) { name }: { name: string }, @Body({ schema: reasonRequest }) { reason }: { reason: string }, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'activate', name, reason });
  }

  @Post(':name/grant')
  @Change('Give a role', 'For one model, which need not be registered yet, or for all. Nobody gives one to themselves.')
  grantRole(
    @Param({ schema: personPath }) { name }: { name: string }, @Body({ schema: grantRequest }) { role, model }: GrantRequest, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'grant', name, role, model });
  }

  @Post(':name/revoke')
  @Change('Take a role away', 'It stays on the record as one that was. The last administrator keeps theirs.')
  revokeRole(
    @Param({ schema: personPath }) { name }: { name: string }, @Body({ schema: revokeRequest }) { role, model, reason }: RevokeRequest, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'revoke', name, role, model, reason });
  }

  @Post(':name/keys')
  @Change('Make an API key', 'The answer holds it, this once; a hash of it is kept.')
  issueKey(
    @Param({ schema: personPath }) { name }: { name: string }, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'issueKey', name });
  }

  @Post(':name/keys/:keyId/revoke')
  @Change('Revoke an API key', 'The next request with it is refused.')
  revokeKey(
    @Param({ schema: keyPath }) { name, keyId }: KeyPath, @Body({ schema: reasonRequest }) { reason }: { reason: string }, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'revokeKey', name, keyId, reason });
  }

  @Post(':name/replace')
  @Change('Replace somebody who leaves', 'All roles go to somebody else, keys are revoked, and the leaver is deactivated: all of it, or nothing. The successor is another person, whom nothing bars that the leaver did; a new account of the same one is what `identify` is for.')
  replacePerson(
    @Param({ schema: personPath }) { name }: { name: string }, @Body({ schema: replaceRequest }) { by, reason }: ReplaceRequest, @Query({ schema: noQuery }) _query: unknown,
    @Actor() actor: string, @IdempotencyKey() idempotencyKey: string,
  ): Promise<PeopleChanged> {
    return this.make({ actor, idempotencyKey }, { kind: 'replace', name, by, reason });
  }

  private async make(asked: { readonly actor: string; readonly idempotencyKey: string }, change: PeopleChange): Promise<PeopleChanged> {
    return peopleChanged(await this.people.change({ ...asked, change }, new Date()));
  }
}
