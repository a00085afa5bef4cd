import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { trainerCommand, trainerEnvironment } from './trainer-command.js';

describe('the command of a trainer', () => {
  it('is the interpreter and the main script', async () => {
    const script = resolve('trainers/xgboost/train.py');
    expect(await trainerCommand(process.execPath, resolve('trainers'), 'xgboost')).toEqual([process.execPath, script]);
  });

  it('fails by name when there is no such trainer, or no interpreter', async () => {
    await expect(trainerCommand(process.execPath, resolve('trainers'), 'magic')).rejects.toMatchObject({
      type: 'TrainerMissing',
      message: expect.stringContaining('There is no trainer magic') as string,
    });
    await expect(trainerCommand('/nowhere/python', resolve('trainers'), 'xgboost')).rejects.toMatchObject({
      type: 'TrainerMissing',
      message: expect.stringContaining('trainers/requirements.lock') as string,
    });
  });
});

describe('the environment of a trainer', () => {
  it('shows it the GPUs that it was given, and none when it was given none', () => {
    const given = { path: '/bin', home: '/home/x', threads: 3 };
    expect(trainerEnvironment({ ...given, gpus: ['GPU-a', 'GPU-b'] })).toMatchObject({ CUDA_VISIBLE_DEVICES: 'GPU-a,GPU-b', OMP_NUM_THREADS: '3' });
    expect(trainerEnvironment({ ...given, gpus: [] })).toMatchObject({ CUDA_VISIBLE_DEVICES: '', OMP_WAIT_POLICY: 'passive' });
  });
});
