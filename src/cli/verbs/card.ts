import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ModelCard } from '../../api/card/card.dto.js';
import { interval, moment } from '../numbers.js';
import { ProblemError } from '../problem-error.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts } from '../table.js';
import { plain, type Terminal } from '../terminal.js';

export interface CardOptions {
  readonly deployment?: string;
  readonly out?: string;
}

/** `perennial card <model> [--out card.html]`: with a file the page goes there. */
export async function card(session: Session, model: string, { deployment, out }: CardOptions): Promise<ExitCode> {
  const pathOf = (format: 'json' | 'html'): string =>
    `/v1/models/${encodeURIComponent(model)}/card?${new URLSearchParams({ format, ...(deployment !== undefined && { deployment }) }).toString()}`;
  if (out !== undefined) {
    await written(session, pathOf('html'), out);
    session.show({ file: out }, () => `The card is in ${plain(out)}\n`);
    return EXIT.done;
  }
  const found = await session.api.get<ModelCard>(pathOf('json'));
  session.show(found, () => report(session.terminal, found));
  return EXIT.done;
}

/** The file is there once it is whole. */
async function written(session: Session, path: string, out: string): Promise<void> {
  const incoming = `${out}.new`;
  try {
    await pipeline(Readable.from(session.api.stream(path)), createWriteStream(incoming));
    await rename(incoming, out);
  } catch (error) {
    await rm(incoming, { force: true });
    const { code } = error as { code?: string };
    throw error instanceof ProblemError ? error : ProblemError.of('InvalidRequest', `${out} cannot be written (${code ?? 'unknown'}); name a file with --out`, out);
  }
}

function report(terminal: Terminal, { model, deployment, details: { inventory, version, service, training }, intendedUse, factors, trainingData, evaluationData, quantitativeAnalyses, ethicalConsiderations, production }: ModelCard): string {
  const { evaluation } = quantitativeAnalyses ?? {};
  const { risk, approvals } = ethicalConsiderations;
  const rows = (data: typeof evaluationData | typeof trainingData): string | null => data && `${data.rows} rows, ${moment(data.window.start)} to ${moment(data.window.end)}, ${data.artifactDigest.slice(0, 19)}`;
  return `${facts(terminal, [
    ['model', `${model} in ${deployment}`], ['purpose', intendedUse.purpose], ['owner', inventory.owner],
    ['tier', risk ? `${inventory.tier} (${risk.points} points: ${risk.answers.map(({ question, answer }) => `${question} ${answer}`).join(', ')})` : inventory.tier],
    ['business case', intendedUse.businessCase], ['regulations', intendedUse.regulations.join(', ') || null], ['consumers', intendedUse.consumers.join(', ') || null], ['protected', factors.protectedColumns.join(', ') || null],
    ['version', version && `${version.number}, ${version.status}, ${version.artifactDigest}`], ['in service', service && `since ${moment(service.since)}, epoch ${service.epoch}`],
    ['trained', training && `${training.trainer}, seed ${training.seed}, code ${training.codeDigest.slice(0, 19)}`], ['training data', rows(trainingData)], ['evaluation data', rows(evaluationData)],
    ...Object.entries(evaluation?.metrics ?? {}).map(([metric, estimate]) => [metric, interval(estimate)] as const),
    ['gate', evaluation?.verdict ?? null], ...(evaluation?.fairness?.checks ?? []).map(({ verdict, explanation }) => ['fairness', `${verdict}: ${explanation}`] as const),
    ['approvals', approvals.items.map(({ number, outcome }) => `${number} ${outcome ?? 'open'}`).join(', ') || null],
    ['windows', `${production.windows.pass} pass, ${production.windows.fail} fail, ${production.windows.inconclusive} inconclusive`], ['open alarms', String(production.alarms.open.length)],
  ])}\nThe whole card: perennial card ${model} --out card.html\n`;
}
