import { expect, it } from 'vitest';
import { certificatePage, evidenceLines, type RetirementCertificate } from './retirement-certificate.js';

const DAY = 24 * 3_600_000;
const KEEP = { predictions: DAY, labels: DAY, snapshots: 2 * DAY, artifacts: 3 * DAY, reports: 4 * DAY };
const FILES = [
  { digest: 'sha256:a', evidence: 'predictions', outcome: 'deleted', reason: 'due' }, { digest: 'sha256:b', evidence: 'predictions', outcome: 'kept', reason: 'another model names it' },
  { digest: 'sha256:c', evidence: 'labels', outcome: 'deleted', reason: 'due' },
] as const;

it('tells each class what became of its files, and until when the others are kept', () => {
  const lines = evidenceLines(0, KEEP, ['predictions'], FILES);
  expect(lines.map(({ evidence }) => evidence)).toEqual(['predictions', 'labels', 'snapshots', 'artifacts', 'reports']);
  expect(lines[0]).toEqual({ evidence: 'predictions', keptUntil: '1970-01-02T00:00:00.000Z', gone: true, deleted: ['sha256:a'], kept: [{ digest: 'sha256:b', reason: 'another model names it' }] });
  // On record to be deleted, which a legal hold may have come before.
  expect(lines[1]).toMatchObject({ gone: false, deleted: [] });
  expect(lines[4]).toMatchObject({ gone: false, keptUntil: '1970-01-05T00:00:00.000Z' });
});

it('is a page of its own, in which what people wrote stays text', () => {
  const certificate: RetirementCertificate = {
    format: 'perennial-retirement/1', model: 'm', number: 1, edition: 2, owner: '<b>ann</b>', tier: 'low', specDigest: 'sha256:s', trigger: 'replaced', replacement: 'n', requestedBy: 'ann', requestedAt: '2026-01-01T00:00:00.000Z',
    approval: { number: 3, digest: 'sha256:d', outcome: 'approved', reason: 'ben agreed', votes: [{ actor: 'ben', choice: 'approve' }], decidedAt: null }, consumers: [{ name: 'desk & co', confirmedAt: null }],
    waivedBy: 'ann', forcedBy: null, lastTrafficAt: null, stoppedAt: '2026-01-02T00:00:00.000Z', archive: { digest: 'sha256:x', bytes: 5, files: 2, missing: [] },
    drill: { verdict: 'pass', files: 2, bytes: 5, scored: [], unscored: [], reason: 'every digest fits', at: '2026-01-03T00:00:00.000Z' }, evidence: evidenceLines(0, KEEP, ['predictions'], FILES),
  };
  const page = certificatePage(certificate);
  for (const text of ['&lt;b&gt;ann&lt;/b&gt;', 'desk &amp; co: not confirmed', 'Went on without them', 'sha256:x, 2 files', 'deleted: sha256:a; kept: sha256:b (another model names it)', 'kept until 1970-01-05']) expect(page).toContain(text);
  expect(page).not.toContain('<b>ann');
  expect(page).not.toMatch(/(src|href)=|@import/);
  expect(page).not.toContain('before the traffic had ended');
});
