// What the set-up's steps are made of: running a tool, and telling whether a step's inputs have changed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const STAMPS = join(PROJECT, 'var', 'setup');
const TAIL_LINES = 25;

/** A step can't go on: what is missing, how to get it, and the end of what the tool said. */
export class SetupFailure extends Error {
  constructor(message, { remedy = '', output = '' } = {}) {
    super([message, remedy, output && `The tool's last lines:\n${indent(output)}`].filter(Boolean).join('\n'));
    this.name = 'SetupFailure';
  }
}

/**
 * Runs a tool to its end and returns its output, stdout and stderr together.
 * @param {{cwd?: string, env?: NodeJS.ProcessEnv, signal?: AbortSignal, onLine?: (line: string) => void}} options
 * @throws {ToolFailure} when it can't be started or ends with another code than 0
 */
export function runTool(command, args, { cwd = PROJECT, env = process.env, signal, onLine } = {}) {
  return new Promise((resolvePromise, reject) => {
    const tool = spawn(command, args, { cwd, env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [tool.stdout, tool.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        onLine?.(latestLine(text));
      });
    }
    tool.once('error', (error) => reject(new ToolFailure(command, error.message, output, error.code)));
    tool.once('close', (code, killedBy) => {
      if (code === 0) resolvePromise(output);
      else reject(new ToolFailure(command, killedBy ? `ended by ${killedBy}` : `ended with code ${code}`, output, code));
    });
  });
}

export class ToolFailure extends Error {
  constructor(command, reason, output, code) {
    super(`${command} ${reason}`);
    this.name = 'ToolFailure';
    this.output = output.trim().split('\n').slice(-TAIL_LINES).join('\n');
    this.code = code;
  }
}

/** Does `work` unless it was done with the same inputs and what it made is still there. */
export async function unlessDone(name, digest, madeIsThere, work) {
  const stamp = join(STAMPS, name);
  if (madeIsThere() && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  mkdirSync(STAMPS, { recursive: true });
  rmSync(stamp, { force: true });
  await work();
  writeFileSync(stamp, digest);
}

/** Digest of texts and of files; a folder counts with every file below it that `accept` likes. */
export function digestOf(texts, paths, accept = () => true) {
  const hash = createHash('sha256').update(JSON.stringify(texts));
  for (const path of paths) {
    for (const file of filesBelow(join(PROJECT, path), accept)) hash.update(`\0${file}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

function filesBelow(path, accept) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  const children = readdirSync(path).sort().map((name) => join(path, name));
  return children.filter((child) => accept(child) || statSync(child).isDirectory()).flatMap((child) => filesBelow(child, accept));
}

/** The last line that says something, without colours; a tool's own progress bar says nothing. */
function latestLine(text) {
  const lines = text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').split(/[\r\n]+/).map((line) => line.trim());
  return lines.findLast((line) => /^[\w@>(]/.test(line));
}

const indent = (text) => text.split('\n').map((line) => `    ${line}`).join('\n');
