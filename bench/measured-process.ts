import { spawn } from 'node:child_process';
import { sampleTree } from './process-tree.js';

const SAMPLE_EVERY_MS = 10;

export interface MeasuredProcess<Report> {
  /** The last line that it printed, which is JSON. */
  readonly report: Report;
  /** Of all its processes at one moment, sampled; 0 where there is no /proc. */
  readonly peakBytes: number;
  readonly cpuS: number;
}

/** Runs a contender and watches its processes. @throws where it ends with another code than 0 */
export async function runMeasured<Report>(program: string, args: readonly string[]): Promise<MeasuredProcess<Report>> {
  const child = spawn(program, args, { env: { ...process.env, OMP_WAIT_POLICY: 'passive' }, stdio: ['ignore', 'pipe', 'inherit'] });
  let [output, peakBytes, cpuS] = ['', 0, 0];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const watch = setInterval(() => {
    const sample = sampleTree(child.pid!);
    peakBytes = Math.max(peakBytes, sample?.rssBytes ?? 0);
    cpuS = sample?.cpuS ?? cpuS;
  }, SAMPLE_EVERY_MS);
  const code = await new Promise((settle) => child.once('close', settle));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}`);
  return { report: JSON.parse(output.trim().split('\n').at(-1) ?? '') as Report, peakBytes, cpuS };
}
