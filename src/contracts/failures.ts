/**
 * Every failure that crosses a boundary (activity → workflow → record → API) has one of these types.
 * `docs/ERRORS.md` documents each; a test compares the two both ways.
 */
export interface FailureKind {
  /** HTTP status of the problem detail. */
  readonly status: number;
  /** Short, stable headline; the message of an occurrence adds what and how to mend it. */
  readonly title: string;
  /** Whether trying the same thing again can help without anybody changing anything. */
  readonly retryable: boolean;
}

const kind = (status: number, title: string, retryable = false): FailureKind => ({ status, title, retryable });

export const FAILURES = {
  // requests
  InvalidRequest: kind(400, 'The request is not valid'),
  Unauthenticated: kind(401, 'An API key or an access token is required'),
  Forbidden: kind(403, 'The caller may not do that'),
  NotFound: kind(404, 'There is nothing under that name'),
  ModelNotFound: kind(404, 'The model is not registered'),
  VersionNotFound: kind(404, 'The model has no such version'),
  IdempotencyKeyReused: kind(422, 'The idempotency key was used for another request'),
  BodyTooLarge: kind(413, 'The request body is too large'),
  UnsupportedMediaType: kind(415, 'The media type is not supported'),
  SpecInvalid: kind(422, 'The model spec has faults'),
  CommandUnknown: kind(404, 'No command was accepted under that id'),
  RetrainActive: kind(409, 'A retrain of the model is already running'),
  UseCaseNotApproved: kind(409, 'The use case is not approved'),
  UseCaseDropped: kind(409, 'A governed model keeps its use case'),
  ApprovalNotOpen: kind(409, 'There is nothing to approve'),
  VoteRefused: kind(409, 'The vote does not count'),
  ModelRetiring: kind(409, 'The model is being retired, or was'),
  RetirementConflict: kind(409, 'The retirement does not allow that now'),
  LegalHoldLifted: kind(409, 'The legal hold is not in force'),
  UnderLegalHold: kind(409, 'A legal hold keeps it'),
  ValidationNotOpen: kind(409, 'There is nothing to validate'),
  DecisionRefused: kind(409, 'The decision over the validation cannot be taken'),
  SetUpIncomplete: kind(409, 'What a version needs to go live is missing'),
  GoLiveNotConfirmable: kind(409, 'The going live cannot be confirmed'),
  NoRollbackTarget: kind(409, 'There is no version to roll back to'),
  ModelStopped: kind(409, 'An overdue finding stops the model'),
  FindingNotClosable: kind(409, 'The finding cannot be closed'),
  ReviewRefused: kind(409, 'The review does not count'),
  StagePaused: kind(409, 'The stage is paused'),
  StageNotMovable: kind(409, 'The stage cannot be moved like that'),
  OwnerDeactivated: kind(409, 'The owner is deactivated'),
  PeopleConflict: kind(409, 'People cannot be changed in that way'),

  // data
  DataNotFound: kind(422, 'The data source matches no file'),
  DataUnreadable: kind(422, 'A data file cannot be read'),
  DataInvalid: kind(422, 'The snapshot violates the spec'),
  WindowEmpty: kind(422, 'The window holds no rows'),
  NotEnoughData: kind(422, 'There are too few rows to train or to judge'),

  // audit ledger
  CheckpointInvalid: kind(422, 'The checkpoint is not genuine'),

  // artifacts
  ArtifactMissing: kind(500, 'An artifact is not in the store'),
  ArtifactCorrupt: kind(500, 'An artifact differs from its digest'),
  SegmentDamaged: kind(500, 'A segment of the observation log is damaged'),

  // training
  TrainerMissing: kind(500, 'The trainer cannot be started'),
  TrainerRejectedJob: kind(422, 'The trainer refused the job'),
  TrainerFailed: kind(500, 'The trainer failed', true),
  TrainerHung: kind(500, 'The trainer stopped reporting', true),
  TrainerOutputInvalid: kind(500, 'The trainer broke its contract'),
  TrainerCancelled: kind(409, 'The training was cancelled'),
  LeaseLost: kind(409, 'Another attempt holds the training lease'),

  // evaluation
  ModelRefused: kind(422, 'The model file is not admitted'),
  ParityFailed: kind(422, "The model's answers differ from its trainer's"),
  ScoringFailed: kind(500, 'The model cannot be scored'),

  // release
  ChampionMoved: kind(409, 'The champion changed meanwhile'),
  RollbackEnded: kind(409, 'The rollback has ended'),
  RoutingMoved: kind(409, 'The routing changed meanwhile', true),
  VersionUnfit: kind(409, 'The version may not serve'),
  ReleaseRefused: kind(409, 'The version cannot be released now'),
  NothingToReplay: kind(422, 'No logged prediction of the period can be replayed'),
  ReleaseNotSteerable: kind(409, 'The release cannot take that action now'),

  // alarms
  AlarmNotActionable: kind(409, 'The alarm takes no action of a person'),
  WindowNotQuarantined: kind(409, 'The window is not in quarantine'),
  AlarmUndelivered: kind(503, 'An alarm did not reach its receiver', true),
  MonitoringNotOperational: kind(503, 'Monitoring would not alarm', true),

  // serving
  ModelNotReady: kind(503, 'The model has no version in service', true),
  RoutingStale: kind(503, 'The routing has not been confirmed for too long', true),
  VersionWithdrawn: kind(410, 'The version was withdrawn from service'),
  ModelRetired: kind(410, 'The model was retired'),
  InferenceInvalid: kind(400, 'The inference request is not valid'),
  InferenceFailed: kind(500, 'The inference failed'),

  // running
  WorkflowTerminated: kind(409, 'The workflow was terminated by an operator'),
  WorkflowCancelled: kind(409, 'The workflow was cancelled'),
  WorkflowTimedOut: kind(500, 'The workflow ran out of time'),
  ActivityTimedOut: kind(500, 'A step ran out of time', true),
  DependencyUnavailable: kind(503, 'A dependency does not answer', true),
  ConfigurationInvalid: kind(500, 'The configuration is not valid'),
  Internal: kind(500, 'Something unexpected went wrong', true),
} as const satisfies Record<string, FailureKind>;

export type FailureType = keyof typeof FAILURES;

export const isFailureType = (value: unknown): value is FailureType =>
  typeof value === 'string' && Object.hasOwn(FAILURES, value);

/** JSON that explains an occurrence: violations, faults with their paths, figures. Never a secret. */
export type FailureDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class of our own code outside workflows.
 * An activity interceptor turns it into an `ApplicationFailure` of the same type, the API into a problem detail.
 */
export class PerennialError extends Error {
  override readonly name = 'PerennialError';

  constructor(
    readonly type: FailureType,
    message: string,
    readonly details: FailureDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
