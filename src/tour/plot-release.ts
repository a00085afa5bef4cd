import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { comparisonPlot } from './release-plot.js';
import type { ReleaseResult } from './release-result.js';

// `npm run plot:release`: draws the comparisons of the last release tour. Arguments: the tour's result, the picture to write.
const [from = 'var/demo/release-result.json', to = 'docs/images/release-comparison.svg'] = process.argv.slice(2);
const result = JSON.parse(await readFile(from, 'utf8')) as ReleaseResult;
await mkdir(dirname(to), { recursive: true });
await writeFile(to, comparisonPlot(result.releases));
process.stdout.write(`${to}\n`);
