import type { AcceptedBody } from '../../api/commands/commands.dto.js';
import type { AppliedAnswer } from '../../api/models/models.dto.js';
import { isAccepted } from '../follow.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { readSpecFile } from '../spec-file.js';

/** `perennial apply -f model.yaml` */
export async function apply(session: Session, file: string): Promise<ExitCode> {
  const answer = await session.api.command<AppliedAnswer | AcceptedBody>('/v1/models', { mediaType: 'application/yaml', content: readSpecFile(file) });
  session.show(answer, () => {
    if (isAccepted(answer)) return `accepted as command ${answer.commandId}; it takes effect as soon as Temporal answers\n`;
    return `${answer.model} ${answer.changed ? 'has a new spec in force' : 'is unchanged'} (${answer.specDigest.slice(0, 19)})\n${answer.successor === null ? '' : `${answer.successor} owns it: whom its spec names has left\n`}${answer.approval === null ? '' : `its use case has approval ${answer.approval.split('/').at(-1)}: \`perennial approvals ${answer.model}\` shows who has to agree\n`}`;
  });
  return EXIT.done;
}
