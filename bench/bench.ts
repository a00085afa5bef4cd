import { spawn } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';

/** `npm run bench [-- <name> [its arguments]]`: one benchmark after the other, each in a process of its own. */
const BENCHMARKS: Readonly<Record<string, string>> = {
  drift: './drift/drift.bench.js',
  fleet: './drift/fleet.bench.js',
  scoring: './scoring/scoring.bench.js',
  serving: './serving/serving.bench.js',
  orchestration: './orchestration/orchestration.bench.js',
  audit: './audit/audit.bench.js',
};

function runProgram(file: string, args: readonly string[]): Promise<number> {
  // The peers' runtime is silent towards its maker too, as ours always is.
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  const program = spawn(process.execPath, ['--enable-source-maps', fileURLToPath(new URL(file, import.meta.url)), ...args], { stdio: 'inherit', env });
  return new Promise((settle) => {
    program.once('error', () => settle(1));
    program.once('exit', (code) => settle(code ?? 1));
  });
}

const load = (): string => loadavg()[0]!.toFixed(1);

const [name, ...args] = process.argv.slice(2);
if (name !== undefined && !Object.hasOwn(BENCHMARKS, name)) {
  console.error(`There is no benchmark ${name}; choose from ${Object.keys(BENCHMARKS).join(', ')}, or name none to run them all.`);
  process.exit(2);
}
const processors = cpus();
console.log(`Node ${process.versions.node}, ${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}; compare ratios within a run, not seconds between machines.`);
for (const chosen of name === undefined ? Object.keys(BENCHMARKS) : [name]) {
  console.log(`\n━━ ${chosen} (load of the last minute before it: ${load()})`);
  const code = await runProgram(BENCHMARKS[chosen]!, args);
  console.log(`\n   ${chosen} ended${code === 0 ? '' : ` with code ${code}`} (load of the last minute: ${load()})`);
  if (code !== 0) process.exitCode = 1;
}
