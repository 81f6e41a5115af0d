import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { checkPath, localPath } from '../../src/results/manifest-path.ts';
import { ManifestError, parseManifest, type ManifestFault } from '../../src/results/manifest.ts';

const sha = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
const file = (path: string, more: object = {}): object => ({
  root: 'results',
  path,
  size: 3,
  mtime_ms: 1_700_000_000_000,
  mode: '0644',
  sha256: sha('abc'),
  type: 'file',
  ...more,
});

function manifest(lines: readonly object[], end: object = {}): Buffer {
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const files = lines.filter((line) => 'type' in line && line.type === 'file').length;
  return Buffer.from(
    `${body}${JSON.stringify({ end: true, files, bytes: files * 3, manifest_sha256: sha(body), ...end })}\n`,
  );
}

function faultOf(bytes: Buffer): ManifestFault | 'none' {
  try {
    parseManifest(bytes);
    return 'none';
  } catch (error) {
    if (error instanceof ManifestError) return error.fault;
    throw error;
  }
}

test('files, links, others, and what could not be read', () => {
  const read = parseManifest(
    manifest([
      file('junit.xml'),
      file('sub/a b.txt', { mode: '0755' }),
      file('caf\ufffd.txt', { path_b64: Buffer.from('caf\u00e9.txt', 'latin1').toString('base64') }),
      { root: 'results', path: 'link', target: '/etc/passwd', type: 'symlink' },
      { root: 'results', path: 'socket', type: 'other' },
      { root: 'results', path: 'secret', error: 'Permission denied', type: 'error' },
      { root: 'results', path: '', error: 'No such file or directory', type: 'error' },
      file('record.json', { root: 'state' }),
    ]),
  );
  expect(read.files.map((f) => [f.root, f.localPath, f.mode, f.notes])).toEqual([
    ['results', 'junit.xml', 0o644, []],
    ['results', 'sub/a b.txt', 0o755, []],
    ['results', 'caf%E9.txt', 0o644, ['encoded']],
    ['state', 'record.json', 0o644, []],
  ]);
  expect(read.bytes).toBe(12);
  expect(read.unreadable.map((e) => [e.path, e.error])).toEqual([
    ['secret', 'Permission denied'],
    ['', 'No such file or directory'],
  ]);
  expect(read.symlinks.map((e) => e.target)).toEqual(['/etc/passwd']);
  expect(read.others.map((e) => e.path)).toEqual(['socket']);
});

test('an empty folder is a manifest with an end only', () => {
  expect(parseManifest(manifest([])).files).toEqual([]);
});

describe('what is not whole is refused', () => {
  const whole = manifest([file('a'), file('b')]);

  test('every cut', () => {
    for (let length = 0; length < whole.length; length++)
      expect(faultOf(whole.subarray(0, length))).toBe('cut');
  });

  test('every changed byte', () => {
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] = changed[at] === 0x31 ? 0x32 : 0x31;
      expect([at, faultOf(changed)]).toEqual([at, expect.stringMatching(/^(bad-hash|malformed|cut)$/)]);
    }
  });

  test.each<[string, Buffer, ManifestFault]>([
    [
      'a line lost',
      Buffer.concat([manifest([file('a')]).subarray(0, -1), Buffer.from('\n')]).subarray(10),
      'bad-hash',
    ],
    ['wrong number of files', manifest([file('a')], { files: 2 }), 'malformed'],
    ['wrong number of bytes', manifest([file('a')], { bytes: 4 }), 'malformed'],
    ['a path twice', manifest([file('a'), file('a')]), 'malformed'],
    ['no hash', manifest([file('a', { sha256: undefined })]), 'malformed'],
    ['a short hash', manifest([file('a', { sha256: 'abc' })]), 'malformed'],
    ['a negative size', manifest([file('a', { size: -1 })]), 'malformed'],
    ['an unknown root', manifest([file('a', { root: 'home' })]), 'malformed'],
    ['an unknown type', manifest([file('a', { type: 'folder' })]), 'malformed'],
    ['an array', Buffer.from('[]\n'), 'malformed'],
    ['words', Buffer.from('error: no such file\n'), 'malformed'],
    ['a path upwards', manifest([file('../a')]), 'unsafe'],
    ['a path upwards in the middle', manifest([file('a/../../b')]), 'unsafe'],
    ['an absolute path', manifest([file('/etc/passwd')]), 'unsafe'],
    ['a NUL', manifest([file('a\u0000b')]), 'unsafe'],
    ['no path', manifest([file('')]), 'unsafe'],
    ['a name too long', manifest([file('a'.repeat(256))]), 'unsafe'],
    ['a path too long', manifest([file('a/'.repeat(2100) + 'b')]), 'unsafe'],
    [
      '.. hidden in base64',
      manifest([file('x', { path_b64: Buffer.from('../x').toString('base64') })]),
      'unsafe',
    ],
  ])('%s', (_what, bytes, fault) => {
    expect(faultOf(bytes)).toBe(fault);
  });

  test('anything else never throws another error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(faultOf(Buffer.from(bytes))).not.toBe('none');
      }),
    );
  });
});

describe('paths here', () => {
  test.each([
    ['plain/name.txt', 'plain/name.txt'],
    ['caf\u00e9/\u65e5\u672c', 'caf\u00e9/\u65e5\u672c'],
    ['a\nb', 'a%0Ab'],
    ['a\\b', 'a%5Cb'],
    ['100%', '100%'],
    ['100%25', '100%2525'],
    ['CON', 'CON'],
  ])('%j is stored as %j', (path, local) => {
    expect(localPath(Buffer.from(path))).toBe(local);
  });

  test.each(['a:b', 'con.txt', 'a ', 'b.', 'x?'])('%j is noted as unsafe on Windows', (path) => {
    expect(checkPath(Buffer.from(path))).toEqual({ notes: ['windows-unsafe'] });
  });

  const name = fc
    .uint8Array({ minLength: 1, maxLength: 255 })
    .map((bytes) => Buffer.from(bytes.map((b) => (b === 0 || b === 0x2f ? 0x25 : b))))
    .filter((b) => b.toString('latin1') !== '.' && b.toString('latin1') !== '..');
  const odd = fc
    .array(fc.constantFrom('%', '2', '5', 'F', '\\', '\n', '\u00e9', '~'), { minLength: 1, maxLength: 6 })
    .map((a) => Buffer.from(a.join('')));
  const path = fc
    .array(fc.oneof(name, odd), { minLength: 1, maxLength: 8 })
    .map((names) => Buffer.concat(names.flatMap((n, i) => (i === 0 ? [n] : [Buffer.from('/'), n]))));

  test('are relative, bounded, free of control characters, and different for different paths', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(path, (raw) => {
        const local = localPath(raw);
        // eslint-disable-next-line no-control-regex -- none of them may be left
        expect(local).not.toMatch(/[\u0000-\u001f\u007f\\]|^\/|(^|\/)\.{0,2}(\/|$)/);
        expect(Buffer.byteLength(local)).toBeLessThanOrEqual(1024);
        const known = seen.get(local);
        expect(known ?? raw.toString('hex')).toBe(raw.toString('hex'));
        seen.set(local, raw.toString('hex'));
      }),
      { numRuns: 5000 },
    );
  });
});
