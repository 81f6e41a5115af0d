import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { acknowledge, holdUntil } from '../../src/suites/collect/ask.ts';
import { collect, type CollectOptions } from '../../src/suites/collect/collect.ts';
import { KubeError } from '../../src/kube/error.ts';
import type { Kube } from '../../src/model/kube.ts';
import { folder, removeFolders } from './support/folder.ts';
import { FakeKetRun, inResults, inState, type PodFile } from './support/ket-run.ts';
import { FakeCluster } from './support/phases.ts';

afterEach(removeFolders);

const options = (ketRun: FakeKetRun, over: Partial<CollectOptions> = {}): CollectOptions => ({
  kube: new FakeCluster({ exec: ketRun.exec }).kube,
  container: { namespace: 'n', pod: 'p', container: 'ket' },
  outDir: path.join(folder(), 'attempt-1'),
  caps: { bytes: 2 ** 32, fileBytes: 2 ** 20, files: 9 },
  signal: new AbortController().signal,
  ...over,
});

/** Every file below a folder, with its text. */
function tree(root: string): Record<string, string> {
  const files = fs.readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    files
      .filter((name) => fs.statSync(path.join(root, name)).isFile())
      .map((name) => [name, fs.readFileSync(path.join(root, name), 'utf8')]),
  );
}

const files: readonly PodFile[] = [
  inState('record.json', '{"v":1}'),
  inState('console.log', 'one\ntwo\n'),
  inResults('junit.xml', '<testsuite/>'),
  inResults('empty', ''),
  inResults('deep/er/shot.png', '\u0000\u0001bytes'),
  inResults('also-empty', ''),
  inState('usage.ndjson', '{}\n'),
  inState('put-there-by-a-test', 'x'),
];
const home: Record<string, string> = {
  'record.json': '{"v":1}',
  'console.log': 'one\ntwo\n',
  'results/junit.xml': '<testsuite/>',
  'results/empty': '',
  'results/deep/er/shot.png': '\u0000\u0001bytes',
  'results/also-empty': '',
  'usage.ndjson': '{}\n',
  'state/put-there-by-a-test': 'x',
};
const total = files.reduce((sum, file) => sum + file.bytes.length, 0);

describe('bringing results home', () => {
  test('the whole tree, readable by its owner alone; nothing is acknowledged yet', async () => {
    const ketRun = new FakeKetRun(files);
    const opts = options(ketRun);
    const collected = await collect(opts);
    expect(tree(opts.outDir)).toEqual(home);
    expect(collected).toMatchObject({ files: files.length, bytes: total, missing: [] });
    expect(ketRun.calls).toEqual(['deliver']);
    expect(ketRun.words).toEqual([]);
    expect(ketRun.argvs[0]).toEqual([
      ...['/ket/bin/ket-run', 'deliver', '--state', '/ket/state', '--results', '/results'],
      ...['--most-file-bytes', '1048576', '--most-bytes', '4294967296', '--most-files', '9'],
    ]);
    expect(fs.statSync(path.join(opts.outDir, 'results/junit.xml')).mode & 0o777).toBe(0o600);
  });

  test('no results at all are no error', async () => {
    const ketRun = new FakeKetRun([]);
    expect(await collect(options(ketRun))).toMatchObject({ files: 0, bytes: 0, missing: [] });
    expect(ketRun.calls).toEqual(['deliver']);
  });

  test.each([false, true])(
    'cut at every offset, and taken up there (reported as success: %s)',
    async (quietly) => {
      for (let after = 0; after < total; after++) {
        const ketRun = new FakeKetRun(files);
        ketRun.cut = (what, time) => (what === 'bytes' && time === 0 ? { after, quietly } : undefined);
        const opts = options(ketRun);
        expect((await collect(opts)).missing).toEqual([]);
        expect(tree(opts.outDir)).toEqual(home);
        expect(ketRun.calls).toEqual(['deliver', `stream ${after}`]);
      }
    },
  );

  test('cut again and again, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ after: fc.integer({ min: 1, max: 20 }), quietly: fc.boolean() }), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 64 }),
        async (cuts, piece) => {
          const ketRun = new FakeKetRun(files);
          ketRun.piece = piece;
          ketRun.cut = (what, time) => (what === 'bytes' ? cuts[time] : undefined);
          const opts = options(ketRun);
          expect((await collect(opts)).missing).toEqual([]);
          expect(tree(opts.outDir)).toEqual(home);
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([false, true])(
    'no byte in five tries is an error that says how much is missing (quietly: %s)',
    async (quietly) => {
      const ketRun = new FakeKetRun(files);
      ketRun.cut = (what, time) => (what === 'bytes' ? { after: time === 0 ? 10 : 0, quietly } : undefined);
      const error = await collect(options(ketRun)).catch((e: unknown) => e);
      expect(String(error)).toMatch(
        quietly ? new RegExp(`end ${total - 10} bytes early`) : /connection was cut/,
      );
      expect(ketRun.calls.filter((c) => c.startsWith('stream'))).toHaveLength(5);
    },
  );

  test('a file has its name when it is whole, at every moment; what came of the last is set aside', async () => {
    for (let after = 0; after < total; after++) {
      const ketRun = new FakeKetRun(files);
      ketRun.piece = 1;
      const opts = options(ketRun);
      let seen: Record<string, string> = {};
      ketRun.cut = (what, time) => {
        if (what === 'bytes' && time === 1 && fs.existsSync(opts.outDir)) seen = tree(opts.outDir);
        return what === 'bytes' ? { after: time === 0 ? after : 0 } : undefined;
      };
      await expect(collect(opts)).rejects.toThrow();
      const { arriving = '', ...whole } = seen;
      const left = tree(opts.outDir);
      const part = Object.entries(left).filter(([name]) => name.endsWith('.part'));
      expect(part.map(([, bytes]) => bytes)).toEqual(arriving === '' ? [] : [arriving]);
      for (const [name, bytes] of part) expect(home[name.slice(0, -5)]).toMatch(bytes);
      for (const [name] of part) Reflect.deleteProperty(left, name);
      expect(left).toEqual(whole);
      expect(home).toMatchObject(whole);
    }
  });

  test('ket-run that ends with an error is an error with its words', async () => {
    const ketRun = new FakeKetRun(files);
    ketRun.cut = (what) => (what === 'bytes' ? { after: 3 } : undefined);
    ketRun.exitCode = (command) => (command === 'stream' ? 1 : 0);
    await expect(collect(options(ketRun))).rejects.toThrow(
      'ket-run stream: exit code 1: ket-run: stream went wrong',
    );
  });

  test('a manifest that is cut is asked for again', async () => {
    const whole = new FakeKetRun(files).manifest().length;
    for (const after of [0, 1, 100, whole - 1]) {
      const ketRun = new FakeKetRun(files);
      ketRun.cut = (what, time) => (what === 'list' && time < 2 ? { after, quietly: time === 0 } : undefined);
      const opts = options(ketRun);
      await collect(opts);
      expect(tree(opts.outDir)).toEqual(home);
      expect(ketRun.calls).toEqual(['deliver', 'deliver', 'deliver']);
    }
  });

  test('a manifest that never comes whole is an error, and nothing is written', async () => {
    const ketRun = new FakeKetRun(files);
    ketRun.cut = () => ({ after: 100, quietly: true });
    const opts = options(ketRun);
    await expect(collect(opts)).rejects.toThrow(/no whole list of the results after 5 tries/);
    expect(fs.existsSync(opts.outDir)).toBe(false);
  });

  test('a file that changed while it was read is set aside and named', async () => {
    const changed: PodFile = {
      ...inResults('junit.xml', '<testsuite/>'),
      later: Buffer.from('<testsuit'.padEnd(12, '\0')),
    };
    const ketRun = new FakeKetRun([inResults('a', 'a'), changed, inResults('b', 'b')]);
    const opts = options(ketRun);
    const collected = await collect(opts);
    expect(collected.missing).toEqual(['results/junit.xml: it changed while it was read']);
    expect(collected.files).toBe(2);
    expect(Object.keys(tree(opts.outDir))).toEqual(['results/a', 'results/b', 'results/junit.xml.changed']);
  });

  test('what ket-run could not read is named', async () => {
    const ketRun = new FakeKetRun(files);
    ketRun.more = [{ type: 'error', root: 'results', path: 'private', error: 'permission denied' }];
    expect((await collect(options(ketRun))).missing).toEqual(['private: permission denied']);
  });

  test('what ket-run left out is missing, first how many files and over which caps', async () => {
    const ketRun = new FakeKetRun(files);
    const left = (path: string, error: string): object => ({ type: 'error', root: 'results', path, error });
    ketRun.more = [
      left('big.bin', 'left out: over the cap of one file'),
      left('', '41 files left out over the caps'),
    ];
    const { missing } = await collect(options(ketRun));
    expect(missing).toEqual([
      '41 files left out over the caps (`caps`: 9 files, 4Gi in all, 1Mi a file)',
      'big.bin: left out: over the cap of one file',
    ]);
    ketRun.more = [left('', 'Permission denied')];
    expect((await collect(options(ketRun))).missing).toEqual(['results: Permission denied']);
  });

  test.each(['../escape', '/etc/passwd', 'a/../../b', 'a//b', './a', ''])(
    'a path that leads out of its folder is refused: "%s"',
    async (name) => {
      const ketRun = new FakeKetRun([inResults(name, 'x')]);
      const opts = options(ketRun);
      await expect(collect(opts)).rejects.toThrow(/a path that is refused/);
      expect(fs.existsSync(opts.outDir)).toBe(false);
    },
  );

  test('nothing is written through a link or over a file that is there', async () => {
    const opts = options(new FakeKetRun([inResults('junit.xml', 'new')]));
    const mine = path.join(folder(), 'mine');
    fs.writeFileSync(mine, 'mine');
    fs.mkdirSync(path.join(opts.outDir, 'results'), { recursive: true });
    fs.symlinkSync(mine, path.join(opts.outDir, 'results', 'junit.xml'));
    await expect(collect(opts)).rejects.toThrow(/EEXIST/);
    expect(fs.readFileSync(mine, 'utf8')).toBe('mine');
  });

  test('after an abort nothing is tried again', async () => {
    const ketRun = new FakeKetRun(files);
    const stop = new AbortController();
    ketRun.cut = (what) => {
      if (what === 'bytes') stop.abort(new Error('stop'));
      return what === 'bytes' ? { after: 3 } : undefined;
    };
    await expect(collect(options(ketRun, { signal: stop.signal }))).rejects.toThrow();
    expect(ketRun.calls).toEqual(['deliver']);
  });
});

describe('what each connection is asked for', () => {
  test('a connection that is silent is given up after half a minute, in the sidecar, with the signal', async () => {
    const ketRun = new FakeKetRun(files);
    const asked: object[] = [];
    const exec: FakeKetRun['exec'] = (request) => {
      const { container, pod, namespace, idleMs } = request;
      asked.push({ container, pod, namespace, idleMs });
      return ketRun.exec(request);
    };
    ketRun.cut = (what, time) => (what === 'bytes' && time === 0 ? { after: 3 } : undefined);
    await collect(options(ketRun, { kube: new FakeCluster({ exec }).kube }));
    const want = { namespace: 'n', pod: 'p', container: 'ket', idleMs: 30_000 };
    expect(asked).toEqual([want, want]);
  });

  test('silence is like a cut: taken up where it was', async () => {
    const ketRun = new FakeKetRun(files);
    let calls = 0;
    const exec: FakeKetRun['exec'] = async (request) => {
      if (++calls > 1) return ketRun.exec(request);
      await request.onStdout(Buffer.concat([ketRun.manifest(), Buffer.from('{"v"')]));
      throw new Error('the API server was silent for 30 s');
    };
    const opts = options(ketRun, { kube: new FakeCluster({ exec }).kube });
    await collect(opts);
    expect(tree(opts.outDir)).toEqual(home);
    expect(ketRun.calls).toEqual(['stream 4']);
  });
});

describe('letting the pod go', () => {
  test('what becomes of it is said over the connection that brought the results', async () => {
    const ketRun = new FakeKetRun(files);
    const { tell } = await collect(options(ketRun));
    expect(await tell('keep 12')).toBe(true);
    expect(ketRun.words).toEqual(['keep 12\n']);
  });

  test.each([
    [0, true],
    [1, false],
    [6, false],
    // Killed with its container: the sidecar left at once.
    [137, true],
  ])('its answer: exit code %i', async (code, heard) => {
    const ketRun = new FakeKetRun(files);
    ketRun.exitCode = (command) => (command === 'word' ? code : 0);
    const { tell } = await collect(options(ketRun));
    expect(await tell('ack')).toBe(heard);
  });

  test('a connection that is over, well or not, hears nothing any more', async () => {
    for (const quietly of [false, true]) {
      const ketRun = new FakeKetRun(files);
      ketRun.cut = (what, time) => (what === 'bytes' && time === 0 ? { after: total, quietly } : undefined);
      const { tell, missing } = await collect(options(ketRun));
      expect(missing).toEqual([]);
      await new Promise(setImmediate);
      expect(await tell('ack')).toBe(false);
    }
  });

  test('the acknowledgement names the manifest that was read', async () => {
    const ketRun = new FakeKetRun(files);
    await acknowledge(options(ketRun), 'abc');
    expect(ketRun.argvs).toEqual([['/ket/bin/ket-run', 'ack', '--state', '/ket/state', '--manifest', 'abc']]);
  });

  test('it is tried five times, then it is an error', async () => {
    const ketRun = new FakeKetRun(files);
    ketRun.exitCode = (_command, call) => (call < 4 ? 1 : 0);
    await acknowledge(options(ketRun), 'abc');
    expect(ketRun.calls).toHaveLength(5);
    ketRun.exitCode = () => 4;
    await expect(acknowledge(options(ketRun), 'abc')).rejects.toThrow(/ack: exit code 4/);
    expect(ketRun.calls).toHaveLength(10);
  });

  test('a kubelet that is away for seconds is waited for', async () => {
    const ketRun = new FakeKetRun(files);
    const began = performance.now();
    // As the API server says it: it reaches the node, where nobody listens.
    const away = new KubeError('dial tcp 10.0.0.1:10250: connect: connection refused', {
      status: 500,
      reason: 'InternalError',
      where: 'exec',
    });
    const exec: Kube['exec'] = (request) =>
      performance.now() - began < 800 ? Promise.reject(away) : ketRun.exec(request);
    const access = { ...options(ketRun), kube: new FakeCluster({ exec }).kube };
    await acknowledge(access, 'abc');
    expect((await collect({ ...access, outDir: path.join(folder(), 'b') })).missing).toEqual([]);
    const gone = new KubeError('pods "p" not found', { status: 404, reason: 'NotFound', where: 'exec' });
    const from = performance.now();
    const nobody = new FakeCluster({ exec: () => Promise.reject(gone) }).kube;
    await expect(acknowledge({ ...access, kube: nobody }, 'abc')).rejects.toThrow(/not found/);
    expect(performance.now() - from).toBeLessThan(500);
  });

  test('kept until a moment', async () => {
    const ketRun = new FakeKetRun(files);
    await holdUntil(options(ketRun), 1234.6);
    expect(ketRun.argvs[0]?.slice(-2)).toEqual(['--until', '1235']);
  });
});
