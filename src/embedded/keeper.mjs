// Runs one server so that it can't outlive the process that asked for it, not even when that one is killed by SIGKILL:
// the parent holds our standard input open, and when it ends we stop the server. Started in a process group of its own,
// so that Ctrl-C in a terminal reaches the parent alone, which then stops its servers in order.
//
//   node keeper.mjs '{"command", "args", "stopSignal", "graceMs", "logFile", "pidFile", "uid", "gid"}'
import { spawn } from 'node:child_process';
import { openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const { command, args, stopSignal, graceMs, logFile, pidFile, uid, gid } = JSON.parse(process.argv[2] ?? '{}');
// What the server writes is for its owner's eyes.
process.umask(0o077);
const log = openSync(logFile, 'a');
const server = spawn(command, args, { stdio: ['ignore', log, log], uid, gid });

let stopping = false;
function stop() {
  if (stopping) return;
  stopping = true;
  server.kill(stopSignal);
  setTimeout(() => server.kill('SIGKILL'), graceMs).unref();
}

function leave(code) {
  if (pidFileIsOurs()) rmSync(pidFile, { force: true });
  process.exit(code);
}

/** Another start may have put its own server's id there already. */
function pidFileIsOurs() {
  try {
    return Number.parseInt(readFileSync(pidFile, 'utf8'), 10) === server.pid;
  } catch {
    return false;
  }
}

server.on('error', (error) => {
  writeFileSync(log, `${command} cannot be started: ${error.message}\n`);
  leave(127);
});
server.on('spawn', () => writeFileSync(pidFile, `${server.pid}\n`));
server.on('exit', (code, signal) => leave(code ?? (stopping ? 0 : signal === 'SIGKILL' ? 137 : 1)));

process.stdin.resume();
process.stdin.on('end', stop);
process.stdin.on('error', stop);
process.on('SIGTERM', stop);
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {});
