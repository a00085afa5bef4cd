import type { ModelControls } from '../../api/controls/controls.dto.js';
import { moment } from '../numbers.js';
import { EXIT, type ExitCode, type Session } from '../session.js';
import { table } from '../table.js';
import { type Style, styled } from '../terminal.js';

export interface ControlsOptions {
  readonly framework?: string;
}

const STYLES: Readonly<Record<string, Style>> = { met: 'green', partly: 'yellow', missing: 'red', notApplicable: 'dim' };

/** `perennial controls <model> [--framework NAME]` */
export async function controls(session: Session, model: string, { framework }: ControlsOptions): Promise<ExitCode> {
  const query = framework === undefined ? '' : `?${new URLSearchParams({ framework }).toString()}`;
  const answer = await session.api.get<ModelControls>(`/v1/models/${encodeURIComponent(model)}/controls${query}`);
  session.show(answer, () => answer.frameworks.map((one) => {
    const { met, partly, missing, notApplicable } = one.summary;
    const rows = one.controls.map(({ id, title, state, evidence }) => [
      id, title, styled(session.terminal, STYLES[state] ?? 'dim', state === 'notApplicable' ? 'not asked' : state),
      state === 'notApplicable' ? '' : evidence.map(({ name, counts, found, newestAt }) => (counts ? `${name} (${found}, ${moment(newestAt)})` : `${name}: ${found === 0 ? 'none' : `too old, ${moment(newestAt)}`}`)).join('; '),
    ]);
    return `${one.title}, ${one.version}: ${met} met, ${partly} partly, ${missing} missing, ${notApplicable} not asked of tier ${answer.tier}\n`
      + table(session.terminal, [{ title: 'Control' }, { title: 'What' }, { title: 'State' }, { title: 'Evidence' }], rows, 'No controls');
  }).join('\n'));
  return EXIT.done;
}
