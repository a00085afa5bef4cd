/**
 * Calls `onEnd` once when the process that started this one is gone, however it ended: it holds our standard input open.
 * For roles that run under `Supervisor`; one that a person or a container starts must not call it, its input may be empty.
 */
export function watchParent(onEnd: () => void, input: NodeJS.ReadStream = process.stdin): void {
  let told = false;
  const tell = (): void => {
    if (!told) onEnd();
    told = true;
  };
  input.on('end', tell).on('close', tell).on('error', tell);
  input.resume();
}
