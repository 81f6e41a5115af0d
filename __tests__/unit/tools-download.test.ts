import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KetError } from '../../src/model/errors.ts';
import type { Deps } from '../../src/model/deps.ts';
import { cachedTool } from '../../src/tools/cache.ts';
import { downloadLimits } from '../../src/tools/download-limits.ts';
import { provideTool, type FoundTool, type ProvideOptions } from '../../src/tools/find.ts';
import { pathOf } from '../../src/tools/mirror.ts';
import { platformOf } from '../../src/tools/table.ts';
import { fakeClock } from './support/phases.ts';
import { bytes, give, helmArchive, serve, sha256, tableOf, type Web } from './support/tools.ts';

const kind = bytes(200_000, 'kind');
const platform = platformOf() ?? 'linux/amd64';
let folder: string;
let webs: Web[];
let clock: ReturnType<typeof fakeClock>;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-download-'));
  webs = [];
  clock = fakeClock();
});
afterEach(async () => {
  await Promise.all(webs.map((web) => web.close()));
  fs.rmSync(folder, { recursive: true, force: true });
});

const web = async (handler: Parameters<typeof serve>[0]): Promise<Web> => {
  const made = await serve(handler);
  webs.push(made);
  return made;
};
const depsWith = (env: Record<string, string> = {}): Deps => ({
  env: { XDG_CACHE_HOME: folder, PATH: '', ...env },
  clock,
  exec: () => Promise.reject(new Error('nothing is asked here')),
});
const waits: string[] = [];
const provide = (
  tool: 'kind' | 'helm',
  env: Record<string, string>,
  options: Partial<ProvideOptions> = {},
): Promise<FoundTool> => {
  waits.length = 0;
  return provideTool(depsWith(env), tool, 'v1.0.0', {
    signal: new AbortController().signal,
    awaiting: (what) => waits.push(what),
    table: tableOf({ kind: { 'v1.0.0': kind } }),
    limits: { ...downloadLimits, stallMs: 300 },
    ...options,
  });
};
const target = (tool: string): string => cachedTool({ XDG_CACHE_HOME: folder }, tool, 'v1.0.0');
const files = (tool: string): string[] => fs.readdirSync(path.dirname(target(tool))).sort();
const failure = async (work: Promise<unknown>): Promise<KetError> => {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toMatchObject({ code: 'KET_TOOL' });
  return error as KetError;
};

describe('a download that ends well', () => {
  const expectPlaced = (): void => {
    expect(files('kind')).toEqual(['kind', 'kind.sha256']);
    expect(fs.readFileSync(target('kind')).equals(kind)).toBe(true);
    expect(fs.statSync(target('kind')).mode & 0o777).toBe(0o755);
  };

  test('is placed, with its sum beside it, and taken from the cache then', async () => {
    const { base, requests } = await web(() => give(kind));
    await expect(provide('kind', { KET_KIND_MIRROR: base })).resolves.toEqual({
      path: target('kind'),
      version: 'v1.0.0',
    });
    expectPlaced();
    expect(requests).toEqual([{ line: `GET /${pathOf('kind', 'v1.0.0', platform)}` }]);
    expect(waits.at(-1)).toBe(`kind v1.0.0 from ${base}/${pathOf('kind', 'v1.0.0', platform)}`);
    await provide('kind', { KET_KIND_MIRROR: base });
    expect(requests).toHaveLength(1);
  });

  test('after 503 three times', async () => {
    const { base, requests } = await web((n) => (n <= 3 ? give('busy', {}, 503) : give(kind)));
    await provide('kind', { KET_KIND_MIRROR: base });
    expectPlaced();
    expect(requests).toHaveLength(4);
    expect(clock.passed).toBe(1000 + 2000 + 4000);
    expect(waits.join('\n')).toContain('answered with status 503; attempt 2 follows in 1 s');
  });

  test('after a pause that the server asks for', async () => {
    const { base } = await web((n) => (n === 1 ? give('', { 'retry-after': '30' }, 429) : give(kind)));
    await provide('kind', { KET_KIND_MIRROR: base });
    expect(clock.passed).toBe(30_000);
  });

  test('after one that was cut short, one that stalled, and one that never began', async () => {
    const { base, requests } = await web((n) => (request, response) => {
      if (n === 3) return;
      if (n === 4) {
        give(kind)(request, response);
        return;
      }
      response.writeHead(200, { 'content-length': kind.length });
      response.write(kind.subarray(0, 50_000), () => {
        if (n === 1) response.destroy();
      });
    });
    await provide('kind', { KET_KIND_MIRROR: base });
    expectPlaced();
    expect(requests).toHaveLength(4);
    expect(waits.join('\n')).toMatch(/the connection ended after \d+ of 200000 bytes/);
    expect(waits.join('\n').match(/nothing came for 300 ms/g)).toHaveLength(2);
  });

  test('after a redirect, whose target does not get the password of the mirror', async () => {
    const store = await web(() => give(kind));
    const { base, requests } = await web(() => give('', { location: `${store.base}/blob?token=1` }, 302));
    await provide('kind', { KET_KIND_MIRROR: base.replace('//', '//me:s%20cret@') });
    expectPlaced();
    expect(requests[0]?.authorization).toBe(`Basic ${Buffer.from('me:s cret').toString('base64')}`);
    expect(store.requests).toEqual([{ line: 'GET /blob?token=1' }]);
    expect(waits.join()).not.toContain('cret');
  });

  test('is there once when two processes fetch it at once', async () => {
    let hold: (() => void)[] = [];
    // Neither gets an answer before both have asked.
    const { base, requests } = await web(() => (request, response) => {
      hold.push(() => give(kind)(request, response));
      if (hold.length < 2) return;
      for (const answer of hold) answer();
      hold = [];
    });
    const script = path.join(folder, 'provide.mjs');
    const source = (file: string): string => path.resolve('src/tools', file);
    fs.writeFileSync(
      script,
      `import { provideTool } from ${JSON.stringify(source('find.ts'))};
       import { realClock } from ${JSON.stringify(source('clock.ts'))};
       const deps = { env: process.env, clock: realClock, exec: async () => { throw new Error('no'); } };
       const table = JSON.parse(process.env.TABLE);
       const found = await provideTool(deps, 'kind', 'v1.0.0', { signal: AbortSignal.timeout(20000), table });
       process.stdout.write(found.path);`,
    );
    const run = async (): Promise<[number, string]> => {
      const child = spawn(process.execPath, ['--no-warnings', script], {
        env: {
          PATH: '/nowhere',
          XDG_CACHE_HOME: folder,
          KET_KIND_MIRROR: base,
          TABLE: JSON.stringify(tableOf({ kind: { 'v1.0.0': kind } })),
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let out = '';
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      return [code, out];
    };
    await expect(Promise.all([run(), run()])).resolves.toEqual([
      [0, target('kind')],
      [0, target('kind')],
    ]);
    expect(requests).toHaveLength(2);
    expectPlaced();
  }, 30_000);
});

describe('a download that ends badly', () => {
  test.each<[string, Buffer | string, Record<string, string>, string]>([
    ['a wrong sum', bytes(1000, 'other'), {}, `not ${sha256(kind)}`],
    [
      'a web page with status 200',
      '<html>log in</html>',
      { 'content-type': 'text/html; charset=utf-8' },
      'web page',
    ],
  ])('%s', async (_what, content, headers, said) => {
    const { base, requests } = await web(() => give(content, headers));
    const error = await failure(provide('kind', { KET_KIND_MIRROR: base }));
    const url = `${base}/${pathOf('kind', 'v1.0.0', platform)}`;
    expect(error.message).toBe('what came as kind v1.0.0 is something else, in 3 attempts');
    expect(error.where).toBe(url);
    expect(error.details[0]).toContain(`attempt 1: ${url}: its SHA-256 is ${sha256(content)}`);
    expect(error.details[2]).toContain(said);
    expect(error.next).toContain('KET_KIND_MIRROR');
    expect(requests).toHaveLength(3);
    expect(files('kind')).toEqual([]);
  });

  test('503 for ever: attempts until two minutes are over', async () => {
    const { base, requests } = await web(() => give('busy', {}, 503));
    const error = await failure(provide('kind', { KET_KIND_MIRROR: base }));
    expect(error.message).toBe(`kind v1.0.0 could not be downloaded in ${String(requests.length)} attempts`);
    expect(error.details.at(-1)).toContain('answered with status 503');
    expect(requests.length).toBeGreaterThan(5);
    expect(clock.passed).toBeGreaterThan(90_000);
    expect(clock.passed).toBeLessThan(120_000);
    expect(files('kind')).toEqual([]);
  });

  test.each([404, 403, 410])('status %d is not asked again', async (status) => {
    const { base, requests } = await web(() => give('no', {}, status));
    const error = await failure(provide('kind', { KET_KIND_MIRROR: base }));
    expect(error.details.join()).toContain(`status ${String(status)}`);
    expect(requests).toHaveLength(1);
  });

  test('nothing that comes is cut by the limit of the whole', async () => {
    const { base } = await web(() => (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const limits = { ...downloadLimits, overallMs: 200 };
    const error = await failure(provide('kind', { KET_KIND_MIRROR: base }, { limits }));
    expect(error.details.join()).toContain('did not end within 200 ms');
    expect(files('kind')).toEqual([]);
  });

  test('a redirect without end, and one to plain http', async () => {
    const { base } = await web(() => give('', { location: '/again' }, 302));
    const limits = { ...downloadLimits, overallMs: 500 };
    const error = await failure(provide('kind', { KET_KIND_MIRROR: base }, { limits }));
    expect(error.details.join()).toContain('redirects more than 5 times');
    const away = await web(() => give('', { location: 'http://elsewhere.example/x' }, 302));
    const other = await failure(provide('kind', { KET_KIND_MIRROR: away.base }, { limits }));
    expect(other.details.join()).toContain('http://elsewhere.example/x is neither https nor on this machine');
  });

  test('a cancel ends it at once, with its own reason', async () => {
    const { base } = await web(() => () => undefined);
    const abort = new AbortController();
    const work = provide('kind', { KET_KIND_MIRROR: base }, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('cancelled by the user')), 50);
    await expect(work).rejects.toThrow('cancelled by the user');
    expect(files('kind')).toEqual([]);
  });

  test('what a killed process left is removed, when it is old', async () => {
    const { base } = await web(() => give(kind));
    fs.mkdirSync(path.dirname(target('kind')), { recursive: true });
    for (const [name, hours] of [
      ['old', 2],
      ['new', 0],
    ] as const) {
      const part = `${target('kind')}.${name}.part`;
      fs.writeFileSync(part, 'x');
      fs.utimesSync(part, clock.now() / 1000, clock.now() / 1000 - hours * 3600);
    }
    await provide('kind', { KET_KIND_MIRROR: base });
    expect(files('kind')).toEqual(['kind', 'kind.new.part', 'kind.sha256']);
  });
});

describe('a cache that was tampered with', () => {
  const tampered = Buffer.concat([kind.subarray(1), Buffer.from('x')]);
  test.each<[string, () => void]>([
    ['the program', () => fs.writeFileSync(target('kind'), tampered)],
    [
      'the program and the sum beside it',
      () => {
        fs.writeFileSync(target('kind'), tampered);
        fs.writeFileSync(
          `${target('kind')}.sha256`,
          `${sha256(tampered)}  kind\n# ${sha256(kind)}  as downloaded\n`,
        );
      },
    ],
    ['the sum', () => fs.writeFileSync(`${target('kind')}.sha256`, 'nonsense')],
  ])('%s: it is fetched anew, with a notice', async (_what, tamper) => {
    const { base, requests } = await web(() => give(kind));
    await provide('kind', { KET_KIND_MIRROR: base });
    tamper();
    const found = await provide('kind', { KET_KIND_MIRROR: base });
    expect(found.notice).toContain('was replaced by a new download');
    expect(requests).toHaveLength(2);
    expect(fs.readFileSync(target('kind')).equals(kind)).toBe(true);
    await expect(provide('kind', { KET_KIND_MIRROR: base })).resolves.not.toHaveProperty('notice');
  });

  test('one whose placing was cut is fetched anew without a word', async () => {
    const { base, requests } = await web(() => give(kind));
    await provide('kind', { KET_KIND_MIRROR: base });
    fs.rmSync(`${target('kind')}.sha256`);
    await expect(provide('kind', { KET_KIND_MIRROR: base })).resolves.not.toHaveProperty('notice');
    expect(requests).toHaveLength(2);
  });
});

describe('Helm, which comes as an archive', () => {
  const program = bytes(50_000, 'helm');
  const provideHelm = async (archive: Buffer): Promise<FoundTool> => {
    const { base } = await web(() => give(archive));
    return provide('helm', { KET_HELM_MIRROR: base }, { table: tableOf({ helm: { 'v1.0.0': archive } }) });
  };

  test('only the program is unpacked', async () => {
    const archive = helmArchive(folder, (inner) => {
      fs.writeFileSync(path.join(inner, 'helm'), program);
      fs.writeFileSync(path.join(inner, 'LICENSE'), 'x');
      fs.symlinkSync('/etc/passwd', path.join(inner, 'link'));
    });
    await provideHelm(archive);
    expect(files('helm')).toEqual(['helm', 'helm.sha256']);
    expect(fs.readFileSync(target('helm')).equals(program)).toBe(true);
    expect(fs.readFileSync(`${target('helm')}.sha256`, 'utf8')).toBe(
      `${sha256(program)}  helm\n# ${sha256(archive)}  as downloaded\n`,
    );
    fs.appendFileSync(target('helm'), 'x');
    await expect(provideHelm(archive)).resolves.toMatchObject({
      notice: expect.stringContaining('changed after it had been placed'),
    });
    await expect(provideHelm(archive)).resolves.not.toHaveProperty('notice');
  });

  test.each<[string, (folder: string) => void, string]>([
    ['without the program', (inner) => fs.writeFileSync(path.join(inner, 'other'), 'x'), 'has no'],
    [
      'with a link in its place',
      (inner) => fs.symlinkSync('/bin/sh', path.join(inner, 'helm')),
      'no regular file',
    ],
  ])('an archive %s is refused', async (_what, fill, problem) => {
    const error = await failure(provideHelm(helmArchive(folder, fill)));
    expect(error.details.join()).toContain(problem);
    expect(error.details).toHaveLength(1);
    expect(files('helm')).toEqual([]);
  });

  test('what is no archive, though it has the listed sum, is refused', async () => {
    const error = await failure(provideHelm(Buffer.from('no archive')));
    expect(error.details.join()).toContain('cannot be unpacked');
  });
});
