import { defineSignal } from '@temporalio/workflow';
import { CHANGED_SIGNAL, INBOX_SIGNAL } from '../src/contracts/motion.js';

/** Something of it has changed on the record; the record says what. */
export const changedSignal = defineSignal(CHANGED_SIGNAL);
/** Commands wait on the record. However many they are, one word is enough. */
export const inboxSignal = defineSignal(INBOX_SIGNAL);
