import type { InventoryItem } from './inventory.dto.js';

type Cell = string | number | boolean | null;

/** Columns of the exported table; `docs/INVENTORY.md` names them, and a test compares. */
export const EXPORTED: Readonly<Record<string, (item: InventoryItem) => Cell>> = {
  model: ({ model }) => model,
  registered: ({ registered }) => registered,
  stage: ({ stage }) => stage,
  owner: ({ owner }) => owner,
  active_owners: ({ activeOwners }) => activeOwners.join('; '),
  tier: ({ tier }) => tier,
  purpose: ({ purpose, imported }) => purpose ?? imported?.description ?? null,
  regulations: ({ regulations }) => regulations.join('; '),
  consumers: ({ consumers }) => consumers.map(({ name, contact }) => `${name} <${contact}>`).join('; '),
  spec_digest: ({ specDigest }) => specDigest,
  versions: ({ versions }) => versions,
  champions: ({ deployments }) => listed(deployments, ({ deployment, champion }) => champion && `${deployment}: ${champion.version}`),
  snapshots: ({ deployments }) => listed(deployments, ({ deployment, champion }) => champion && `${deployment}: ${champion.snapshotDigest}`),
  environment: ({ deployments, imported }) => listed(deployments, ({ deployment }) => deployment) ?? imported?.environment ?? null,
  endpoint: ({ deployments, imported }) => listed(deployments, ({ deployment, endpoint }) => endpoint && `${deployment}: ${endpoint}`) ?? imported?.endpoint ?? null,
  monitoring: ({ deployments, imported }) => listed(deployments, ({ monitoring }) => monitoring) ?? imported?.monitoring ?? null,
  reports: ({ reports }) => reports,
  validations: ({ deployments }) => listed(deployments, ({ deployment, validation }) => validation && `${deployment}: ${validation.outcome ?? 'open'}`),
  last_assessed_at: ({ lastAssessedAt }) => lastAssessedAt,
  last_prediction_at: ({ lastPredictionAt }) => lastPredictionAt,
  next_review: ({ nextReview }) => nextReview,
  open_findings: ({ openFindings }) => openFindings,
  overdue_findings: ({ overdueFindings }) => overdueFindings,
  source: ({ imported }) => imported?.source ?? null,
  state: ({ imported }) => imported?.state ?? null,
};

/** Null where nothing is said of any. */
function listed<T>(all: readonly T[], say: (one: T) => string | null): string | null {
  const said = all.map(say).filter((one) => one !== null);
  return said.length === 0 ? null : said.join('; ');
}

/** An inventory as CSV (RFC 4180), one model a line. */
export function inventoryCsv(items: readonly InventoryItem[]): string {
  const lines = items.map((item) => Object.values(EXPORTED).map((column) => cell(column(item))).join(','));
  return `${[Object.keys(EXPORTED).join(','), ...lines].join('\r\n')}\r\n`;
}

/** A spreadsheet would take what begins so for a formula, and run it. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value: Cell): string {
  const said = String(value ?? '');
  const safe = FORMULA.test(said) ? `'${said}` : said;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
