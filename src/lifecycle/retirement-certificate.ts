import type { ApprovalOutcome, CastVote } from '../contracts/approvals.js';
import { type DrillOutcome, EVIDENCE_CLASSES, type EvidenceClass, type RetirementId, type RetirementTrigger } from '../contracts/retirements.js';
import { isoTime } from '../contracts/time.js';

/** What is on record of a model that has left service. Times are ISO 8601. */
export interface RetirementCertificate extends RetirementId {
  readonly format: 'perennial-retirement/1';
  /** From 1: it is issued after the drill, and again after each deletion. */
  readonly edition: number;
  readonly owner: string;
  readonly tier: string;
  readonly specDigest: string;
  readonly trigger: RetirementTrigger;
  readonly replacement: string | null;
  readonly requestedBy: string;
  readonly requestedAt: string;
  readonly approval: { readonly number: number; readonly digest: string; readonly outcome: ApprovalOutcome | null; readonly reason: string | null; readonly votes: readonly CastVote[]; readonly decidedAt: string | null };
  readonly consumers: readonly { readonly name: string; readonly confirmedAt: string | null }[];
  /** Who went on without the others, or before the traffic had ended; null where nobody had to. */
  readonly waivedBy: string | null;
  readonly forcedBy: string | null;
  /** When gateways last told of requests; null: never. */
  readonly lastTrafficAt: string | null;
  /** From then on gateways answer 410. */
  readonly stoppedAt: string;
  readonly archive: { readonly digest: string; readonly bytes: number; readonly files: number; readonly missing: readonly string[] };
  readonly drill: DrillOutcome & { readonly at: string };
  readonly evidence: readonly EvidenceLine[];
}

/** What became of a class of evidence, by the digests of its files. None is said to be deleted before the class was gone through: a legal hold may keep what was to be. */
export interface EvidenceLine {
  readonly evidence: EvidenceClass;
  readonly keptUntil: string;
  readonly gone: boolean;
  readonly deleted: readonly string[];
  readonly kept: readonly { readonly digest: string; readonly reason: string }[];
}

/** What is known of one file. */
export interface DeletedFile {
  readonly digest: string;
  readonly evidence: EvidenceClass;
  readonly outcome: 'deleted' | 'kept';
  readonly reason: string;
}

/** The classes in their order. @param gone those that were gone through */
export function evidenceLines(stoppedMs: number, keepMs: Readonly<Record<EvidenceClass, number>>, gone: readonly EvidenceClass[], files: readonly DeletedFile[]): EvidenceLine[] {
  return EVIDENCE_CLASSES.map((evidence) => {
    const own = files.filter((file) => file.evidence === evidence);
    const through = gone.includes(evidence);
    return {
      evidence, keptUntil: isoTime(stoppedMs + keepMs[evidence]), gone: through, deleted: own.filter(({ outcome }) => through && outcome === 'deleted').map(({ digest }) => digest),
      kept: own.filter(({ outcome }) => outcome === 'kept').map(({ digest, reason }) => ({ digest, reason })),
    };
  });
}

/** The certificate as one file that needs nothing else. */
export function certificatePage(certificate: RetirementCertificate): string {
  const { model, number, edition, approval, consumers, archive, drill, evidence } = certificate;
  const rows: [string, string][] = [
    ['Owner, tier', `${certificate.owner}, ${certificate.tier}`], ['Spec', certificate.specDigest],
    ['Asked for', `${certificate.requestedBy}, ${certificate.requestedAt}: ${certificate.trigger}`], ['To be asked instead', certificate.replacement ?? 'none'],
    ['Approval', `${approval.number}: ${approval.outcome ?? 'open'}. ${approval.reason ?? ''} ${approval.digest}`],
    ['Votes', approval.votes.map(({ actor, choice }) => `${actor}: ${choice}`).join(', ') || 'none'],
    ['Consumers', consumers.map(({ name, confirmedAt }) => `${name}: ${confirmedAt ? `confirmed ${confirmedAt}` : 'not confirmed'}`).join(', ') || 'none'],
    ...(certificate.waivedBy ? [['Went on without them', certificate.waivedBy] as [string, string]] : []), ...(certificate.forcedBy ? [['Went on before the traffic had ended', certificate.forcedBy] as [string, string]] : []),
    ['Last traffic', certificate.lastTrafficAt ?? 'none known'], ['Answers 410 since', certificate.stoppedAt],
    ['Archive', `${archive.digest}, ${archive.files} files, ${archive.bytes} bytes${archive.missing.length > 0 ? `; missing: ${archive.missing.join(', ')}` : ''}`],
    ['Restored', `${drill.verdict}, ${drill.at}: ${drill.reason}`],
  ];
  const lines = evidence.map((line) => `<tr><td>${line.evidence}</td><td>${line.gone ? 'gone through' : `kept until ${line.keptUntil}`}</td><td>${files(line)}</td></tr>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Retirement ${number} of ${escaped(model)}</title><style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1e}table{border-collapse:collapse;width:100%;margin:1rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d9d9de;overflow-wrap:anywhere}th{width:13rem;font-weight:600}</style></head><body>
<h1>Certificate of retirement</h1><p><b>${escaped(model)}</b>, retirement ${number}, edition ${edition}. The digests of this page and of its JSON are in the audit ledger (retirement.certified).</p>
<table>${rows.map(([name, value]) => `<tr><th>${name}</th><td>${escaped(value)}</td></tr>`).join('')}</table>
<h2>Evidence</h2><table><tr><td><b>class</b></td><td><b>state</b></td><td><b>files</b></td></tr>${lines.join('')}</table>
<p>The record itself (registry and audit ledger) and the archive are kept for ten years and are not deleted by a retirement.</p></body></html>
`;
}

function files({ deleted, kept }: EvidenceLine): string {
  const parts = [
    ...(deleted.length > 0 ? [`deleted: ${deleted.join(', ')}`] : []), ...(kept.length > 0 ? [`kept: ${kept.map(({ digest, reason }) => `${digest} (${reason})`).join(', ')}`] : []),
  ];
  return escaped(parts.join('; ') || '–');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] as string);
