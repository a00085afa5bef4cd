import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const QUERY_TIMEOUT_MS = 10_000;

/** Something that a trainer can be given as its GPU. */
export interface Gpu {
  readonly name: string;
  /** What CUDA_VISIBLE_DEVICES takes. */
  readonly uuid: string;
}

/** The NVIDIA GPUs of this machine; none where the driver or its tool is absent or does not answer. */
export async function detectGpus(path: string): Promise<readonly Gpu[]> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ['-L'], { env: { PATH: path }, timeout: QUERY_TIMEOUT_MS });
    return parseGpuList(stdout);
  } catch {
    return [];
  }
}

const GPU_LINE = /^GPU \d+: (.+) \(UUID: (GPU-[0-9a-f-]+)\)/;
const SLICE_LINE = /^\s+(MIG .+?)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)/;

/** Reads `nvidia-smi -L`. A GPU that is cut into MIG slices is listed as its slices: CUDA can use nothing else of it. */
export function parseGpuList(text: string): readonly Gpu[] {
  const gpus: (Gpu & { slices: Gpu[] })[] = [];
  for (const line of text.split('\n')) {
    const [, name, uuid] = GPU_LINE.exec(line) ?? [];
    if (name && uuid) gpus.push({ name, uuid, slices: [] });
    const [, slice, sliceUuid] = SLICE_LINE.exec(line) ?? [];
    const owner = gpus.at(-1);
    if (slice && sliceUuid && owner) owner.slices.push({ name: `${owner.name} ${slice}`, uuid: sliceUuid });
  }
  return gpus.flatMap(({ slices, ...gpu }) => (slices.length > 0 ? slices : [gpu]));
}
