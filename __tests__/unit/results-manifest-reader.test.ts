import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ManifestReader } from '../../src/results/manifest-reader.ts';
import { mostManifestBytes } from '../../src/results/manifest.ts';

const end = '{"end":true,"files":0,"bytes":0,"manifest_sha256":"0"}\n';

/** Pieces of random sizes. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

test('in pieces of any size it ends with its last line, whatever names stand in it and whatever follows', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('{"end":tru', '{"end":true', ' {"end":true}', '{"end":false}'),
  );
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 8 }),
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 9 }),
      (names, after, sizes) => {
        const body = names.map((path) => `${JSON.stringify({ root: 'results', path })}\n`).join('');
        const list = Buffer.from(body + end);
        const reader = new ManifestReader();
        const rest: Buffer[] = [];
        let isWhole = false;
        for (const piece of cut(Buffer.concat([list, after]), sizes)) {
          const more = isWhole ? piece : reader.take(piece);
          if (more === undefined) continue;
          isWhole = true;
          rest.push(more);
        }
        expect(isWhole).toBe(true);
        expect(reader.bytes()).toEqual(list);
        expect(Buffer.concat(rest)).toEqual(Buffer.from(after));
      },
    ),
  );
});

test('without its last line it is not whole', () => {
  const reader = new ManifestReader();
  expect(reader.take(Buffer.from('{"type":"file"}\n{"end":true,"files":0'))).toBeUndefined();
  expect(reader.bytes().toString()).toBe('{"type":"file"}\n{"end":true,"files":0');
});

test('one that never ends does not fill the memory', () => {
  const reader = new ManifestReader();
  const piece = Buffer.alloc(32 * 1024 * 1024, 'x');
  for (let size = piece.length; size <= mostManifestBytes; size += piece.length) reader.take(piece);
  expect(() => reader.take(piece)).toThrow(`larger than ${mostManifestBytes} bytes`);
});
