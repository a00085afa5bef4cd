import { Controller, Get, Headers, Param, Query, Res } from '@nestjs/common';
import { ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CardsRepository } from '../../registry/cards.repository.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Problems } from '../documentation/answers.js';
import { modelPath } from '../requests/fields.js';
import { cardPage } from './card-page.js';
import { cardQuery, type CardQuery, cardSchema, type ModelCard, modelCard } from './card.dto.js';

@ApiTags('Card')
@CommonProblems()
@Controller('v1/models/:model/card')
export class CardController {
  constructor(private readonly cards: CardsRepository) {}

  @Get()
  @Permit('model.read')
  @Operation('The model card', 'Of the champion, or of the newest version where there is none, made from the record when it is asked for. As a page with `format=html`, or where `Accept` asks for `text/html`.')
  @ApiProduces('application/json', 'text/html')
  @Answer(200, 'The card', cardSchema)
  @Problems('ModelNotFound', 'NotFound')
  async showCard(
    @Param({ schema: modelPath }) { model }: { model: string },
    @Query({ schema: cardQuery }) { deployment, format }: CardQuery,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ModelCard | string> {
    const card = modelCard(await this.cards.facts(model, deployment), new Date());
    void reply.header('vary', 'accept');
    if ((format ?? formatFor(accept)) === 'json') return card;
    void reply.header('content-type', 'text/html; charset=utf-8');
    return cardPage(card);
  }
}

/** A browser names text/html first. */
const formatFor = (accept = ''): 'json' | 'html' => (accept.includes('text/html') && !accept.includes('application/json') ? 'html' : 'json');
