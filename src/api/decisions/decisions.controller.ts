import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { PerennialError } from '../../contracts/failures.js';
import { sensitivityOf } from '../../contracts/masking.js';
import { CallersRepository } from '../../registry/callers.repository.js';
import { ExplanationsRepository } from '../../registry/explanations.repository.js';
import { ModelsRepository } from '../../registry/models.repository.js';
import { PredictionsRepository, type UnseenPredictions } from '../../registry/predictions.repository.js';
import type { Access } from '../authentication/access.js';
import { CallerAccess } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { whyAnswer, type WhyAnswer } from '../why/why.dto.js';
import { DecisionReader, type FoundPrediction, type Search } from './decision-reader.js';
import { chainOf, type ClassifiedPrediction, decisionAnswer, type DecisionAnswer, decisionPath, decisionQuery, type DecisionQuery, decisionSchema } from './decisions.dto.js';

@ApiTags('Why')
@CommonProblems()
@Controller('v1/decisions')
export class DecisionsController {
  constructor(
    private readonly models: ModelsRepository,
    private readonly predictions: PredictionsRepository,
    private readonly reader: DecisionReader,
    private readonly explanations: ExplanationsRepository,
    private readonly callers: CallersRepository,
  ) {}

  @Get(':id')
  @Permit('prediction.read')
  @Operation('Who decided this', 'The logged prediction under an id, with the version that answered, its label where one is known, and why that version was in service; of models that the caller may read predictions of. Values of sensitive columns are masked, unless `unmasked` asks for them, which takes `sensitive.read` and a reason. docs/WHY.md explains it.')
  @Answer(200, 'Every answer under the id', decisionSchema)
  @Problems('ModelNotFound', 'NotFound')
  async explainDecision(@Param({ schema: decisionPath }) { id }: { id: string }, @Query({ schema: decisionQuery }) { model, around, unmasked, reason }: DecisionQuery, @CallerAccess() access: Access, @Res({ passthrough: true }) reply: FastifyReply): Promise<DecisionAnswer> {
    if (model !== undefined) await access.require('prediction.read', model);
    if (unmasked === 'true') await (model === undefined ? access.requireSomewhere('sensitive.read') : access.require('sensitive.read', model));
    if (model !== undefined) await this.models.get(model);
    const now = new Date();
    const all = await this.reader.search({ id, model: model ?? null, around: around === undefined ? null : new Date(around) }, abandoned(reply));
    // What others asked of other models is as if it were not there.
    const readable = ({ model: of }: { readonly model: string }): boolean => access.may('prediction.read', of);
    const search = { ...all, found: all.found.filter(readable), unread: all.unread.filter(readable), unreadable: all.unread.length };
    if (search.found.length === 0) throw notFound(id, search, await this.predictions.unseen(now));
    const [chains, found] = [await this.chains(search.found, now), await this.classified(search.found)];
    if (unmasked === 'false') return decisionAnswer(id, { ...search, found }, chains, now);
    await this.allowReading(found, access, reason as string);
    return decisionAnswer(id, { ...search, found: found.map((one) => ({ ...one, sensitivity: sensitivityOf() })) }, chains, now);
  }

  /** By what the spec in force classifies, and that of the version. */
  private async classified(found: readonly FoundPrediction[]): Promise<ClassifiedPrediction[]> {
    const classified: ClassifiedPrediction[] = [];
    for (const one of found) classified.push({ ...one, sensitivity: await this.models.sensitivity(one.model, { versions: [one.logged.version] }) });
    return classified;
  }

  /** @throws PerennialError `Forbidden`, before anything of it is on the record */
  private async allowReading(found: readonly ClassifiedPrediction[], access: Access, reason: string): Promise<void> {
    const sensitive = found.filter(({ sensitivity }) => sensitivity.columns.size > 0);
    for (const { model } of sensitive) await access.require('sensitive.read', model);
    await this.callers.recordSensitiveReads(access.caller.name, sensitive.map(({ model, logged: { gateway, boot, sequence, row }, sensitivity }) => ({ model, subject: `prediction/${gateway}/${boot}/${sequence}/${row}`, columns: [...sensitivity.columns] })), reason, new Date());
  }

  private async chains(found: readonly FoundPrediction[], now: Date): Promise<Map<string, WhyAnswer>> {
    const chains = new Map<string, WhyAnswer>();
    for (const one of found) {
      const { model, deployment, logged: { epoch, version, receivedAtMs } } = one;
      const known = chains.has(chainOf(one)) ? null : await this.explanations.ofAnswer(model, deployment, epoch, version, new Date(receivedAtMs));
      if (known) chains.set(chainOf(one), whyAnswer(known, new Date(receivedAtMs), now));
    }
    return chains;
  }
}

/** Fires when the caller has gone, or has its answer. */
function abandoned({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => { controller.abort(new PerennialError('Internal', 'Nobody waits for the answer any more')); });
  return controller.signal;
}

function notFound(id: string, { read, unreadable, unread, left }: Search & { readonly unreadable: number }, { segments, gateways }: UnseenPredictions): PerennialError {
  const deleted = unread.filter(({ because }) => because === 'deleted').length;
  const more = [
    left > 0 ? `${left} files that may hold it were not looked into; name its model or a time around it` : null,
    unreadable > 0 ? `${unreadable} files that may hold it could not be read${deleted > 0 ? ` (${deleted} of them were deleted after the retirement of their model)` : ''}` : null,
    segments > 0 ? `${segments} sealed segments wait to become readable, which takes seconds` : null,
  ].filter((one) => one !== null);
  return new PerennialError('NotFound', `No prediction ${JSON.stringify(id)} is on the record. What gateways answer can be found once their log's segment is sealed (OBSERVATION_SEAL_MS, 10 seconds unless set otherwise) and converted; until then it is in the gateway's own log alone. ${
    more.length > 0 ? `Besides, ${more.join('; ')}.` : 'Nothing that is on the record waits to be looked into.'}`, { id, filesRead: read, filesUnreadable: unreadable, filesUnread: unread, filesLeft: left, segmentsWaiting: segments, gateways });
}
