/**
 * Loaded into the roles of an installation by `NODE_OPTIONS=--import`: the first worker that begins to profile a part of a window is killed, once in the
 * installation; the file that `DIES_IN_A_PART` names says that it has happened.
 */
import { writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [, program = '', role = ''] = process.argv;
const marker = process.env['DIES_IN_A_PART'];

if (marker && program.endsWith('main.js') && role === 'worker') {
  const { mkdtemp } = promises;
  promises.mkdtemp = async (prefix, ...options) => {
    const folder = await mkdtemp(prefix, ...options);
    if (prefix.endsWith('drift-part-') && isFirst()) process.kill(process.pid, 'SIGKILL');
    return folder;
  };
  syncBuiltinESMExports();
}

function isFirst() {
  try {
    writeFileSync(marker, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    return false;
  }
}
