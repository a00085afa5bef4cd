/** Rows that show each kind of evidence of the model `credit`, and what deletes one kind alone. */
interface EvidenceRows {
  readonly put: readonly string[];
  readonly remove: readonly string[];
}

const DIGEST = `sha256:${'a'.repeat(64)}`;
const ID = '00000000-0000-4000-8000-000000000001';
const SPEC = { useCase: { businessCase: 'It pays.', runbook: 'Call the desk.', consumers: [{ name: 'desk', contact: 'desk@example.com' }], risk: { materiality: 'severe' } }, fairness: { groups: [['sex']] } };
const insert = (table: string, values: Readonly<Record<string, string>>): string => `INSERT INTO ${table} (${Object.keys(values).join(', ')}) VALUES (${Object.values(values).join(', ')}) ON CONFLICT DO NOTHING`;
const text = (value: string): string => `'${value}'`;

const MODEL_ROW = insert('model', { name: "'credit'", owner: "'ada'", tier: "'critical'", task: "'binary-classification'", purpose: "'p'", spec_digest: text(DIGEST), registered_by: "'ada'", registered_at: 'now()' });
const SPEC_ROW = insert('model_spec', { model: "'credit'", digest: text(DIGEST), source: "''", canonical: `convert_to('${JSON.stringify(SPEC)}', 'UTF8')`, applied_by: "'ada'", applied_at: 'now()' });
const without = (path: string): string => `UPDATE model_spec SET canonical = convert_to((convert_from(canonical, 'UTF8')::jsonb #- '${path}')::text, 'UTF8')`;
const person = (name: string, role: string, grant: string): string[] => [
  insert('principal', { name: text(name), kind: "'person'", active: 'true', registered_by: "'x'", registered_at: 'now()' }),
  insert('role_grant', { id: text(grant), principal: text(name), role: text(role), model: "'*'", granted_by: "'x'", granted_at: 'now()' }),
];
const APPROVAL = insert('approval', {
  model: "'credit'", number: '1', kind: "'useCase'", digest: text(DIGEST), evidence: "'{}'", barred: "'{}'", spec_digest: text(DIGEST), tier: "'critical'", rule: `'{"kind":"none"}'`, author: "'ada'", command_id: text(ID),
  opened_at: 'now()', expires_at: "now() + interval '1 day'", remind_every_ms: '1',
});
const WINDOW = insert('window_assessment', {
  model: "'credit'", deployment: "'default'", from_event: "'2026-01-01'", revision: '1', until_event: "'2026-01-08'", occasion: "'closed'", spec_digest: text(DIGEST), label_revision: '0', files_digest: text(DIGEST), rows: '1',
  verdict: "'pass'", findings: "'[]'", headline: `'{"harm":{"rows":1}}'`, workflow_id: "'w'", assessed_at: 'now()',
});
const RETRAIN = insert('retrain', {
  model: "'credit'", number: '1', command_id: text(ID), deployment: "'default'", trigger: "'request'", spec_digest: text(DIGEST), requested_by: "'ada'", requested_at: 'now()', stage: "'finished'", data_report: "'{}'", version: '1', finished_at: 'now()',
});
const VERSION = insert('model_version', {
  model: "'credit'", number: '1', retrain: '1', spec_digest: text(DIGEST), snapshot_digest: text(DIGEST), artifact_digest: text(DIGEST), artifact_bytes: '1', admission: "'{}'", status: "'admitted'", created_by: "'ada'", created_at: 'now()',
});

export const EVIDENCE_ROWS: Readonly<Record<string, EvidenceRows>> = {
  useCaseApproved: { put: [MODEL_ROW, SPEC_ROW, APPROVAL, insert('approval_end', { model: "'credit'", approval: '1', outcome: "'approved'", reason: "'r'", at: 'now()' })], remove: ['DELETE FROM approval_end'] },
  riskAssessed: { put: [MODEL_ROW, SPEC_ROW], remove: [without('{useCase,risk}')] },
  purposeStated: { put: [MODEL_ROW, SPEC_ROW], remove: [without('{useCase,businessCase}')] },
  consumersNamed: { put: [MODEL_ROW, SPEC_ROW], remove: [without('{useCase,consumers}')] },
  protectedGroups: { put: [MODEL_ROW, SPEC_ROW], remove: [without('{fairness}')] },
  ownerAccountable: { put: person('ada', 'owner', '00000000-0000-4000-8000-00000000000a'), remove: ["UPDATE principal SET active = false WHERE name = 'ada'"] },
  dutiesSeparated: { put: person('ben', 'approver', '00000000-0000-4000-8000-00000000000b'), remove: person('ben', 'developer', '00000000-0000-4000-8000-00000000000c').slice(1) },
  stopCanBePressed: { put: person('olga', 'operator', '00000000-0000-4000-8000-00000000000d'), remove: ["DELETE FROM role_grant WHERE role IN ('owner', 'operator')"] },
  dataChecked: { put: [RETRAIN], remove: ['DELETE FROM retrain'] },
  dataTraced: { put: [VERSION, insert('snapshot', { digest: text(DIGEST), model: "'credit'", manifest: "'{}'", taken_at: 'now()' })], remove: ['DELETE FROM snapshot'] },
  trainingTraced: {
    put: [insert('training_run', { model: "'credit'", retrain: '1', trainer: "'t'", parameters: "'{}'", seed: '1', spec_digest: text(DIGEST), snapshot_digest: text(DIGEST), code_digest: text(DIGEST), environment: "'{}'", attempts: '1', started_at: 'now()', finished_at: 'now()' })],
    remove: ['UPDATE training_run SET environment = NULL'],
  },
  fileAdmitted: { put: [VERSION], remove: ['DELETE FROM model_version'] },
  testedUnseen: {
    put: [insert('evaluation', { model: "'credit'", version: '1', deployment: "'default'", epoch: '0', snapshot_digest: text(DIGEST), result: "'{}'", gate: "'{}'", verdict: "'pass'", evaluated_at: 'now()' })],
    remove: ["UPDATE evaluation SET verdict = 'fail'"],
  },
  versionValidated: {
    put: [
      insert('validation_decision', { model: "'credit'", version: '1', choice: "'approve'", report_digest: text(DIGEST), actor: "'perennial'", reason: "'r'", answers: "'{}'", findings: "'{}'", at: 'now()' }),
      insert('validation_end', { model: "'credit'", version: '1', outcome: "'promoted'", reason: "'r'", at: 'now()' }),
    ],
    remove: ["UPDATE validation_end SET outcome = 'voided'"],
  },
  runbookWritten: { put: [MODEL_ROW, SPEC_ROW], remove: [without('{useCase,runbook}')] },
  goLiveConfirmed: {
    put: [insert('go_live_confirmation', { model: "'credit'", deployment: "'default'", epoch: '1', reason: "'r'", confirmed_by: "'ada'", command_id: text(ID), at: 'now()' })],
    remove: ['DELETE FROM go_live_confirmation'],
  },
  reviewed: {
    put: [insert('review', { model: "'credit'", number: '1', outcome: "'continue'", reason: "'r'", champion: '1', spec_digest: text(DIGEST), findings: "'[]'", due_at: 'now()', reviewed_by: "'vera'", command_id: text(ID), at: 'now()' })],
    remove: ['DELETE FROM review'],
  },
  championChanged: {
    put: [insert('champion_change', { model: "'credit'", deployment: "'default'", epoch: '1', revision: '1', version: '1', baseline_digest: text(DIGEST), reason: "'r'", actor: "'ada'", workflow_id: "'w'", changed_at: 'now()' })],
    remove: ['DELETE FROM champion_change'],
  },
  windowAssessed: { put: [WINDOW], remove: ["UPDATE window_assessment SET assessed_at = now() - interval '93 days'"] },
  harmWatched: { put: [WINDOW], remove: [`UPDATE window_assessment SET headline = '{"harm":null}'`] },
  retrainingDecided: {
    put: [insert('retraining_decision', { model: "'credit'", deployment: "'default'", from_event: "'2026-01-01'", revision: '1', outcome: "'wait'", because: "'b'", counterfactual: "'{}'", decision_digest: text(DIGEST), decided_at: 'now()' })],
    remove: ['DELETE FROM retraining_decision'],
  },
  alarmProven: {
    put: [insert('monitoring_proof', { model: "'credit'", deployment: "'default'", proof_key: "'k'", alarm_id: text(ID), window_digest: text(DIGEST), findings: "'[]'", sent_at: 'now()', arrived_at: 'now()' })],
    remove: ['DELETE FROM monitoring_proof'],
  },
  predictionsLogged: {
    put: [insert('observation_file', { gateway: "'g'", boot: "'b'", segment: '1', model: "'credit'", deployment: "'default'", kind: "'observation'", digest: text(DIGEST), bytes: '1', rows: '1', first_sequence: '1', last_sequence: '1', first_event_time: 'now()', last_event_time: 'now()', newest_received_at: 'now()' })],
    remove: ['DELETE FROM observation_file'],
  },
  recordSealed: {
    put: [
      "INSERT INTO audit_entry (id, at, actor, action, model, subject, details, details_digest) OVERRIDING SYSTEM VALUE VALUES (1, now(), 'ada', 'spec.applied', 'credit', 's', '{}', 'd') ON CONFLICT DO NOTHING",
      insert('audit_leaf', { position: '0', entry_id: '1', leaf_hash: "decode(repeat('00', 32), 'hex')" }),
      insert('audit_checkpoint', { size: '1', root: "decode(repeat('00', 32), 'hex')", note: "'n'", at: 'now()' }),
    ],
    remove: ['DELETE FROM audit_checkpoint'],
  },
};
