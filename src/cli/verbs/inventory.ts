import { createWriteStream } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ImportAnswer, InventoryItem, InventoryList } from '../../api/inventory/inventory.dto.js';
import type { PortfolioAnswer } from '../../api/inventory/portfolio.dto.js';
import { count, moment } from '../numbers.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';
import { plain, styled } from '../terminal.js';

export interface InventoryOptions {
  readonly stage?: string;
  readonly tier?: string;
  readonly owner?: string;
  readonly unregistered?: boolean;
  readonly csv?: boolean;
}

const PATH = '/v1/inventory';

/** `perennial inventory`: all models that the caller may read, registered or not. */
export async function inventory(session: Session, { unregistered = false, csv = false, ...filters }: InventoryOptions): Promise<ExitCode> {
  const query = new URLSearchParams({ ...filters, ...(unregistered && { registered: 'no' }), limit: '500', ...(csv && { format: 'csv' }) });
  if (csv) {
    const decoder = new TextDecoder();
    for await (const piece of session.api.stream(`${PATH}?${query.toString()}`)) session.terminal.out(decoder.decode(piece, { stream: true }));
    return EXIT.done;
  }
  const items: InventoryItem[] = [];
  for (let next: string | null = `${PATH}?${query.toString()}`; next !== null;) {
    const page: InventoryList = await session.api.get<InventoryList>(next);
    items.push(...page.items);
    next = page.next;
  }
  session.show({ items }, () => listed(session, items));
  return EXIT.done;
}

function listed({ terminal }: Session, items: readonly InventoryItem[]): string {
  const columns = [{ title: 'MODEL' }, { title: 'STAGE' }, { title: 'TIER' }, { title: 'OWNER' }, { title: 'VERSIONS', align: 'right' }, { title: 'CHAMPIONS' }, { title: 'LAST ANSWER' }, { title: 'NEXT REVIEW' }, { title: 'FINDINGS', align: 'right' }] as const;
  return table(terminal, columns, items.map((one) => [
    one.model, one.stage, one.tier ?? '', one.owner ?? '', one.registered ? String(one.versions) : '', championsOf(one), one.lastPredictionAt === null ? '' : moment(one.lastPredictionAt),
    one.nextReview === null ? '' : one.nextReview.slice(0, 10), findingsOf(one),
  ]), 'The inventory knows no model that you may read');
}

const championsOf = ({ deployments }: InventoryItem): string => deployments.flatMap(({ deployment, champion }) => (champion === null ? [] : [`${deployment}: ${champion.version}`])).join(', ');
const findingsOf = ({ openFindings, overdueFindings }: Pick<InventoryItem, 'openFindings' | 'overdueFindings'>): string => (overdueFindings > 0 ? `${openFindings} (${overdueFindings} overdue)` : String(openFindings));

/** `perennial inventory show <model>` */
export async function inventoryItem(session: Session, model: string): Promise<ExitCode> {
  const item = await session.api.get<InventoryItem>(`${PATH}/${encodeURIComponent(model)}`);
  session.show(item, () => page(session, item));
  return EXIT.done;
}

function page({ terminal }: Session, item: InventoryItem): string {
  const { imported, newestVersion } = item;
  const head = facts(terminal, [
    ['model', item.model], ['registered', item.registered ? `${moment(item.registeredAt)} by ${item.registeredBy ?? ''}` : 'no'], ['stage', item.stage], ['tier', item.tier], ['owner', item.owner],
    ['owners by role', item.registered ? item.activeOwners.join(', ') || 'nobody' : null], ['purpose', item.purpose], ['regulations', item.regulations.join('; ') || null],
    ['consumers', item.consumers.map(({ name, contact }) => `${name} <${contact}>`).join('; ') || null], ['spec', item.specDigest], ['versions', item.registered ? String(item.versions) : null],
    ['newest version', newestVersion && `${newestVersion.version}, of retrain ${newestVersion.retrain} on ${newestVersion.snapshotDigest}, by code ${newestVersion.codeDigest}`],
    ['reports', item.reports], ['last assessed', item.lastAssessedAt && `${moment(item.lastAssessedAt)}: ${item.lastVerdict ?? ''}`], ['last answer', item.lastPredictionAt && moment(item.lastPredictionAt)],
    ['next review', item.nextReview && moment(item.nextReview)], ['open findings', findingsOf(item)],
  ]);
  const deployments = item.registered ? `\n${table(terminal, [{ title: 'DEPLOYMENT' }, { title: 'CHAMPION', align: 'right' }, { title: 'SINCE' }, { title: 'GATE' }, { title: 'VALIDATION' }, { title: 'ENDPOINT' }, { title: 'MONITORING' }],
    item.deployments.map((one) => [one.deployment, one.champion === null ? '–' : String(one.champion.version), moment(one.since), one.verdict ?? '–', one.validation === null ? '–' : (one.validation.decision ?? 'open'), one.endpoint ?? '–', one.monitoring]), 'no deployment')}` : '';
  if (imported === null) return head + deployments;
  return `${head}${deployments}\nAs an import has it\n${facts(terminal, [
    ['revision', `${imported.revision}, ${moment(imported.importedAt)} by ${imported.importedBy}`], ['state', imported.state], ['owner', imported.owner], ['tier', imported.tier], ['environment', imported.environment],
    ['endpoint', imported.endpoint], ['source', imported.source], ['monitoring', imported.monitoring], ['description', imported.description],
  ])}`;
}

/** `perennial inventory import <file>` */
export async function importInventory(session: Session, file: string): Promise<ExitCode> {
  const content = await readFile(file).catch((error: unknown) => { throw withFile(error, file, 'cannot be read; name a CSV file with models'); });
  const taken = await session.api.command<ImportAnswer>(`${PATH}/imports`, { mediaType: 'text/csv', content });
  session.show(taken, () => `${count(taken.added)} ${taken.added === 1 ? 'model' : 'models'} added, ${count(taken.changed)} changed, ${count(taken.unchanged)} unchanged; ${count(taken.registered)} of them ${taken.registered === 1 ? 'is' : 'are'} registered here\n`);
  return EXIT.done;
}

/** `perennial portfolio`; with `--out` also as a page. */
export async function portfolio(session: Session, { out }: { readonly out?: string }): Promise<ExitCode> {
  const found = await session.api.get<PortfolioAnswer>('/v1/portfolio');
  if (out !== undefined) await keepPage(session, out);
  session.show(found, () => portfolioText(session, found, out));
  return EXIT.done;
}

/** The file is there once it is whole. */
async function keepPage(session: Session, out: string): Promise<void> {
  const incoming = `${out}.new`;
  try {
    await pipeline(Readable.from(session.api.stream('/v1/portfolio.html')), createWriteStream(incoming));
    await rename(incoming, out);
  } catch (error) {
    await rm(incoming, { force: true });
    throw withFile(error, out, 'cannot be written; name a file with --out');
  }
}

function portfolioText({ terminal }: Session, { models, levels, timeToProduction, timeToDetect, timeToRestore }: PortfolioAnswer, out: string | undefined): string {
  const columns = [{ title: 'MODEL' }, { title: 'STAGE' }, { title: 'TIER' }, { title: 'LEVEL', align: 'right' }, { title: 'FINDINGS', align: 'right' }, { title: 'NEXT STEP' }] as const;
  return [
    table(terminal, columns, models.map((one) => [one.model, one.stage, one.tier ?? '', String(one.level), findingsOf(one), one.next ?? 'nothing is left to do']), 'No model that you may read is in use'),
    facts(terminal, [
      ['models', levels.map(({ level, models: at }) => `${count(at)} ${level === 0 ? 'below level 1' : `at level ${level}`}`).join(', ')],
      ['time to production', medianText(timeToProduction, 'model')], ['time to detect', medianText(timeToDetect, 'alarm')], ['time to restore', medianText(timeToRestore, 'alarm')],
    ]),
    ...(out === undefined ? [] : [styled(terminal, 'dim', `The page is ${plain(out)}`) + '\n']),
  ].join('\n');
}

const UNITS = [['days', 86_400], ['hours', 3_600], ['minutes', 60]] as const;

/** In the greatest unit of which there are two or more. */
function medianText({ seconds, of }: PortfolioAnswer['timeToProduction'], what: string): string {
  if (seconds === null) return 'not known yet';
  const [unit, length] = UNITS.find(([, one]) => seconds >= 2 * one) ?? ['seconds', 1];
  return `${Number((seconds / length).toPrecision(3))} ${unit}, the median of ${count(of)} ${what}${of === 1 ? '' : 's'}`;
}

function withFile(error: unknown, file: string, told: string): unknown {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? ProblemError.of('InvalidRequest', `${file} ${told} (${code})`, file) : error;
}
