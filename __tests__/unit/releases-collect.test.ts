import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EventBody } from '../../src/model/events.ts';
import type { KubeExecRequest } from '../../src/model/kube.ts';
import type { CollectPlan } from '../../src/model/plan.ts';
import { collectRelease, selectorOf } from '../../src/releases/collect.ts';
import { tarReader, type TarEntry } from '../../src/tools/tar.ts';
import { safeTarget, unpackInto } from '../../src/releases/unpack.ts';
import { aRelease, FakeCluster } from './support/phases.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-collect-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** One block that begins an entry. */
function header(name: string, size: number, flag = '0', link = ''): Buffer {
  const bytes = Buffer.alloc(512);
  bytes.write(name.slice(0, 100), 0);
  bytes.write('0000644\0', 100);
  bytes.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  bytes.write('        ', 148);
  bytes.write(flag, 156);
  bytes.write(link, 157);
  bytes.write('ustar\x0000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}
const entry = (name: string, content: string, flag = '0', link = ''): Buffer => {
  const data = Buffer.from(content);
  return Buffer.concat([
    header(name, data.length, flag, link),
    data,
    Buffer.alloc((512 - (data.length % 512)) % 512),
  ]);
};
const archive = (...entries: Buffer[]): Buffer => Buffer.concat([...entries, Buffer.alloc(1024)]);

async function unpack(bytes: Buffer, limits = { files: 100, bytes: 1e6 }, piece = bytes.length) {
  const target = path.join(folder, 'out');
  fs.mkdirSync(target, { recursive: true });
  const unpacked = unpackInto(target, limits);
  const reader = tarReader(unpacked.sink);
  for (let at = 0; at < bytes.length; at += piece) await reader.push(bytes.subarray(at, at + piece));
  await unpacked.close();
  const files = Object.fromEntries(
    unpacked.files.map((file) => [path.relative(target, file), fs.readFileSync(file, 'utf8')]),
  );
  return { files, notices: unpacked.notices, whole: reader.finish().whole, target };
}

describe('unpacking an archive that nobody trusts', () => {
  test.each([1, 7, 511, 512, 513, 100_000])('files and folders, in pieces of %i bytes', async (piece) => {
    const bytes = archive(
      header('a/', 0, '5'),
      entry('a/b.txt', 'x'.repeat(700)),
      entry('./c', ''),
      entry('d', 'y'.repeat(512)),
    );
    const { files, whole, notices } = await unpack(bytes, undefined, piece);
    expect(files).toEqual({ 'a/b.txt': 'x'.repeat(700), c: '', d: 'y'.repeat(512) });
    expect({ whole, notices }).toEqual({ whole: true, notices: [] });
  });

  test.each([
    ['../out-of-it', 'leads out'],
    ['/etc/passwd', 'leads out'],
    ['a/../../b', 'leads out'],
    ['a\\..\\b', 'leads out'],
  ])('%s stays outside', async (name, why) => {
    const { files, notices } = await unpack(archive(entry(name, 'evil'), entry('good', 'g')));
    expect(files).toEqual({ good: 'g' });
    expect(notices[0]).toContain(why);
    expect(fs.readdirSync(folder)).toEqual(['out']);
  });

  test.each([
    ['2', 'a symbolic link'],
    ['1', 'a hard link'],
    ['3', 'a device'],
    ['6', 'a named pipe'],
  ])('an entry of type %s is left out', async (flag, what) => {
    const { files, notices } = await unpack(
      archive(entry('link', '', flag, '/etc/passwd'), entry('after', 'a')),
    );
    expect(files).toEqual({ after: 'a' });
    expect(notices).toEqual([`link: ${what}`]);
  });

  test('a link whose size is a lie does not shift what follows', async () => {
    const { files } = await unpack(archive(header('link', 4096, '2', 'x'), entry('after', 'a')));
    expect(files).toEqual({ after: 'a' });
  });

  test('nothing is written through a link that stands in the folder', async () => {
    const outside = path.join(folder, 'outside');
    fs.writeFileSync(outside, 'mine');
    fs.mkdirSync(path.join(folder, 'out'));
    fs.symlinkSync(outside, path.join(folder, 'out/victim'));
    const { files, notices } = await unpack(archive(entry('victim', 'evil')));
    expect(files).toEqual({});
    expect(notices[0]).toMatch(/^victim: .*EEXIST/);
    expect(fs.readFileSync(outside, 'utf8')).toBe('mine');
  });

  test('the first of two entries of a name stays', async () =>
    expect((await unpack(archive(entry('a', '1'), entry('a', '2')))).files).toEqual({ a: '1' }));

  test('too many files and too many bytes are left out, and said', async () => {
    const bytes = archive(entry('a', '1'), entry('b', '2'.repeat(900)), entry('c', '3'));
    expect((await unpack(bytes, { files: 100, bytes: 500 })).files).toEqual({ a: '1', c: '3' });
    fs.rmSync(path.join(folder, 'out'), { recursive: true });
    const few = await unpack(bytes, { files: 1, bytes: 1e6 });
    expect(few.files).toEqual({ a: '1' });
    expect(few.notices).toEqual(['b: more than 1 files', 'c: more than 1 files']);
  });

  test('an archive that is cut is not whole, and its last file is not listed', async () => {
    const { files, whole, notices } = await unpack(
      archive(entry('a', '1'), entry('b', 'x'.repeat(5000))).subarray(0, 3000),
    );
    expect({ files, whole }).toEqual({ files: { a: '1' }, whole: false });
    expect(notices).toEqual(['b: cut off']);
  });

  test('what is no archive is refused', () =>
    expect(unpack(Buffer.from('x'.repeat(600)))).rejects.toThrow('no tar archive'));
  test('an entry of impossible size is refused', () => {
    const bytes = header('a', 0, 'x');
    return expect(unpack(archive(entry('p', '18 size=-999999999\n', 'x'), bytes))).rejects.toThrow(
      'impossible',
    );
  });

  test('whatever bytes come, nothing is written outside and nothing hangs', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.nat(1023), async (bytes, cut) => {
        const good = archive(entry('a/b', 'content'), entry('../x', 'evil'));
        const mixed = Buffer.concat([good.subarray(0, cut), Buffer.from(bytes), good.subarray(cut)]);
        await unpack(mixed).catch(() => undefined);
        expect(fs.readdirSync(folder)).toEqual(['out']);
        fs.rmSync(path.join(folder, 'out'), { recursive: true });
      }),
      { numRuns: 100 },
    ));

  test.each(['gnu', 'pax', 'ustar'])('what tar itself writes, format %s', async (format) => {
    const source = path.join(folder, 'source');
    const long = format === 'ustar' ? 'd'.repeat(90) : 'd'.repeat(180);
    fs.mkdirSync(path.join(source, long), { recursive: true });
    fs.writeFileSync(path.join(source, long, 'ü.txt'), 'umlaut');
    fs.writeFileSync(path.join(source, long, 'empty'), '');
    fs.writeFileSync(path.join(source, 'big'), 'z'.repeat(100_000));
    const bytes = execFileSync('tar', ['cf', '-', `--format=${format}`, '-C', folder, 'source'], {
      maxBuffer: 1e8,
    });
    const { files, whole } = await unpack(bytes, undefined, 3000);
    expect(whole).toBe(true);
    expect(files).toEqual({
      [`source/${long}/ü.txt`]: 'umlaut',
      [`source/${long}/empty`]: '',
      'source/big': 'z'.repeat(100_000),
    });
  });
});

test.each([
  ['a/b', '/f/a/b'],
  ['./a//b/.', '/f/a/b'],
  ['.', '/f'],
  ['..', undefined],
  ['a/..', undefined],
  ['..a', '/f/..a'],
  ['a\0b', undefined],
])('where %j goes', (name, target) => expect(safeTarget('/f', name)).toBe(target));

test('an entry is told with size and kind', async () => {
  const seen: TarEntry[] = [];
  const reader = tarReader({
    begin: (item) => {
      seen.push(item);
      return Promise.resolve(false);
    },
    content: () => Promise.reject(new Error('not wanted')),
    end: () => Promise.reject(new Error('not wanted')),
  });
  await reader.push(archive(entry('a', 'abc'), header('d/', 0, '5')));
  expect(seen).toEqual([
    { name: 'a', size: 3, type: 'file', flag: '0' },
    { name: 'd/', size: 0, type: 'folder', flag: '5' },
  ]);
});

describe('collecting', () => {
  const pod = (name: string, ready = true): object => ({
    metadata: { name },
    spec: { containers: [{ name: 'main' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  });
  const deployment = {
    spec: { selector: { matchLabels: { app: 'api' }, matchExpressions: [{ key: 'x', operator: 'Exists' }] } },
  };
  type Play = (request: KubeExecRequest) => Promise<number>;
  async function collect(
    play: Play,
    entries: CollectPlan[],
    pods = [pod('api-1'), pod('api-2'), pod('api-3', false)],
  ) {
    const asked: string[] = [];
    const queries: string[] = [];
    const events: EventBody[] = [];
    const cluster = new FakeCluster({
      get: <T>({ kind, name }: { kind: string; name: string }) =>
        Promise.resolve(
          (name === 'api' ? deployment : kind === 'Pod' ? pods[0] : undefined) as T | undefined,
        ),
      list: <T>(query: { labelSelector?: string }) => {
        queries.push(query.labelSelector ?? '');
        return Promise.resolve(pods as T[]);
      },
      exec: async (request) => {
        asked.push(`${request.pod} ${request.container}: ${request.argv.join(' ')}`);
        return { exitCode: await play(request) };
      },
    });
    const release = { ...aRelease, collect: entries };
    const signal = new AbortController().signal;
    const files = await collectRelease({
      kube: cluster.kube,
      release,
      outDir: folder,
      signal,
      emit: (e) => events.push(e),
    });
    const found = files.map(({ pod: from, path: file }) => [
      from,
      path.relative(folder, file),
      fs.readFileSync(file, 'utf8'),
    ]);
    return {
      asked,
      queries,
      found,
      notices: events.map((event) => (event.type === 'notice' ? event.text : '')),
    };
  }
  const tars: Play = async (request) => {
    if (request.argv[0] === 'tar') await request.onStdout(archive(entry('cov/data', request.pod)));
    return 0;
  };
  const from = 'deployment/api';

  test('the command and the files of each ready pod', async () => {
    const { asked, queries, found, notices } = await collect(tars, [
      { from, path: '/var/cov', command: 'kill -USR1 1' },
    ]);
    expect(queries).toEqual(['app=api,x']);
    expect(asked.filter((line) => line.startsWith('api-1'))).toEqual([
      'api-1 main: /bin/sh -c kill -USR1 1',
      'api-1 main: tar cf - -C /var cov',
    ]);
    expect(found).toEqual([
      ['api-1', 'api-1/cov/data', 'api-1'],
      ['api-2', 'api-2/cov/data', 'api-2'],
    ]);
    expect(notices).toEqual([]);
  });

  test('one pod by name, with a container and an argv', async () => {
    const { asked } = await collect(tars, [
      { from: 'pod/api-1', container: 'side', path: '/x', command: ['a b'] },
    ]);
    expect(asked).toEqual(['api-1 side: a b', 'api-1 side: tar cf - -C / x']);
  });

  test.each<[string, Play]>([
    ['an exit code', () => Promise.resolve(127)],
    [
      'an error of the runtime',
      () => Promise.reject(new Error('exec failed: "tar": executable file not found in $PATH')),
    ],
  ])('without tar (%s) a file comes by cat', async (_what, noTar) => {
    const { found, notices } = await collect(
      async (request) => {
        if (request.argv[0] === 'tar') return noTar(request);
        await request.onStdout(Buffer.from('by cat'));
        return 0;
      },
      [{ from: 'pod/api-1', path: '/x/file.txt' }],
    );
    expect(found).toEqual([['api-1', 'api-1/file.txt', 'by cat']]);
    expect(notices).toEqual([]);
  });

  test.each<[string, Play, CollectPlan, string]>([
    [
      'the path is not there',
      async (r) => (r.onStderr?.(Buffer.from('tar: x: Cannot stat\nmore')), 2),
      { from: 'pod/api-1', path: '/x' },
      'tar: x: Cannot stat',
    ],
    [
      'the command fails, the files come all the same',
      async (r) => (r.argv[0] === 'tar' ? tars(r) : 3),
      { from: 'pod/api-1', path: '/x', command: ['c'] },
      'exit code 3',
    ],
    [
      'neither tar nor cat',
      () => Promise.reject(new Error('executable file not found')),
      { from: 'pod/api-1', path: '/x' },
      'neither tar nor cat',
    ],
    ['no such workload', tars, { from: 'statefulset/none', path: '/x' }, 'there is no StatefulSet none'],
    [
      'the archive is cut',
      async (r) => (await r.onStdout(archive(entry('a', 'x'.repeat(900))).subarray(0, 700)), 0),
      { from: 'pod/api-1', path: '/x' },
      'came without its end',
    ],
    [
      'the connection is lost',
      () => Promise.reject(new Error('socket closed')),
      { from: 'pod/api-1', path: '/x' },
      'socket closed',
    ],
  ])('%s: a notice, no verdict', async (_what, play, plan, text) => {
    const { notices } = await collect(play, [plan]);
    expect(notices.join('\n')).toContain(text);
  });

  test('an archive that is cut once is fetched again', async () => {
    let times = 0;
    const play: Play = async (r) => {
      const bytes = archive(entry('file.txt', 'x'.repeat(900)));
      times += 1;
      await r.onStdout(times === 1 ? bytes.subarray(0, 700) : bytes);
      return 0;
    };
    const { found, notices } = await collect(play, [{ from: 'pod/api-1', path: '/x' }]);
    expect(times).toBe(2);
    expect(found.map(([, file]) => file)).toEqual(['api-1/file.txt']);
    expect(notices.filter((text) => !text.includes('cut off'))).toEqual([]);
  });

  test('no ready pod is a notice', async () => {
    const { notices } = await collect(tars, [{ from, path: '/x' }], [pod('api-1', false)]);
    expect(notices).toEqual(['/x of deployment/api (release shop) was not collected: no pod of it is ready']);
  });

  test('many left out are one notice', async () => {
    const links = Array.from({ length: 9 }, (_, i) => entry(`l${String(i)}`, '', '2', 'x'));
    const { notices } = await collect(
      async (r) => (await r.onStdout(archive(...links)), 0),
      [{ from: 'pod/api-1', path: '/x' }],
    );
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/l0: a symbolic link, l1: .* and 6 more$/);
  });
});

test('selectors with expressions', () => {
  const matchExpressions = [
    { key: 'a', operator: 'In', values: ['1', '2'] },
    { key: 'b', operator: 'NotIn', values: ['3'] },
    { key: 'c', operator: 'DoesNotExist' },
  ];
  const workload = { apiVersion: 'apps/v1', kind: 'Deployment', spec: { selector: { matchExpressions } } };
  expect(selectorOf(workload)).toBe('a in (1,2),b notin (3),!c');
});
