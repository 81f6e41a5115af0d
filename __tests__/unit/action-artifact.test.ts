import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { artifactName, noArtifactService, retentionOf, uploadArtifact } from '../../src/action/artifact.ts';
import { folder, removeFolders } from './support/folder.ts';
import { ResultsService, runtimeToken } from './support/results-service.ts';

test.each([
  ['ket-results', '1121-114502-3fa9', 'ket-results-1121-114502-3fa9'],
  ['a"b:c<d>e|f*g?h\\i/j\r\nk', 'r', 'a-b-c-d-e-f-g-h-i-j--k-r'],
  ['  ', 'r', 'ket-r'],
  ['x'.repeat(400), 'r', `${'x'.repeat(200)}-r`],
  ['täst 日本', 'r', 'täst 日本-r'],
])('the name of %j and run %j is %j', (prefix, run, expected) => {
  expect(artifactName(prefix, run)).toBe(expected);
});

test.each([
  [undefined, '30', undefined, false],
  [7, '30', 7, false],
  [30, '30', 30, false],
  [90, '30', 30, true],
  [90, undefined, 90, false],
  [90, 'forever', 90, false],
  [90, '0', 90, false],
])('%p days where the repository allows %p: %p', (asked, allowed, days, notice) => {
  const got = retentionOf(asked, { GITHUB_RETENTION_DAYS: allowed });
  expect([got.days, got.notice !== undefined]).toEqual([days, notice]);
});

test.each([
  [{}, 'ACTIONS_RUNTIME_TOKEN is not set'],
  [{ ACTIONS_RUNTIME_TOKEN: 't' }, 'ACTIONS_RESULTS_URL is not set'],
  [{ ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_RESULTS_URL: '' }, 'ACTIONS_RESULTS_URL is not set'],
  [
    { ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_RESULTS_URL: 'u', GITHUB_SERVER_URL: 'https://git.corp.example' },
    'git.corp.example has no artifact service',
  ],
  [
    { ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_RESULTS_URL: 'u', GITHUB_SERVER_URL: 'https://github.com.evil' },
    'github.com.evil has no artifact service',
  ],
])('with %j there is nobody to upload to', async (env, why) => {
  expect(noArtifactService(env)).toContain(why);
  const end = await uploadArtifact({
    ...{ prefix: 'p', runId: 'r', root: '/nowhere', files: [], shownAs: 'ket-results/r' },
    env: { ...env },
  });
  expect(end.uploaded).toBeUndefined();
  expect(end.notices).toEqual([
    expect.stringMatching(/^the results were not uploaded: .*; they are in ket-results\/r$/),
  ]);
});

test.each([undefined, 'https://github.com', 'https://corp.ghe.com', 'http://ghes.localhost:3000'])(
  'with server %p there is',
  (server) => {
    const env = { ACTIONS_RUNTIME_TOKEN: 't', ACTIONS_RESULTS_URL: 'u', GITHUB_SERVER_URL: server };
    expect(noArtifactService(env)).toBeUndefined();
  },
);

describe('an upload', () => {
  const before = { ...process.env };
  let service: ResultsService;
  let root = '';
  let printed: string[] = [];
  beforeEach(async () => {
    service = new ResultsService();
    root = folder();
    fs.mkdirSync(path.join(root, 'suites'));
    fs.writeFileSync(path.join(root, 'suites', 'junit.xml'), '<testsuite/>');
    fs.writeFileSync(path.join(root, '.hidden'), 'h');
    printed = [];
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
    Object.assign(process.env, {
      ACTIONS_RUNTIME_TOKEN: runtimeToken,
      ACTIONS_RESULTS_URL: await service.start(),
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'o/r',
      GITHUB_RUN_ID: '5',
      GITHUB_RETENTION_DAYS: '30',
    });
    delete process.env['ACT'];
  });
  afterEach(async () => {
    await service.stop();
    jest.restoreAllMocks();
  });
  // The library is large: loading it is no part of what a test times.
  beforeAll(() => import('@actions/artifact'), 60_000);
  afterAll(() => {
    process.env = before;
    removeFolders();
  });

  const upload = (more: { retentionDays?: number; limitMs?: number } = {}) =>
    uploadArtifact({
      prefix: 'ket-results',
      runId: '1121-114502-3fa9',
      root,
      files: [path.join(root, 'suites', 'junit.xml'), path.join(root, '.hidden')],
      shownAs: 'ket-results/1121-114502-3fa9',
      env: process.env,
      limitMs: 20_000,
      ...more,
    });
  const kept = (why: RegExp | string) => ({
    notices: [expect.stringMatching(why)],
    unfinished: true,
  });

  test('holds all files and says where it is', async () => {
    const end = await upload({ retentionDays: 90 });
    expect(end).toEqual({
      uploaded: {
        name: 'ket-results-1121-114502-3fa9',
        id: 77,
        url: 'https://github.com/o/r/actions/runs/5/artifacts/77',
        bytes: expect.any(Number),
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      notices: ['the artifact is kept for 30 days, not 90: the repository allows no more'],
      unfinished: false,
    });
    const [create] = service.received;
    expect(create?.authorization).toBe(`Bearer ${runtimeToken}`);
    const { expires_at: expires } = JSON.parse(String(create?.body)) as { expires_at: string };
    expect(Math.round((Date.parse(expires) - Date.now()) / 86_400_000)).toBe(30);
    const zip = Buffer.concat(service.received.filter((r) => r.method === 'PUT').map((r) => r.body));
    expect(zip.includes('suites/junit.xml')).toBe(true);
    expect(zip.includes('.hidden')).toBe(true);
    // The client has a warning of its own about retention: one is enough.
    expect(printed.join('')).not.toContain('::warning');
  });

  test('whose name is taken gets a suffix, once', async () => {
    service.create = [409, 'take'];
    const end = await upload();
    expect(end.uploaded?.name).toMatch(/^ket-results-1121-114502-3fa9-[0-9a-f]{4}$/);
    expect(service.names).toEqual(['ket-results-1121-114502-3fa9', end.uploaded?.name]);
    service.create = [409];
    expect(await upload()).toEqual(kept(/^the results were not uploaded: .*\(409\).*ket-results\/1121/));
    expect(service.names).toHaveLength(4);
  });

  test.each([401, 403])('that is refused with %i leaves the folder, and one line', async (status) => {
    service.create = [status];
    expect(await upload()).toEqual(kept(new RegExp(`\\(${status}\\).*they are in ket-results/1121`)));
    expect(service.names).toHaveLength(1);
  });

  test.each(['stall', 500] as const)(
    'to a server that answers with %p ends by its limit',
    async (behaviour) => {
      service.create = [behaviour];
      const began = performance.now();
      const end = await upload({ limitMs: 300 });
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(end).toEqual(kept(/did not take them within 1 s/));
      // The client tries a 500 again after 3 s; it is to end with this test.
      service.release();
      if (behaviour === 500) await service.untilReceived(2);
    },
  );

  test('that stalls midway ends by its limit', async () => {
    service.blob = 'stall';
    const end = await upload({ limitMs: 500 });
    expect(end).toMatchObject({ unfinished: true, notices: [expect.stringContaining('within 1 s')] });
  });

  test('that the storage refuses leaves the folder, and one line', async () => {
    service.blob = 403;
    expect(await upload()).toEqual(kept(/^the results were not uploaded: [^\n]+; they are in/));
  });

  test('of files that are gone leaves the folder, and one line', async () => {
    fs.rmSync(path.join(root, '.hidden'));
    expect(await upload()).toEqual(kept(/not uploaded: File .* does not exist; they are in/));
  });

  test('that the client gives up while it reads: what it throws later ends nothing', async () => {
    // A URL that the storage client refuses at once, when the zip file is begun.
    service.blobPath = 'nowhere';
    const big = path.join(root, 'big.log');
    fs.writeFileSync(big, Buffer.alloc(30_000_000, 'x'));
    const module = path.join(import.meta.dirname, '..', '..', 'src', 'action', 'artifact.ts');
    const script = `
      import fs from 'node:fs';
      import { uploadArtifact } from ${JSON.stringify(module)};
      const root = ${JSON.stringify(root)};
      const files = [${JSON.stringify(big)}, root + '/.hidden'];
      const end = await uploadArtifact({ prefix: 'p', runId: 'r', root, files, shownAs: 'f', env: process.env });
      fs.rmSync(root, { recursive: true });
      await new Promise((resolve) => setTimeout(resolve, 500));
      process.stderr.write(JSON.stringify(end));
      process.exit(7);`;
    const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      env: process.env,
      timeout: 30_000,
    });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, said]).toEqual([
      7,
      expect.stringMatching(/^{"notices":\["the results were not uploaded: .*true}$/),
    ]);
  });

  describe('under act', () => {
    beforeEach(() => {
      service.likeAct = true;
      process.env['ACT'] = 'true';
    });

    test('goes through the shim, which is gone afterwards', async () => {
      const before = process.env['ACTIONS_RESULTS_URL'];
      const seen: (string | undefined)[] = [];
      jest.spyOn(process.stdout, 'write').mockImplementation(() => {
        seen.push(process.env['ACTIONS_RESULTS_URL']);
        return true;
      });
      const end = await upload();
      expect(end).toMatchObject({ uploaded: { id: 77 }, notices: [], unfinished: false });
      expect(process.env['ACTIONS_RESULTS_URL']).toBe(before);
      const [shim] = seen.filter((url) => url !== before);
      await expect(fetch(shim ?? '')).rejects.toThrow('fetch failed');
      // The token went through unchanged.
      expect(service.received[0]?.authorization).toBe(`Bearer ${runtimeToken}`);
    });

    test('that fails closes the shim too', async () => {
      const before = process.env['ACTIONS_RESULTS_URL'];
      service.create = [401];
      expect(await upload()).toEqual(kept(/\(401\)/));
      expect(process.env['ACTIONS_RESULTS_URL']).toBe(before);
    });
  });
});
