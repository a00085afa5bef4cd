/** Rows that show each kind of evidence of the model `credit`, beside older ones that do not, and ways to delete what shows it: each is enough. */
interface EvidenceRows {
  readonly put: readonly string[];
  readonly remove: readonly string[];
}

const [DIGEST, OLD_DIGEST] = [`sha256:${'a'.repeat(64)}`, `sha256:${'b'.repeat(64)}`];
const ID = '00000000-0000-4000-8000-000000000001';
const SPEC = { useCase: { businessCase: 'It pays.', runbook: 'Call the desk.', consumers: [{ name: 'desk', contact: 'desk@example.com' }], risk: { materiality: 'severe' } }, fairness: { groups: [['sex']] } };
const insert = (table: string, values: Readonly<Record<string, string>>): string => `INSERT INTO ${table} (${Object.keys(values).join(', ')}) VALUES (${Object.values(values).join(', ')}) ON CONFLICT DO NOTHING`;
const text = (value: string): string => `'${value}'`;

const MODEL_ROW = insert('model', { name: "'credit'", owner: "'ada'", tier: "'critical'", task: "'binary-classification'", purpose: "'p'", spec_digest: text(DIGEST), registered_by: "'ada'", registered_at: 'now()' });
const specRow = (digest: string): string => insert('model_spec', { model: "'credit'", digest: text(digest), source: "''", canonical: `convert_to('${JSON.stringify(SPEC)}', 'UTF8')`, applied_by: "'ada'", applied_at: 'now()' });
const SPEC_ROWS = [MODEL_ROW, specRow(OLD_DIGEST), specRow(DIGEST)];
/** Of the spec in force: that before states it still. */
const without = (path: string): string[] => [`UPDATE model_spec SET canonical = convert_to((convert_from(canonical, 'UTF8')::jsonb #- '${path}')::text, 'UTF8') WHERE digest = '${DIGEST}'`];
const person = (name: string, role: string, grant: string): string[] => [
  insert('principal', { name: text(name), kind: "'person'", active: 'true', registered_by: "'x'", registered_at: 'now()' }),
  insert('role_grant', { id: text(grant), principal: text(name), role: text(role), model: "'*'", granted_by: "'x'", granted_at: 'now()' }),
];
/** One who has left and one whose role was taken away, and a service. */
const formerly = (role: string, place: number): string[] => [
  ...person(`gone-${role}`, role, `00000000-0000-4000-8000-00000000010${place}`), `UPDATE principal SET active = false WHERE name = 'gone-${role}'`,
  ...person(`moved-${role}`, role, `00000000-0000-4000-8000-00000000020${place}`), insert('role_revocation', { grant_id: text(`00000000-0000-4000-8000-00000000020${place}`), revoked_by: "'x'", revoked_at: 'now()' }),
  ...person(`robot-${role}`, role, `00000000-0000-4000-8000-00000000030${place}`), `UPDATE principal SET kind = 'service' WHERE name = 'robot-${role}'`,
];

/** Version 1 answered in both deployments; now 2 answers in one and 3 in the other. */
const OLD = 1;
const VERSIONS = [OLD, 2, 3];
const EPOCH = 2;
const DEPLOYMENTS: Readonly<Record<string, number>> = { default: 2, plant: 3 };
export const SERVED: readonly string[] = Object.entries(DEPLOYMENTS).map(([deployment, champion]) =>
  insert('routing', { model: "'credit'", deployment: text(deployment), revision: '2', epoch: `${EPOCH}`, champion: `${champion}`, challengers: "'{}'", weights: "'{}'", salt: "'s'", paused: 'false', changed_at: 'now()' }));

/** Rows of every version: that of before must not do. @returns ways to delete that of a champion */
const ofVersions = (row: (version: number) => readonly string[], remove: (version: number) => string): EvidenceRows =>
  ({ put: VERSIONS.flatMap(row), remove: VERSIONS.filter((version) => version !== OLD).map(remove) });
/** Rows of every deployment, and of one where nobody answers. */
const ofDeployments = (row: (deployment: string) => readonly string[], remove: (deployment: string) => string): EvidenceRows =>
  ({ put: ['closed', ...Object.keys(DEPLOYMENTS)].flatMap(row), remove: Object.keys(DEPLOYMENTS).map(remove) });

const approval = (number: number, digest: string, outcome: string): string[] => [
  insert('approval', {
    model: "'credit'", number: `${number}`, kind: "'useCase'", digest: text(digest), evidence: "'{}'", barred: "'{}'", spec_digest: text(digest), tier: "'critical'", rule: `'{"kind":"none"}'`, author: "'ada'", command_id: text(ID),
    opened_at: 'now()', expires_at: "now() + interval '1 day'", remind_every_ms: '1',
  }),
  insert('approval_end', { model: "'credit'", approval: `${number}`, outcome: text(outcome), reason: "'r'", at: 'now()' }),
];
const windows = (deployment: string): string[] => [['2025-01-01', "now() - interval '93 days'"], ['2026-01-01', 'now()']].map(([from, at]) => insert('window_assessment', {
  model: "'credit'", deployment: text(deployment), from_event: text(from!), revision: '1', until_event: "'2026-01-08'", occasion: "'closed'", spec_digest: text(DIGEST), label_revision: '0', files_digest: text(DIGEST), rows: '1',
  verdict: "'pass'", findings: "'[]'", headline: `'{"harm":{"rows":1}}'`, workflow_id: "'w'", assessed_at: at!,
}));
const retrain = (number: number): string[] => [insert('retrain', {
  model: "'credit'", number: `${number}`, command_id: text(ID), deployment: "'default'", trigger: "'request'", spec_digest: text(DIGEST), requested_by: "'ada'", requested_at: 'now()', stage: "'finished'", outcome: "'promoted'", data_report: "'{}'", version: `${number}`, finished_at: 'now()',
})];
const snapshotOf = (version: number): string => text(`sha256:${String(version).repeat(64)}`);
const version = (number: number): string[] => [insert('model_version', {
  model: "'credit'", number: `${number}`, retrain: `${number}`, spec_digest: text(DIGEST), snapshot_digest: snapshotOf(number), artifact_digest: text(DIGEST), artifact_bytes: '1', admission: "'{}'", status: "'admitted'", created_by: "'ada'", created_at: 'now()',
})];
const trainingRun = (number: number): string[] => [...version(number), insert('training_run', {
  model: "'credit'", retrain: `${number}`, trainer: "'t'", parameters: "'{}'", seed: '1', spec_digest: text(DIGEST), snapshot_digest: text(DIGEST), code_digest: text(DIGEST), environment: "'{}'", attempts: '1', started_at: 'now()', finished_at: 'now()',
})];
/** Of each deployment at both epochs: by the version of before, and by its champion. */
const perEpoch = (row: (deployment: string, epoch: number, version: number) => string[]): string[] => Object.entries(DEPLOYMENTS).flatMap(([deployment, champion]) => [...row(deployment, 1, OLD), ...row(deployment, EPOCH, champion)]);
const review = (number: number, at: string): string => insert('review', { model: "'credit'", number: `${number}`, outcome: "'continue'", reason: "'r'", champion: '1', spec_digest: text(DIGEST), findings: "'[]'", due_at: 'now()', reviewed_by: "'vera'", command_id: text(`${ID.slice(0, -1)}${number}`), at });
const observed = (deployment: string, place: number): string => text(`sha256:${`${deployment.length}${place}`.padEnd(64, '0')}`);
const observationFile = (deployment: string, place: number): string => insert('observation_file', {
  gateway: "'g'", boot: "'b'", segment: `${place}`, model: "'credit'", deployment: text(deployment), kind: "'observation'", digest: observed(deployment, place), bytes: '1', rows: '1', first_sequence: '1', last_sequence: '1', first_event_time: 'now()', last_event_time: 'now()', newest_received_at: 'now()',
});
const deletion = (deployment: string, place: number): string => insert('retirement_deletion', { model: "'credit'", number: '1', digest: observed(deployment, place), evidence: "'predictions'", outcome: "'deleted'", reason: "'r'", at: 'now()' });

export const EVIDENCE_ROWS: Readonly<Record<string, EvidenceRows>> = {
  useCaseApproved: {
    put: [...SPEC_ROWS, ...approval(1, OLD_DIGEST, 'approved'), ...approval(2, DIGEST, 'approved'), ...approval(3, DIGEST, 'approved')],
    // That before was approved too, of the same spec.
    remove: ['DELETE FROM approval_end WHERE approval = 3', "UPDATE approval_end SET outcome = 'rejected' WHERE approval = 3", `UPDATE approval SET digest = '${OLD_DIGEST}' WHERE number = 3`],
  },
  riskAssessed: { put: SPEC_ROWS, remove: without('{useCase,risk}') },
  purposeStated: { put: SPEC_ROWS, remove: without('{useCase,businessCase}') },
  consumersNamed: { put: SPEC_ROWS, remove: without('{useCase,consumers}') },
  protectedGroups: { put: SPEC_ROWS, remove: without('{fairness}') },
  ownerAccountable: { put: [...person('ada', 'owner', '00000000-0000-4000-8000-00000000000a'), ...formerly('owner', 1)], remove: ["UPDATE principal SET active = false WHERE name = 'ada'", "UPDATE principal SET kind = 'service' WHERE name = 'ada'"] },
  dutiesSeparated: { put: [...person('ben', 'approver', '00000000-0000-4000-8000-00000000000b'), ...formerly('approver', 2)], remove: person('ben', 'developer', '00000000-0000-4000-8000-00000000000c').slice(1) },
  stopCanBePressed: { put: [...person('olga', 'operator', '00000000-0000-4000-8000-00000000000d'), ...formerly('operator', 3)], remove: ["UPDATE principal SET active = false WHERE name IN ('ada', 'olga')"] },
  dataChecked: ofVersions(retrain, (number) => `UPDATE retrain SET data_report = NULL WHERE number = ${number}`),
  dataTraced: ofVersions((number) => [...version(number), insert('snapshot', { digest: snapshotOf(number), model: "'credit'", manifest: "'{}'", taken_at: 'now()' })], (number) => `DELETE FROM snapshot WHERE digest = ${snapshotOf(number)}`),
  trainingTraced: ofVersions(trainingRun, (number) => `UPDATE training_run SET environment = NULL WHERE retrain = ${number}`),
  fileAdmitted: ofVersions(version, (number) => `DELETE FROM model_version WHERE number = ${number}`),
  testedUnseen: ofVersions((number) => [
    insert('evaluation', { model: "'credit'", version: `${number}`, deployment: "'default'", epoch: '0', snapshot_digest: text(DIGEST), result: "'{}'", gate: "'{}'", verdict: "'pass'", evaluated_at: 'now()' }),
  ], (number) => `DELETE FROM evaluation WHERE version = ${number}`),
  versionValidated: ofVersions((number) => [
    insert('validation_decision', { model: "'credit'", version: `${number}`, choice: "'approve'", report_digest: text(DIGEST), actor: "'perennial'", reason: "'r'", answers: "'{}'", findings: "'{}'", at: 'now()' }),
    insert('validation_end', { model: "'credit'", version: `${number}`, outcome: "'promoted'", reason: "'r'", at: 'now()' }),
  ], (number) => `UPDATE validation_end SET outcome = 'voided' WHERE version = ${number}`),
  runbookWritten: { put: SPEC_ROWS, remove: without('{useCase,runbook}') },
  goLiveConfirmed: {
    put: perEpoch((deployment, epoch, champion) => [
      insert('go_live', { model: "'credit'", deployment: text(deployment), epoch: `${epoch}`, version: `${champion}`, spec_digest: text(DIGEST), way: "'first'", asks: 'true', owner: "'ada'", at: 'now()' }),
      insert('go_live_confirmation', { model: "'credit'", deployment: text(deployment), epoch: `${epoch}`, reason: "'r'", confirmed_by: "'ada'", command_id: text(ID), at: 'now()' }),
    ]),
    remove: Object.keys(DEPLOYMENTS).map((deployment) => `DELETE FROM go_live_confirmation WHERE deployment = '${deployment}' AND epoch = ${EPOCH}`),
  },
  reviewed: { put: [review(1, "now() - interval '400 days'"), review(2, 'now()')], remove: ['DELETE FROM review WHERE number = 2'] },
  championChanged: {
    put: perEpoch((deployment, epoch, champion) => [
      insert('champion_change', { model: "'credit'", deployment: text(deployment), epoch: `${epoch}`, revision: `${epoch}`, version: `${champion}`, baseline_digest: text(DIGEST), reason: "'r'", actor: "'ada'", workflow_id: "'w'", changed_at: 'now()' }),
    ]),
    remove: Object.keys(DEPLOYMENTS).map((deployment) => `DELETE FROM champion_change WHERE deployment = '${deployment}' AND epoch = ${EPOCH}`),
  },
  windowAssessed: ofDeployments(windows, (deployment) => `DELETE FROM window_assessment WHERE deployment = '${deployment}' AND assessed_at > now() - interval '92 days'`),
  harmWatched: ofDeployments(windows, (deployment) => `UPDATE window_assessment SET headline = '{"harm":null}' WHERE deployment = '${deployment}' AND assessed_at > now() - interval '92 days'`),
  retrainingDecided: ofDeployments((deployment) => [
    insert('retraining_decision', { model: "'credit'", deployment: text(deployment), from_event: "'2026-01-01'", revision: '1', outcome: "'wait'", because: "'b'", counterfactual: "'{}'", decision_digest: text(DIGEST), decided_at: 'now()' }),
  ], (deployment) => `DELETE FROM retraining_decision WHERE deployment = '${deployment}'`),
  alarmProven: ofDeployments((deployment) => [
    insert('monitoring_proof', { model: "'credit'", deployment: text(deployment), proof_key: "'k'", alarm_id: text(ID), window_digest: text(DIGEST), findings: "'[]'", sent_at: 'now()', arrived_at: 'now()' }),
  ], (deployment) => `DELETE FROM monitoring_proof WHERE deployment = '${deployment}'`),
  predictionsLogged: {
    // Of two files of each deployment one was deleted when its time had come.
    ...ofDeployments((deployment) => [observationFile(deployment, 1), observationFile(deployment, 2), deletion(deployment, 1)], (deployment) => deletion(deployment, 2)),
  },
  recordSealed: {
    put: [
      ...[0, 1].flatMap((place) => [
        `INSERT INTO audit_entry (id, at, actor, action, model, subject, details, details_digest) OVERRIDING SYSTEM VALUE VALUES (${place + 1}, now(), 'ada', 'spec.applied', 'credit', 's', '{}', 'd') ON CONFLICT DO NOTHING`,
        insert('audit_leaf', { position: `${place}`, entry_id: `${place + 1}`, leaf_hash: "decode(repeat('00', 32), 'hex')" }),
      ]),
      insert('audit_checkpoint', { size: '1', root: "decode(repeat('00', 32), 'hex')", note: "'n'", at: 'now()' }),
    ],
    remove: ['DELETE FROM audit_checkpoint'],
  },
};
