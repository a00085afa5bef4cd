import { defineSignal } from '@temporalio/workflow';
import { CHANGED_SIGNAL } from '../src/contracts/motion.js';

/** Something of it has changed on the record; the record says what. */
export const changedSignal = defineSignal(CHANGED_SIGNAL);
