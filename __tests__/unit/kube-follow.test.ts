import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { KubeError } from '../../src/kube/error.ts';
import type { Timings } from '../../src/kube/timings.ts';
import type { FollowedLine, FollowEnd, FollowOptions } from '../../src/model/kube.ts';
import { LogCursor } from '../../src/kube/log-cursor.ts';
import { Stamps } from '../../src/kube/log-line.ts';
import { eventually, FakeServer, hang, json, pause, reset, status, warmUp } from './kube-fake.ts';
import type { Handler } from './kube-fake.ts';
import type { Play } from './kube-fake-log.ts';
import { FakeLog, stampOf } from './kube-fake-log.ts';

const path = '/api/v1/namespaces/a/pods/p/log';
const container = { namespace: 'a', pod: 'p', container: 'c' };
const ms = 1e6;

let fake: FakeServer;
let lines: FollowedLine[];
let log: FakeLog;

const texts = (): string[] => lines.map(({ text }) => text);

/** Follows the log that these plays make. */
async function start(
  plays: readonly Play[],
  timings: Partial<Timings> = {},
  more: Pick<FollowOptions, 'room'> = {},
): Promise<Promise<FollowEnd>[]> {
  log = new FakeLog(plays);
  fake.on('GET', path, log.handler);
  const kube = await fake.kube(timings);
  return [
    kube.follow(container, {
      onLine: (line) => lines.push(line),
      finished: () => log.finished,
      signal: AbortSignal.timeout(4000),
      ...more,
    }),
  ];
}

beforeAll(warmUp, 60_000);
beforeEach(async () => {
  lines = [];
  fake = await FakeServer.start();
});
afterEach(() => fake.stop());

describe('a healthy stream', () => {
  test('lines come at once, with number and stamp; the end is the end of the container', async () => {
    const [end] = await start([]);
    await pause(30);
    const printed = performance.now();
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    expect(performance.now() - printed).toBeLessThan(500);
    log.print(stampOf(2), '');
    log.print(stampOf(3), 'three\r');
    await pause(20);
    log.finish();
    expect(await end).toEqual({ lines: 3, complete: true, notices: [] });
    expect(lines).toEqual([
      { seq: 0, printed: '2026-01-01T00:00:00.000000001Z', text: 'one' },
      { seq: 1, printed: '2026-01-01T00:00:00.000000002Z', text: '' },
      { seq: 2, printed: '2026-01-01T00:00:00.000000003Z', text: 'three' },
    ]);
    expect(Object.fromEntries(log.asked[0] ?? [])).toEqual({
      container: 'c',
      timestamps: 'true',
      follow: 'true',
    });
  });

  test('while its reader is behind nothing more is read, for longer than a silence may last, and nothing is lost', async () => {
    let caughtUp = (): void => undefined;
    let behind: Promise<void> | undefined = new Promise((resolve) => {
      caughtUp = () => {
        behind = undefined;
        resolve();
      };
    });
    const [end] = await start([], { logIdleMs: 50, drainIdleMs: 50 }, { room: () => behind });
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    // On a slow machine there was a silence before that line, and with it another read.
    const asked = log.asked.length;
    log.print(stampOf(2), 'two');
    await pause(200);
    expect(texts()).toEqual(['one']);
    expect(log.asked).toHaveLength(asked);
    caughtUp();
    await eventually('second line', () => lines.length === 2);
    log.finish();
    expect(await end).toMatchObject({ lines: 2, complete: true });
  });

  test('a container that has ended before: everything is read', async () => {
    const [end] = await start([]);
    log.print(stampOf(1), 'one');
    log.finish();
    expect(await end).toMatchObject({ lines: 1, complete: true });
  });

  test('the last line without newline, and what is printed while the stream does not end', async () => {
    const [end] = await start([]);
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    log.finish(true);
    log.print(stampOf(2), 'two', false);
    expect(await end).toMatchObject({ lines: 2, complete: true });
    expect(texts()).toEqual(['one', 'two']);
  });

  test('long lines, invalid UTF-8, and a character that is cut between two chunks', async () => {
    const [end] = await start([]);
    const long = 'ü'.repeat(50_000);
    log.print(stampOf(1), long);
    log.print(stampOf(2), Buffer.from([0x61, 0xff, 0x62, 0x00]));
    log.print(stampOf(3), 'x'.repeat(3 * 1024 * 1024));
    log.finish();
    const { complete, notices } = await (end ?? Promise.reject(new Error('no follow')));
    expect(complete).toBe(true);
    expect(texts().slice(0, 2)).toEqual([long, 'a\uFFFDb\0']);
    expect(lines[2]?.text.length).toBeGreaterThan(1_000_000);
    expect(notices).toEqual([expect.stringContaining('shortened')]);
  });
});

describe('reconnects', () => {
  test('end of the stream while the container runs: goes on, and asks only for what is new', async () => {
    const [end] = await start([{ as: 'eof', afterLines: 2 }]);
    for (let n = 0; n < 4; n += 1) log.print(stampOf(n * 2000 * ms), `line ${n}`);
    await eventually('all lines', () => lines.length === 4);
    log.finish();
    expect(await end).toEqual({ lines: 4, complete: true, notices: [] });
    expect(log.asked[1]?.get('sinceTime')).toBe('2026-01-01T00:00:01Z');
  });

  test('several lines with one stamp, equal ones too, across a cut: each exactly once', async () => {
    // Four lines of 35 bytes, cut in the middle of the third.
    const [end] = await start([
      { as: 'cut', afterBytes: 90 },
      { as: 'cut', afterBytes: 120 },
    ]);
    for (const text of ['same', 'same', 'same', 'also']) log.print(stampOf(5), text);
    await eventually('all lines', () => lines.length === 4);
    log.print(stampOf(5), 'same');
    log.finish();
    expect(await end).toMatchObject({ lines: 5, complete: true });
    expect(texts()).toEqual(['same', 'same', 'same', 'also', 'same']);
  });

  test('a piece of a line that was cut is not a line', async () => {
    const [end] = await start([{ as: 'cut', afterBytes: 33 }]);
    log.print(stampOf(1), 'a line that is cut');
    await eventually('line', () => lines.length === 1);
    log.finish();
    await end;
    expect(texts()).toEqual(['a line that is cut']);
  });

  test('nor is one at an end that looks proper, as long as the container may go on with it', async () => {
    const half: Handler = (_request, response) => response.end(`${stampOf(1)} par`);
    const [end] = await start([{ as: 'instead', handler: half }]);
    await pause(40);
    log.print(stampOf(1), 'partial');
    await eventually('line', () => lines.length === 1);
    log.finish();
    expect(await end).toMatchObject({ lines: 1, complete: true });
    expect(texts()).toEqual(['partial']);
  });

  test('nor when the last read of a terminated container is cut', async () => {
    const [end] = await start([{ as: 'normal' }, { as: 'cut', afterBytes: 33 }]);
    log.print(stampOf(1), 'a line that is cut');
    await eventually('line', () => lines.length === 1);
    log.finish();
    expect(await end).toMatchObject({ lines: 1, complete: true });
    expect(texts()).toEqual(['a line that is cut']);
  });

  test('more lines in a second than are kept: still each exactly once', () => {
    const cursor = new LogCursor();
    const stamps = new Stamps();
    const all = Array.from({ length: 130_000 }, (_, n) =>
      stamps.parse(Buffer.from(`${stampOf(n * 8000)} ${n}`)),
    );
    const take = (count: number, from = ''): number =>
      all.slice(0, count).filter((line) => line !== undefined && line.printed >= from && cursor.accept(line))
        .length;
    expect(take(120_000)).toBe(120_000);
    for (const count of [120_000, 120_000, 130_000]) {
      const since = (cursor.since ?? '').replace('Z', '');
      cursor.restart();
      expect(take(count, since)).toBe(count - 120_000);
    }
    expect(cursor.lost).toBe(false);
  });

  test('stamps that are not in order (two streams of one container)', async () => {
    const [end] = await start([{ as: 'eof', afterLines: 2 }]);
    for (const n of [500, 400, 600, 300]) log.print(stampOf(1500 * ms + n * 1000), `at ${n}`);
    await eventually('all lines', () => lines.length === 4);
    log.finish();
    expect(await end).toMatchObject({ lines: 4, complete: true });
    expect(texts()).toEqual(['at 500', 'at 400', 'at 600', 'at 300']);
  });

  test('a node whose clock changes its offset', async () => {
    const [end] = await start([{ as: 'eof', afterLines: 1 }]);
    log.print(stampOf(1000 * ms, '+02:00'), 'summer');
    log.print(stampOf(1001 * ms), 'winter');
    await eventually('all lines', () => lines.length === 2);
    log.finish();
    expect(await end).toMatchObject({ lines: 2, complete: true });
  });

  test('random logs, random cuts: always exactly what was printed', async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((seed / 2 ** 31) * below);
    };
    for (let round = 0; round < 15; round += 1) {
      lines = [];
      const plays: Play[] = Array.from({ length: 1 + random(8) }, () =>
        random(2) === 0
          ? { as: 'cut', afterBytes: 20 + random(2000) }
          : { as: 'eof', afterLines: random(40) },
      );
      const [end] = await start(plays, { reopenMs: 1, retryMaxMs: 2 });
      const wanted: string[] = [];
      let at = 0;
      for (let n = 0; n < 200; n += 1) {
        at += [0, 0, 1, 1000, 30 * ms, 700 * ms][random(6)] ?? 0;
        const text = 'x'.repeat(random(4));
        wanted.push(text);
        log.print(stampOf(at), text);
        if (random(20) === 0) await pause(1);
      }
      log.finish();
      expect(await end).toMatchObject({ lines: 200, complete: true });
      expect(texts()).toEqual(wanted);
    }
  });

  test('an answer that ends too early, and properly, is doubted', async () => {
    const [end] = await start([
      { as: 'normal' },
      { as: 'short', afterLines: 1 },
      { as: 'short', afterLines: 0 },
    ]);
    for (const n of [1, 2, 3]) log.print(stampOf(n), `line ${n}`);
    await eventually('lines', () => lines.length === 3);
    log.finish();
    expect(await end).toMatchObject({ lines: 3, complete: true });
  });

  test('what was rotated away while it was not read is not passed over in silence', async () => {
    const [end] = await start([
      { as: 'eof', afterLines: 1 },
      { as: 'instead', handler: reset },
    ]);
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    log.rotate();
    log.print(stampOf(9000 * ms), 'after');
    await eventually('line after', () => lines.length === 2);
    log.finish();
    expect(await end).toMatchObject({
      lines: 2,
      complete: false,
      notices: expect.arrayContaining([expect.stringContaining('rotated')]),
    });
  });

  test('a rotation that left the lines read last took nothing that was not read', async () => {
    const [end] = await start([{ as: 'eof', afterLines: 3 }]);
    for (const n of [1, 2, 3]) log.print(stampOf(n), `line ${n}`);
    await eventually('lines', () => lines.length === 3);
    log.rotate(1);
    log.print(stampOf(4), 'line 4');
    await eventually('line 4', () => lines.length === 4);
    log.rotate(1);
    log.finish();
    expect(await end).toEqual({ lines: 4, complete: true, notices: [] });
  });

  test('what was rotated away before the last read is not passed over either', async () => {
    const [end] = await start([]);
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    log.rotate();
    log.finish();
    const notices = [expect.stringContaining('rotated')];
    expect(await end).toMatchObject({ lines: 1, complete: false, notices });
  });
});

describe('wedged and silent streams', () => {
  test('lines that the stream does not bring are read beside it', async () => {
    const [end] = await start([{ as: 'wedged' }, { as: 'normal' }, { as: 'wedged' }], { logIdleMs: 80 });
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    log.print(stampOf(2), 'two');
    await eventually('second line', () => lines.length === 2);
    log.finish();
    expect(await end).toMatchObject({
      lines: 2,
      complete: true,
      notices: expect.arrayContaining([expect.stringContaining('silent')]),
    });
  });

  test('wedged again: read in intervals from then on', async () => {
    const wedged: Play = { as: 'wedged' };
    const normal: Play = { as: 'normal' };
    const [end] = await start([wedged, normal, wedged, normal], { logIdleMs: 60 });
    for (let n = 1; n < 5; n += 1) {
      log.print(stampOf(n), `line ${n}`);
      await eventually(`line ${n}`, () => lines.length === n);
      await pause(15);
    }
    expect(log.asked.at(-1)?.get('follow')).toBeNull();
    log.finish();
    expect(await end).toMatchObject({ lines: 4, complete: true });
  });

  test('a quiet container whose stream sends not even headers: nothing happens, and nothing is lost', async () => {
    const [end] = await start([{ as: 'instead', handler: hang }], { logIdleMs: 300, answerMs: 300 });
    // The stream, the read beside it, and the stream again: a line that is printed in between would be the read's.
    await eventually('stream', () => log.asked.length === 3);
    log.print(stampOf(1), 'at last');
    await eventually('line', () => lines.length === 1);
    log.finish();
    expect(await end).toEqual({ lines: 1, complete: true, notices: [] });
  });

  test('a quiet stream is not asked anew before its time', async () => {
    const [end] = await start([], { answerMs: 40 });
    log.print(stampOf(1), 'one');
    await pause(200);
    expect(log.asked).toHaveLength(1);
    log.finish();
    await end;
  });

  test('a stream that stays open after the container ended does not hold the end up', async () => {
    const [end] = await start([{ as: 'instead', handler: hang }]);
    await pause(20);
    log.print(stampOf(1), 'only by a new read');
    const ended = performance.now();
    log.finish(true);
    expect(await end).toMatchObject({ lines: 1, complete: true });
    expect(performance.now() - ended).toBeLessThan(500);
  });
});

describe('what is not the log', () => {
  test('a message of the kubelet is a notice, not a line; without inotify the log is read in intervals', async () => {
    const text = 'failed to create fsnotify watcher: too many open files';
    const [end] = await start([{ as: 'message', text }]);
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    log.print(stampOf(2), 'two');
    await eventually('second line', () => lines.length === 2);
    expect(log.asked[1]?.get('follow')).toBeNull();
    log.finish();
    expect(await end).toEqual({ lines: 2, complete: true, notices: [`the kubelet says: ${text}`] });
  });

  test('400 waiting to start: waited for', async () => {
    const waiting = status(
      400,
      'BadRequest',
      'container "c" in pod "p" is waiting to start: ContainerCreating',
    );
    const refusals: Play[] = Array.from({ length: 5 }, () => ({ as: 'instead', handler: waiting }));
    const [end] = await start(refusals);
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    log.finish();
    expect(await end).toEqual({ lines: 1, complete: true, notices: [] });
  });

  test('a container that ended without having started has no log, and nothing is lost', async () => {
    const waiting = status(
      400,
      'BadRequest',
      'container "c" in pod "p" is waiting to start: ImagePullBackOff',
    );
    const refusals: Play[] = Array.from({ length: 500 }, () => ({ as: 'instead', handler: waiting }));
    const [end] = await start(refusals);
    await pause(30);
    log.finish();
    expect(await end).toEqual({ lines: 0, complete: true, notices: [] });
  });

  test('a container that the pod does not have is an error', async () => {
    const handler = status(400, 'BadRequest', 'container c is not valid for pod p');
    const [end] = await start([{ as: 'instead', handler }]);
    await expect(end).rejects.toBeInstanceOf(KubeError);
  });

  test('no right to read logs is an error; so is anything that time does not cure', async () => {
    const forbidden: Play = { as: 'instead', handler: status(403, 'Forbidden', 'no') };
    const [end] = await start(Array.from({ length: 50 }, () => forbidden));
    await expect(end).rejects.toMatchObject({ status: 403 });
    const [other] = await start([{ as: 'instead', handler: status(405, 'MethodNotAllowed', 'no') }]);
    await expect(other).rejects.toMatchObject({ status: 405 });
  });

  test('a log that is not found while the pod is there (a kubelet that starts): waited for', async () => {
    fake.on('GET', '/api/v1/namespaces/a/pods/p', json({ metadata: { name: 'p' } }));
    const missing: Play = { as: 'instead', handler: status(404, 'NotFound', 'pods "p" not found') };
    const [end] = await start(Array.from({ length: 14 }, () => missing));
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    log.finish();
    expect(await end).toMatchObject({ lines: 1, complete: true });
  });

  test('a pod that is gone: the end, and not complete', async () => {
    const [end] = await start([{ as: 'eof', afterLines: 1 }]);
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    fake.on('GET', path, status(404, 'NotFound', 'pods "p" not found'));
    fake.cutAll();
    expect(await end).toMatchObject({
      lines: 1,
      complete: false,
      notices: expect.arrayContaining([expect.stringContaining('gone')]),
    });
  });

  test('500, 503, resets and a server that restarts are survived', async () => {
    const instead = (handler: Parameters<typeof fake.on>[2]): Play => ({ as: 'instead', handler });
    const [end] = await start([
      instead(reset),
      instead(status(500, 'InternalError', 'proxy error')),
      { as: 'normal' },
      instead(status(503, 'ServiceUnavailable', 'starting')),
    ]);
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    fake.cutAll();
    log.print(stampOf(2), 'two');
    await eventually('second line', () => lines.length === 2);
    log.finish();
    expect(await end).toMatchObject({ lines: 2, complete: true });
  });

  test('a rest that cannot be read is given up at the limit, and said', async () => {
    const [end] = await start([], { drainMs: 150 });
    log.print(stampOf(1), 'one');
    await eventually('first line', () => lines.length === 1);
    fake.on('GET', path, status(503, 'ServiceUnavailable', 'down'));
    fake.cutAll();
    log.finish(true);
    const { complete, notices } = await (end ?? Promise.reject(new Error('no follow')));
    expect(complete).toBe(false);
    expect(notices.join()).toContain('could not be read within');
  });
});

describe('the caller', () => {
  test('an error of onLine rejects the follow', async () => {
    log = new FakeLog();
    fake.on('GET', path, log.handler);
    const wrong = new Error('wrong');
    const onLine = (): never => {
      throw wrong;
    };
    const kube = await fake.kube();
    const end = kube.follow(container, { onLine, finished: () => false, signal: AbortSignal.timeout(4000) });
    log.print(stampOf(1), 'one');
    await expect(end).rejects.toBe(wrong);
  });

  test('an error of finished rejects the follow', async () => {
    log = new FakeLog();
    fake.on('GET', path, log.handler);
    const wrong = new Error('wrong');
    let asked = 0;
    const finished = (): boolean => {
      asked += 1;
      if (asked === 4) throw wrong;
      return false;
    };
    const kube = await fake.kube();
    const end = kube.follow(container, {
      onLine: () => undefined,
      finished,
      signal: AbortSignal.timeout(4000),
    });
    await expect(end).rejects.toBe(wrong);
  });

  test('the signal ends it with its reason', async () => {
    log = new FakeLog();
    fake.on('GET', path, log.handler);
    const controller = new AbortController();
    const reason = new Error('enough');
    const kube = await fake.kube();
    const end = expect(
      kube.follow(container, { onLine: () => undefined, finished: () => false, signal: controller.signal }),
    ).rejects.toBe(reason);
    await pause(20);
    controller.abort(reason);
    await end;
  });
});
