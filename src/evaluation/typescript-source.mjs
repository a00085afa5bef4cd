/**
 * Lets a child process run the TypeScript sources as they are, when its parent does (the unit specs). A built
 * installation never loads this file: @swc/core is a development dependency.
 */
import { register } from 'node:module';

const hooks = `
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export async function resolve(specifier, context, next) {
  const fromSource = context.parentURL?.endsWith('.ts') && /^\\.\\.?\\/.*\\.js$/.test(specifier);
  return next(fromSource ? specifier.replace(/\\.js$/, '.ts') : specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const { transform } = await import(${JSON.stringify(import.meta.resolve('@swc/core'))});
  const filename = fileURLToPath(url);
  const { code } = await transform(await readFile(filename, 'utf8'), { filename, sourceMaps: 'inline' });
  return { format: 'module', source: code, shortCircuit: true };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
