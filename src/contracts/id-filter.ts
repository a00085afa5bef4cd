/**
 * A blocked Bloom filter of texts, such as the ids of a file's predictions (F. Putze, P. Sanders, J. Singler: Cache-, Hash- and Space-Efficient Bloom
 * Filters, 2007). All bits of a text lie in one block of 64 bytes, so that whoever looks for it reads 64 bytes of however large a filter. What was added
 * is always found; of what was not, about 0.4 % is: the mean of (1 − (1 − 1/512)^(7n))^7 over a block's number of texts n, Poisson with mean 512/12.
 */
export const FILTER_BLOCK_BYTES = 64;
const BLOCK_BITS = 8 * FILTER_BLOCK_BYTES;
const BITS_A_TEXT = 12;
const BITS_SET = 7;
/** 512 bits have numbers of 9 bits; three of them are taken of a word of 32. */
const NUMBER_BITS = 9;
const NUMBERS_A_WORD = 3;

/** How many words of 32 bits of a text's SHA-256, from its beginning, say where it stands. */
export const FILTER_WORDS = 4;

/** Blocks that so many texts take. */
export const filterBlocks = (texts: number): number => Math.max(1, Math.ceil((texts * BITS_A_TEXT) / BLOCK_BITS));

/** Which of so many blocks a text is in. @param word the first of its words */
export const blockOf = (word: number, blocks: number): number => word % blocks;

/** Its bits within the block: bit n is that of value 2^(n mod 8) in byte n / 8. @param words those after the first */
export const bitsOf = (...words: readonly number[]): number[] =>
  Array.from({ length: BITS_SET }, (_, index) => ((words[Math.floor(index / NUMBERS_A_WORD)] as number) >>> (NUMBER_BITS * (index % NUMBERS_A_WORD))) & (BLOCK_BITS - 1));

/** That of a file of which nothing is known: it may hold any text. */
export const FULL_FILTER: Uint8Array = new Uint8Array(FILTER_BLOCK_BYTES).fill(0xff);

/** The words of a text. @param hex its SHA-256, as hexadecimal digits */
export const filterWords = (hex: string): number[] => Array.from({ length: FILTER_WORDS }, (_, index) => Number.parseInt(hex.slice(8 * index, 8 * (index + 1)), 16));
