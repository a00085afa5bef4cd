import { describe, expect, it } from 'vitest';
import { detectGpus, parseGpuList } from './gpu.js';

describe('the list of GPUs', () => {
  it('names each by what CUDA_VISIBLE_DEVICES takes', () => {
    const text = 'GPU 0: NVIDIA H200 (UUID: GPU-5f0c8c3e-0000-1111-2222-333344445555)\nGPU 1: Tesla T4 (UUID: GPU-aa)\n';
    expect(parseGpuList(text)).toEqual([
      { name: 'NVIDIA H200', uuid: 'GPU-5f0c8c3e-0000-1111-2222-333344445555' },
      { name: 'Tesla T4', uuid: 'GPU-aa' },
    ]);
  });

  it('lists the slices of a GPU that is cut up, and not the whole', () => {
    const text = [
      'GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-ab)',
      '  MIG 3g.20gb     Device  0: (UUID: MIG-c0)',
      '  MIG 3g.20gb     Device  1: (UUID: MIG-c1)',
      'GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-cd)',
    ].join('\n');
    expect(parseGpuList(text).map((gpu) => gpu.uuid)).toEqual(['MIG-c0', 'MIG-c1', 'GPU-cd']);
    expect(parseGpuList(text)[0]?.name).toBe('NVIDIA A100-SXM4-40GB MIG 3g.20gb');
  });

  it('is empty for what is no list', () => {
    expect(parseGpuList("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")).toEqual([]);
  });

  it('is empty where the driver is not installed', async () => {
    expect(await detectGpus('/nowhere')).toEqual([]);
  });
});
