import { Controller, Get, Header, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Access } from '../authentication/access.js';
import { CallerAccess } from '../authentication/actor.decorator.js';
import { Permit } from '../authentication/permit.decorator.js';
import { Answer, CommonProblems, Operation, Page } from '../documentation/answers.js';
import { noQuery } from '../requests/fields.js';
import { portfolioPage } from './portfolio-page.js';
import { PortfolioReader } from './portfolio-reader.js';
import { portfolioAnswer, type PortfolioAnswer, portfolioSchema } from './portfolio.dto.js';

/** How well models are looked after. */
@ApiTags('Inventory')
@CommonProblems()
@Controller('v1')
export class PortfolioController {
  constructor(private readonly portfolio: PortfolioReader) {}

  @Get('portfolio')
  @Permit('model.read')
  @Operation('How mature the care for each model is, and how fast things go', 'Of all models that the caller may read and that are in use: the level, what is missing for the next one, and medians of the times to production, to detect and to restore.')
  @Answer(200, 'The portfolio', portfolioSchema)
  async getPortfolio(@Query({ schema: noQuery }) _query: unknown, @CallerAccess() access: Access): Promise<PortfolioAnswer> {
    return this.read(access);
  }

  @Get('portfolio.html')
  @Permit('model.read')
  @Header('content-type', 'text/html; charset=utf-8')
  @Operation('The same as a page', 'One file that needs nothing else.')
  @Page('The page')
  async showPortfolio(@Query({ schema: noQuery }) _query: unknown, @CallerAccess() access: Access): Promise<string> {
    return portfolioPage(await this.read(access));
  }

  private async read(access: Access): Promise<PortfolioAnswer> {
    return portfolioAnswer(await this.portfolio.read(access.modelsWith('model.read'), new Date()));
  }
}
