import { crc32 } from 'node:zlib';

/**
 * A segment: 8 bytes of magic, whose last one is the version of the format, then frames. A frame: u32 length of the
 * payload, u32 CRC-32 of it (ISO 3309, as zlib takes it), the payload. Everything is little-endian, as the machines are
 * that run this, and every payload is a multiple of 8 bytes long, so that numbers lie where typed arrays can see them.
 */
export const MAGIC = Buffer.from([0x50, 0x45, 0x52, 0x4e, 0x4f, 0x42, 0x53, 1]);
export const FRAME_HEAD = 8;
/** A longer frame is not written, and one that claims to be is damage. */
export const MAX_PAYLOAD = 128 * 1024 * 1024;

/** First byte of a payload. */
export const FRAME_KIND = { header: 1, context: 2, target: 3, observation: 4, mirrored: 5 } as const;

export const OUTCOMES = ['executed', 'dropped', 'failed'] as const;

/** Bits of an observation's flags. */
export const OBSERVED = { stale: 1, features: 2, rawOutputs: 4, guards: 8, entityKey: 16, perRow: 32, rowIds: 64, rowKeys: 128, rowTimes: 256 } as const;
/** Bits of a mirrored output's flags. */
export const MIRRORED = { reason: 1, latency: 2, outputs: 4 } as const;

/** Bytes of the fixed fields before the arrays. */
export const OBSERVATION_FIELDS = 56;
export const MIRRORED_FIELDS = 40;
/** Length that stands for no text. */
export const NO_TEXT = 0xffff_ffff;

/** What the first frame says, as JSON. */
export interface SegmentHeader {
  readonly gateway: string;
  readonly boot: string;
  /** Rises by one with each segment of a boot, from 1. */
  readonly segment: number;
  readonly openedAtMs: number;
  /** The process that writes it. */
  readonly writer: SegmentWriter;
}

export interface SegmentWriter {
  readonly host: string;
  readonly pid: number;
  /** When the process began, as the machine tells it; null where it does not. A pid alone is used again. */
  readonly started: string | null;
}

/** Why a frame could not be read. */
export type FrameFault = 'length' | 'checksum' | 'cut';

/**
 * Looks at the frame at `at`.
 * @param bytes whole from `at` on, unless more of the file follows
 * @param atEnd whether the file ends with `bytes`
 * @returns the length of the payload, `more` when the frame goes on beyond the bytes, or what is wrong with it
 */
export function inspectFrame(bytes: Buffer, at: number, atEnd: boolean): number | 'more' | FrameFault {
  if (at + FRAME_HEAD > bytes.length) return atEnd ? 'cut' : 'more';
  const length = bytes.readUInt32LE(at);
  if (length === 0 || length % 8 !== 0 || length > MAX_PAYLOAD) return 'length';
  const end = at + FRAME_HEAD + length;
  if (end > bytes.length) return atEnd ? 'cut' : 'more';
  return crc32(bytes.subarray(at + FRAME_HEAD, end)) === bytes.readUInt32LE(at + 4) ? length : 'checksum';
}
