import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { PerennialError } from '../contracts/failures.js';

/**
 * Signed notes as C2SP has them (c2sp.org/signed-note): text, an empty line, then a line for each signature, `— <name> <Base64 of 4 bytes
 * that name the key, then the signature>`. Ours are of Ed25519 over the text with its last line end.
 */
const ED25519 = 1;
const ED25519_KEY_BYTES = 32;
const KEY_ID_BYTES = 4;
const SIGNATURE = /^— (?<name>[^\s+]+) (?<encoded>[A-Za-z0-9+/]+={0,2})$/u;

/** What a key's name must look like, so that a note and a verifier's key can hold it. */
export const KEY_NAME = /^[^\s+\p{Cc}]{1,200}$/u;

export const signedNote = (text: string, name: string, key: KeyObject): string =>
  `${text}\n— ${name} ${Buffer.concat([keyId(name, createPublicKey(key)), sign(null, Buffer.from(text), key)]).toString('base64')}\n`;

/**
 * The text of a note, once a signature of the key is found and is genuine. Signatures of others are passed over.
 * @throws PerennialError `CheckpointInvalid`
 */
export function openNote(note: string, name: string, key: KeyObject): string {
  const end = note.lastIndexOf('\n\n') + 1;
  if (end === 0 || !note.endsWith('\n')) throw invalid('It has no signature: a note is its text, an empty line, and signature lines');
  const text = note.slice(0, end);
  const signatures = note.slice(end + 1, -1).split('\n').map((line) => SIGNATURE.exec(line)?.groups);
  if (signatures.some((found) => !found || Buffer.from(found['encoded'] ?? '', 'base64').toString('base64') !== found['encoded'])) throw invalid('What stands after the empty line is no signature line of a signed note');
  const id = keyId(name, key);
  const ours = signatures.map((found) => ({ name: found?.['name'], bytes: Buffer.from(found?.['encoded'] ?? '', 'base64') })).filter((found) => found.name === name && found.bytes.subarray(0, KEY_ID_BYTES).equals(id));
  if (ours.length === 0) throw invalid(`It is not signed by the key ${name}+${id.toString('hex')}; give the public key of whoever signed it`);
  if (!ours.some(({ bytes }) => verify(null, Buffer.from(text), key, bytes.subarray(KEY_ID_BYTES)))) throw invalid(`Its signature is not genuine: the text was changed after ${name}+${id.toString('hex')} had signed it`);
  return text;
}

/** A public key as verifiers of signed notes take it: `<name>+<id>+<Base64>`. */
export const verifierKey = (name: string, key: KeyObject): string => `${name}+${keyId(name, key).toString('hex')}+${Buffer.concat([Buffer.from([ED25519]), rawKey(key)]).toString('base64')}`;

/** Names a key; not a secret and no proof. */
export const keyId = (name: string, key: KeyObject): Buffer =>
  createHash('sha256').update(`${name}\n`).update(Buffer.from([ED25519])).update(rawKey(key)).digest().subarray(0, KEY_ID_BYTES);

// The last bytes of a key's DER are the key (RFC 8410). Not from its JWK: while that is made, Node 20 locks up for good if a key pair of
// `generateKeyPair` is collected just then.
const rawKey = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' }).subarray(-ED25519_KEY_BYTES);

const invalid = (message: string): PerennialError => new PerennialError('CheckpointInvalid', message);
