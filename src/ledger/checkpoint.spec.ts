import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, openCheckpoint, signedCheckpoint } from './checkpoint.js';
import { leafHash } from './merkle-tree.js';
import { openNote, signedNote, verifierKey } from './signed-note.js';

// The note and the key of golang.org/x/mod/sumdb/note, whose form C2SP took.
const KNOWN = {
  verifier: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  signature: '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const checkpoint: Checkpoint = { origin: 'example.com/audit', size: 1_234, root: leafHash(Buffer.from('root')), at: new Date('2026-03-01T10:00:00.125Z') };
const note = signedCheckpoint(checkpoint, privateKey);

describe('a signed note', () => {
  const raw = Buffer.from(KNOWN.verifier.split('+').at(-1) ?? '', 'base64').subarray(1);
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });

  it('is read as others write it', () => {
    expect(openNote(`${KNOWN.text}\n${KNOWN.signature}`, 'PeterNeumann', key)).toBe(KNOWN.text);
    expect(verifierKey('PeterNeumann', key)).toBe(KNOWN.verifier);
    expect(() => openNote(`${KNOWN.text.replace('answer', 'question')}\n${KNOWN.signature}`, 'PeterNeumann', key)).toThrow(/not genuine/);
  });

  it('may carry signatures of others', () => {
    const [, theirs = ''] = signedNote(KNOWN.text, 'witness', stranger.privateKey).split('\n\n');
    expect(openNote(`${KNOWN.text}\n${theirs}${KNOWN.signature}`, 'PeterNeumann', key)).toBe(KNOWN.text);
  });
});

describe('a checkpoint', () => {
  it('says of which ledger it is, how large it was, when, and what its root was', () => {
    expect(note.split('\n').slice(0, 5)).toEqual(['example.com/audit', '1234', checkpoint.root.toString('base64'), 'time 2026-03-01T10:00:00.125Z', '']);
    expect(openCheckpoint(note, publicKey)).toEqual(checkpoint);
    expect(openCheckpoint(note, publicKey, 'example.com/audit')).toEqual(checkpoint);
  });

  it('is refused with any one bit changed', () => {
    const bytes = Buffer.from(note);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => openCheckpoint(changed.toString(), publicKey), `bit ${bit}`).toThrow();
    }
  });

  it.each<[string, () => unknown, RegExp]>([
    ['is signed by another', () => openCheckpoint(signedCheckpoint(checkpoint, stranger.privateKey), publicKey), /not signed by the key example\.com\/audit\+[0-9a-f]{8}; give the public key/],
    ['is of another ledger', () => openCheckpoint(note, publicKey, 'example.com/other'), /not signed by the key example\.com\/other/],
    ['has no signature', () => openCheckpoint(note.slice(0, note.indexOf('—') - 1), publicKey), /no signature/],
    ['ends with something else', () => openCheckpoint(`${note}rest\n`, publicKey), /no signature line/],
    ['is empty', () => openCheckpoint('', publicKey), /no signature/],
    ['has no number', () => openCheckpoint(signedNote('example.com/audit\n012\nx\n', 'example.com/audit', privateKey), publicKey), /number of entries, not "012"/],
    ['has no root', () => openCheckpoint(signedNote('example.com/audit\n12\nxx==\n', 'example.com/audit', privateKey), publicKey), /32 bytes in Base64/],
    ['has no time', () => openCheckpoint(signedNote(`example.com/audit\n12\n${checkpoint.root.toString('base64')}\n`, 'example.com/audit', privateKey), publicKey), /ISO 8601/],
  ])('that %s is refused and says so', (_, opening, message) => {
    expect(opening).toThrow(message);
    expect(opening).toThrow(expect.objectContaining({ type: 'CheckpointInvalid' }));
  });
});
