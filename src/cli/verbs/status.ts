import type { ModelAnswer, ModelDetail } from '../../api/models/models.dto.js';
import type { RetrainAnswer } from '../../api/retrains/retrains.dto.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { facts, table } from '../table.js';

const RECENT = 8;

/** `perennial status [model]` */
export async function status(session: Session, model: string | undefined): Promise<ExitCode> {
  return model === undefined ? allModels(session) : oneModel(session, model);
}

async function allModels(session: Session): Promise<ExitCode> {
  const models = await session.api.get<{ items: ModelAnswer[] }>('/v1/models');
  session.show(models, () => table(
    session.terminal,
    [{ title: 'Model' }, { title: 'Tier' }, { title: 'Owner' }, { title: 'Champion' }, { title: 'Retrain' }],
    models.items.map((item) => [item.model, item.tier, item.owner, championsOf(item), item.retirement ?? retrainOf(item)]),
    'No model is registered yet; register one with `perennial apply -f model.yaml`',
  ));
  return EXIT.done;
}

async function oneModel(session: Session, name: string): Promise<ExitCode> {
  const path = `/v1/models/${encodeURIComponent(name)}`;
  const model = await session.api.get<ModelDetail>(path);
  const { items } = await session.api.get<{ items: RetrainAnswer[] }>(`${path}/retrains?limit=${RECENT}`);
  session.show({ ...model, recentRetrains: items }, () => `${facts(session.terminal, [
    ['model', model.model], ['purpose', model.purpose], ['owner', model.owner], ['tier', model.tier], ['task', model.task],
    ['spec', model.specDigest.slice(0, 19)], ['champion', championsOf(model)], ['retrain', retrainOf(model)], ['retirement', model.retirement],
    ['open findings', String(model.openFindings)], ['next review', model.nextReviewDueAt === null ? null : `due at ${moment(model.nextReviewDueAt)}`], ['development', developmentOf(model)],
    ...model.heldSetUps.map((held) => ['held', heldOf(held)] as const), ...model.goLives.map((one) => ['gone live', goneLive(model.model, one)] as const),
  ])}\n${table(
    session.terminal,
    [{ title: 'Retrain', align: 'right' }, { title: 'Outcome' }, { title: 'Version', align: 'right' }, { title: 'As of' }, { title: 'Requested' }, { title: 'Why' }],
    items.map((retrain) => [String(retrain.number), retrain.outcome ?? retrain.stage, retrain.version === null ? '–' : String(retrain.version), moment(retrain.asOf), moment(retrain.requestedAt), retrain.reason ?? '']),
    'It was never retrained; begin with `perennial retrain`',
  )}`);
  return EXIT.done;
}

const championsOf = ({ deployments }: ModelAnswer): string =>
  deployments.map(({ deployment, champion, epoch }) => `${deployment}: ${champion === null ? 'none' : `v${champion}`} (epoch ${epoch})`).join(', ');

const retrainOf = ({ activeRetrain }: ModelAnswer): string => (activeRetrain ? `${activeRetrain.number}, ${activeRetrain.stage}` : 'none runs');

const heldOf = ({ version, deployment, missing }: ModelDetail['heldSetUps'][number]): string => `v${version} does not go live in ${deployment}. ${missing.map(({ name, explanation }) => `${name}: ${explanation}`).join(' ')}`;

function goneLive(model: string, { deployment, version, epoch, asks, confirmedBy }: ModelDetail['goLives'][number]): string {
  const where = `${deployment}: v${version} (epoch ${epoch})`;
  if (confirmedBy !== null) return `${where}, confirmed by ${confirmedBy}`;
  return asks ? `${where}, not confirmed by its owner: perennial confirm-go-live ${model} ${version} --reason …` : `${where}, nobody has to confirm it`;
}

const developmentOf = ({ development: { version, verdict, unmet } }: ModelDetail): string =>
  (version === null ? 'no version yet' : `v${version} ${verdict === 'pass' ? 'meets the plan' : `does not meet the plan yet (${verdict}): ${unmet.join(', ')}`}`);
