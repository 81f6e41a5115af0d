import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { makeUploadFolder, type UploadFolderOptions } from '../../src/action/upload-folder.ts';
import { maskerOf } from '../../src/model/mask.ts';
import { folder, removeFolders } from './support/folder.ts';

const secret = 'correct horse/battery';
const masker = maskerOf([
  ['TOKEN', secret],
  ['PIN', '12'],
]);
const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

let run = '';
beforeEach(() => {
  run = folder();
});
afterEach(removeFolders);

const put = (name: string, data: string | Uint8Array): void => {
  fs.mkdirSync(path.dirname(path.join(run, name)), { recursive: true });
  fs.writeFileSync(path.join(run, name), data);
};
const make = (more: Partial<UploadFolderOptions> = {}) =>
  makeUploadFolder({ folder: run, parent: folder(), masker, ...more });
const entriesOf = (made: Awaited<ReturnType<typeof make>>) =>
  Object.fromEntries(made.manifest.files.map(({ path: name, ...entry }) => [name, entry]));

test('text is masked, and the manifest tells both hashes', async () => {
  const text = `before ${secret}\nand ${encodeURIComponent(secret)} after\n`;
  put('suites/api/attempt-1/console.log', text);
  put('suites/api/attempt-1/results/.hidden/plain.txt', '\ufeffnothing');
  put('empty', '');
  const made = await make();
  const masked = 'before ***\nand *** after\n';
  expect(fs.readFileSync(path.join(made.root, 'suites/api/attempt-1/console.log'), 'utf8')).toBe(masked);
  expect(entriesOf(made)).toEqual({
    'suites/api/attempt-1/console.log': {
      size: text.length,
      sha256: sha256(text),
      uploaded: { size: masked.length, sha256: sha256(masked), masked: 2 },
    },
    'suites/api/attempt-1/results/.hidden/plain.txt': {
      size: 10,
      sha256: sha256('\ufeffnothing'),
      uploaded: { size: 10, sha256: sha256('\ufeffnothing'), masked: 0 },
    },
    empty: { size: 0, sha256: sha256(''), uploaded: { size: 0, sha256: sha256(''), masked: 0 } },
  });
  expect(JSON.parse(fs.readFileSync(path.join(made.root, 'manifest.json'), 'utf8'))).toEqual(made.manifest);
  expect(made.files.map((file) => path.relative(made.root, file)).sort()).toEqual([
    'empty',
    'manifest.json',
    'suites/api/attempt-1/console.log',
    'suites/api/attempt-1/results/.hidden/plain.txt',
  ]);
  expect(made.notices).toEqual(['too short to be masked: PIN; give them at least 4 characters']);
  // The user's own bytes stay as they are.
  expect(fs.readFileSync(path.join(run, 'suites/api/attempt-1/console.log'), 'utf8')).toBe(text);
});

test('nobody else of the machine can read it, and nothing is left of it', async () => {
  put('a/b.txt', 'x');
  const made = await make();
  const mode = (name: string): number => fs.statSync(path.join(made.root, name)).mode & 0o777;
  expect([mode('.'), mode('a'), mode('a/b.txt'), mode('manifest.json')]).toEqual([
    0o700, 0o700, 0o600, 0o600,
  ]);
  made.remove();
  expect(fs.existsSync(made.root)).toBe(false);
});

test('a secret across the borders of what is read at once', async () => {
  const text = `${'ä'.repeat(131_070)}x${secret}${'y'.repeat(300_000)}${secret}`;
  put('big.log', text);
  const made = await make();
  expect(fs.readFileSync(path.join(made.root, 'big.log'), 'utf8')).toBe(text.replaceAll(secret, '***'));
});

describe('what is not text', () => {
  test.each([
    ['in UTF-8, with NUL', Buffer.from(`\0${secret}`)],
    ['in UTF-16', Buffer.from(`\ufeff${secret}`, 'utf16le')],
    ['after bytes that are no UTF-8', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(secret)])],
    ['in base64', Buffer.from(`\0${Buffer.from(secret).toString('base64')}`)],
    ['far in', Buffer.concat([Buffer.alloc(600_000), Buffer.from(secret)])],
  ])('is withheld and named when it holds a secret: %s', async (_, bytes) => {
    put('trace.bin', bytes);
    const made = await make();
    expect(entriesOf(made)).toEqual({
      'trace.bin': {
        size: bytes.length,
        sha256: sha256(bytes),
        withheld: 'it is not text and holds a secret',
      },
    });
    expect(fs.readdirSync(made.root)).toEqual(['manifest.json']);
    expect(made.notices[0]).toContain('not uploaded: trace.bin (it is not text and holds a secret)');
  });

  test('is uploaded as it is otherwise', async () => {
    const bytes = Buffer.from([0, 1, 2, 255, 254, 0x80]);
    put('image.png', bytes);
    const made = await make();
    expect(fs.readFileSync(path.join(made.root, 'image.png'))).toEqual(bytes);
    expect(entriesOf(made)['image.png']?.uploaded).toEqual({ size: 6, sha256: sha256(bytes), masked: 0 });
  });

  test('a character cut at the end of a file makes it no text', async () => {
    put('cut.txt', Buffer.concat([Buffer.from(`${secret} `), Buffer.from([0xe2, 0x82])]));
    expect(entriesOf(await make())['cut.txt']?.withheld).toBe('it is not text and holds a secret');
  });
});

test('nothing but regular files of the folder', async () => {
  const outside = folder();
  fs.writeFileSync(path.join(outside, 'private'), 'private');
  put('a.txt', 'a');
  fs.symlinkSync(path.join(outside, 'private'), path.join(run, 'link'));
  fs.symlinkSync(outside, path.join(run, 'links'));
  fs.symlinkSync('nowhere', path.join(run, 'dangling'));
  execFileSync('mkfifo', [path.join(run, 'pipe')]);
  const server = net.createServer().listen(path.join(run, 'socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  try {
    const made = await make();
    expect(made.files.map((file) => path.basename(file)).sort()).toEqual(['a.txt', 'manifest.json']);
    const reasons = Object.entries(entriesOf(made)).map(([name, entry]) => [name, entry.withheld]);
    expect(Object.fromEntries(reasons)).toEqual({
      'a.txt': undefined,
      dangling: 'it is a link',
      link: 'it is a link',
      links: 'it is a link',
      pipe: 'it is not a regular file',
      socket: 'it is not a regular file',
    });
  } finally {
    server.close();
  }
});

test.each([
  ['kubeconfig', 'anything'],
  ['suites/a/my.kubeconfig', 'anything'],
  ['suites/a/kubeconfig.yaml', 'anything'],
  ['suites/a/admin.conf', 'apiVersion: v1\nclusters:\n- name: a\nkind: Config\nusers: []\n'],
  ['suites/a/admin.json', '{\n "kind": "Config",\n "clusters": []\n}'],
])('a kubeconfig is withheld: %s', async (name, text) => {
  put(name, text);
  expect(entriesOf(await make())[name]?.withheld).toBe('it is a kubeconfig');
});

test('a log that speaks of a kubeconfig is none', async () => {
  put('console.log', 'kind: Config is what we print\nclusters: 2\n');
  expect(entriesOf(await make())['console.log']?.withheld).toBeUndefined();
});

test('names hold no secret and nothing that GitHub refuses; two never become one', async () => {
  const flat = maskerOf([['T', 'hunter2!']]);
  put('results/hunter2!.txt', 'one');
  put('results/test[a:b]?.log', 'two');
  put('results/test[a_b]_.log', 'three');
  put('manifest.json', 'four');
  const made = await make({ masker: flat });
  const entries = made.manifest.files.map((e) => [e.path, e.uploadedAs]);
  expect(entries).toEqual([
    ['manifest.json', 'manifest.json~2'],
    ['results/***.txt', 'results/___.txt'],
    ['results/test[a:b]?.log', expect.stringMatching(/^results\/test\[a_b\]_\.log(~2)?$/)],
    ['results/test[a_b]_.log', entries[2]?.[1]?.endsWith('~2') === true ? undefined : expect.any(String)],
  ]);
  for (const file of made.files)
    expect(path.relative(made.root, file)).not.toMatch(/[":<>|*?\\\r\n]|hunter2/);
  const texts = made.files.map((file) => fs.readFileSync(file, 'utf8'));
  expect(texts.filter((text) => text.length < 10).sort()).toEqual(['four', 'one', 'three', 'two']);
  expect(texts.join()).not.toContain('hunter2');
});

test('a folder and a file whose masked names are one: the second is named, the rest is uploaded', async () => {
  const two = maskerOf([
    ['A', 'secret-a'],
    ['B', 'secret-b'],
  ]);
  put('secret-a', 'file');
  put('secret-b/x', 'in folder');
  put('z', 'z');
  const made = await make({ masker: two });
  expect(made.manifest.files.map((e) => e.withheld?.slice(0, 21))).toEqual([
    undefined,
    'it cannot be copied: ',
    undefined,
  ]);
  expect(made.files).toHaveLength(3);
});

describe('limits', () => {
  beforeEach(() => {
    put('summary.md', 'sss');
    put('suites/a/big.log', 'b'.repeat(50));
    put('suites/a/small.xml', 'xx');
    put('cluster/node.log', 'n');
  });
  const uploaded = (made: Awaited<ReturnType<typeof make>>): string[] =>
    made.manifest.files.flatMap((e) => (e.withheld === undefined ? [e.path] : []));
  const limit = { files: 100, bytes: 1000, ms: 60_000 };

  test.each([
    [{ ...limit, files: 2 }, ['suites/a/small.xml', 'summary.md']],
    [{ ...limit, bytes: 20 }, ['cluster/node.log', 'suites/a/small.xml', 'summary.md']],
    [{ ...limit, ms: -1 }, []],
  ])('%j: the run’s own files first, then the suites’, the small ones first', async (limits, expected) => {
    const made = await make({ limits });
    expect(uploaded(made)).toEqual(expected);
    const left = 4 - expected.length;
    expect(made.notices).toContainEqual(
      `${left} files are not uploaded, because the limit of an upload was reached; manifest.json of the artifact names them`,
    );
  });
});

test('a folder that cannot be read leaves no copy behind', async () => {
  const parent = folder();
  await expect(makeUploadFolder({ folder: path.join(run, 'none'), parent, masker })).rejects.toThrow(
    'ENOENT',
  );
  expect(fs.readdirSync(parent)).toEqual([]);
});
