/** Control characters but tab and line ends, and surrogates that stand alone: PostgreSQL or UTF-8 cannot hold them. */
const UNSTORABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\p{Surrogate}]/u;

/** Whether the record and its files keep a text as it is; two texts that they do not keep may become the same. */
export const isStorable = (text: string): boolean => !UNSTORABLE.test(text);
