import { type HeldOut, heldOutText, type SnapshotSplit } from '../contracts/artifacts.js';
import { durationMs } from '../contracts/time.js';

/**
 * Why a version may have seen rows that judge on another snapshot; undefined where it has seen none.
 *
 * It learnt from all that lies before its own evaluation window, and within that from the blocks that it did not hold out. Where each block that judges
 * now is one that it held out too, only what lies before its evaluation window matters: a judging row there has been learnt, and one that lies later was
 * held out or had not come yet. Else nothing may judge it that lies before the end of its training.
 * @param learntFrom the snapshot that the version was trained on
 */
export function seenRows(version: number, learntFrom: SnapshotSplit, judging: SnapshotSplit): string | undefined {
  const alike = holdsOutToo(learntFrom.heldOut, judging.heldOut);
  const seenUntil = alike ? learntFrom.evaluation.window.start : learntFrom.train.window.end;
  const { start } = judging.evaluation.window;
  if (Date.parse(seenUntil) <= Date.parse(start)) return undefined;
  const rows = `${alike ? 'all rows' : 'rows'} up to ${seenUntil}${alike || !learntFrom.heldOut ? '' : otherBlocks(learntFrom.heldOut, judging.heldOut)}`;
  return `the champion, version ${version}, was trained on ${rows} and has seen some of those that judge, which begin at ${start}; ask for a retrain as of a later time`;
}

/** Blocks that leave −1 when divided by a number leave −1 by each of its divisors. */
const holdsOutToo = (learntFrom: HeldOut | undefined, judging: HeldOut | undefined): boolean =>
  learntFrom !== undefined && judging !== undefined && durationMs(learntFrom.block) === durationMs(judging.block) && judging.every % learntFrom.every === 0;

const otherBlocks = (held: HeldOut, judging: HeldOut | undefined): string =>
  `, holding out other blocks (${heldOutText(held)}) than those that judge now (${judging ? heldOutText(judging) : 'all of the window'}),`;
