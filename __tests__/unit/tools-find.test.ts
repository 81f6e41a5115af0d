import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Deps } from '../../src/model/deps.ts';
import { cachedTool, choose, findDocker, findTool, onPath, provideTool } from '../../src/tools/find.ts';
import { moduleVersion, parseVersion } from '../../src/tools/version.ts';
import { failedWith, fakeClock, said } from './support/phases.ts';
import { give, helmArchive, serve, sha256, tableOf } from './support/tools.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-find-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A program whose content is what it says: the fake exec reads it. */
function program(file: string, says: string, mode = 0o755): string {
  const target = path.join(folder, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, says, { mode });
  return target;
}
const depsWith = (env: Record<string, string>): Deps => ({
  env: { HOME: folder, ...env },
  clock: fakeClock(),
  exec: ({ argv }) => {
    const content = fs.readFileSync(argv[0] ?? '', 'utf8');
    return Promise.resolve(content.startsWith('broken') ? failedWith('no') : said(content));
  },
});

describe('the version in what a tool prints', () => {
  test.each([
    ['kind v0.30.0 go1.26.8 linux/amd64', { version: 'v0.30.0', exact: true }],
    ['v4.3.1+g0a1b2c3', { version: 'v4.3.1+g0a1b2c3', exact: true }],
    ['v3.19.5', { version: 'v3.19.5', exact: true }],
    ['v4.3', { version: 'v4.3', exact: false }],
    ['kind v0.31.0-alpha+12345 go1.26', { version: 'v0.31.0-alpha+12345', exact: true }],
    ['Client Version: v1.34.4\nKustomize Version: v5.7.1', { version: 'v1.34.4', exact: true }],
    ['command not found', undefined],
  ])('%s', (text, version) => expect(parseVersion(text)).toEqual(version));
});

describe('the version in the build information', () => {
  const info = (line: string): Buffer =>
    Buffer.from(`\0\xff binary path\thelm.sh/helm/v4/cmd/helm\n${line}\th1:x=\ndep\t`);
  test.each([
    ['mod\thelm.sh/helm/v4\tv4.3.1', 'v4.3.1'],
    ['mod\thelm.sh/helm/v3\tv3.19.5', 'v3.19.5'],
    ['mod\thelm.sh/helm/v4\t(devel)', undefined],
    ['mod\thelm.sh/helmet\tv9.9.9', undefined],
  ])('%s', (line, version) => expect(moduleVersion(info(line), 'helm.sh/helm')).toBe(version));
});

describe('which program is taken', () => {
  const at = (file: string, version: string, exact: boolean) => ({ path: file, version: { version, exact } });
  test('an exact one, also behind one that only may fit', () =>
    expect(choose('helm', 'v4.3.1', [at('/a', 'v4.3', false), at('/b', 'v4.3.1', true)])).toEqual({
      path: '/b',
      version: 'v4.3.1',
    }));
  test('one that does not prove its patch version, with a notice', () => {
    const found = choose('helm', 'v4.3.1', [at('/a', 'v4.3', false)]);
    expect(found?.path).toBe('/a');
    expect(found?.notice).toContain('says only that it is helm v4.3');
  });
  test('build metadata makes no other version', () =>
    expect(choose('kind', 'v0.30.0', [at('/a', 'v0.30.0+abc', true)])?.path).toBe('/a'));
  test.each([
    ['a newer patch', 'v4.3.2', true],
    ['a pre-release', 'v4.3.1-rc.1', true],
    ['another minor', 'v4.30', false],
  ])('never %s', (_what, version, exact) =>
    expect(choose('helm', 'v4.3.1', [at('/a', version, exact)])).toBeUndefined(),
  );
});

test('v4.3 is no v4.30', () =>
  expect(
    choose('helm', 'v4.30.1', [{ path: '/a', version: { version: 'v4.3', exact: false } }]),
  ).toBeUndefined());

describe('finding', () => {
  test('all programs of the name in PATH are tried', async () => {
    program('one/kind', 'kind v0.29.0');
    program('two/kind', 'broken');
    const right = program('three/kind', 'kind v0.30.0');
    const PATH = ['one', 'two', 'three'].map((name) => path.join(folder, name)).join(path.delimiter);
    await expect(findTool(depsWith({ PATH }), 'kind', 'v0.30.0')).resolves.toEqual({
      path: right,
      version: 'v0.30.0',
    });
  });

  test('what lies in the cache unproved is not believed', async () => {
    const cached = cachedTool({ XDG_CACHE_HOME: folder }, 'kind', 'v0.30.0');
    program(path.relative(folder, cached), 'kind v0.30.0');
    fs.writeFileSync(`${cached}.sha256`, `${sha256('kind v0.30.0')}  kind\n`);
    const deps = depsWith({ PATH: '', XDG_CACHE_HOME: folder });
    const error = await findTool(deps, 'kind', 'v0.30.0').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'KET_TOOL' });
    expect((error as { details: string[] }).details.join()).toContain('is not believed');
    // Looking changes nothing.
    expect(fs.existsSync(cached)).toBe(true);
  });

  test('the error names what was found where, and the cure', async () => {
    const wrong = program('one/helm', 'v4.3.0');
    const error = await findTool(depsWith({ PATH: path.dirname(wrong) }), 'helm', 'v4.3.1').catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({
      code: 'KET_TOOL',
      message: 'helm v4.3.1 was not found',
      details: [`${wrong}: v4.3.0`, expect.stringContaining("not in ket's version table")],
      next: expect.stringContaining('go install helm.sh/helm/v4/cmd/helm@v4.3.1'),
    });
  });

  test('what is no executable file is no program', () => {
    program('one/docker', 'x', 0o644);
    fs.mkdirSync(path.join(folder, 'two/docker'), { recursive: true });
    const PATH = `${path.join(folder, 'one')}:${path.join(folder, 'two')}:relative`;
    expect(onPath({ PATH }, 'docker')).toEqual([]);
    expect(() => findDocker({ PATH })).toThrow('there is no docker in PATH');
  });
});

describe('providing', () => {
  const content = Buffer.from('kind v1.0.0, published');
  const archive = (): Buffer =>
    helmArchive(folder, (inner) => fs.writeFileSync(path.join(inner, 'helm'), 'helm v4.0.1'));
  const signal = AbortSignal.timeout(10_000);
  const cached = (tool: string, version: string): string =>
    cachedTool({ XDG_CACHE_HOME: folder }, tool, version);

  test('the cache comes before PATH, and PATH before a download', async () => {
    const web = await serve(() => give(content));
    try {
      const own = program('bin/kind', 'kind v1.0.0');
      const table = tableOf({ kind: { 'v1.0.0': content } });
      const env = { XDG_CACHE_HOME: folder, KET_KIND_MIRROR: web.base };
      const withPath = depsWith({ ...env, PATH: path.dirname(own) });
      await expect(provideTool(withPath, 'kind', 'v1.0.0', { signal, table })).resolves.toEqual({
        path: own,
        version: 'v1.0.0',
      });
      expect(web.requests).toEqual([]);
      const target = cached('kind', 'v1.0.0');
      await provideTool(depsWith({ ...env, PATH: '' }), 'kind', 'v1.0.0', { signal, table });
      expect(web.requests).toHaveLength(1);
      await expect(provideTool(withPath, 'kind', 'v1.0.0', { signal, table })).resolves.toMatchObject({
        path: target,
      });
      expect(web.requests).toHaveLength(1);
    } finally {
      await web.close();
    }
  });

  test('a program that only may fit gives way to a listed download, and is taken where none is listed', async () => {
    const packed = archive();
    const web = await serve(() => give(packed));
    try {
      const close = program('bin/helm', 'v4.0');
      const deps = depsWith({
        XDG_CACHE_HOME: folder,
        PATH: path.dirname(close),
        KET_TOOL_MIRROR: web.base,
      });
      const table = tableOf({ helm: { 'v4.0.1': packed } });
      await expect(provideTool(deps, 'helm', 'v4.0.1', { signal, table })).resolves.toEqual({
        path: cached('helm', 'v4.0.1'),
        version: 'v4.0.1',
      });
      expect(web.requests[0]?.line).toMatch(/^GET \/helm\/helm-v4\.0\.1-/);
      await expect(provideTool(deps, 'helm', 'v4.0.2', { signal, table })).resolves.toMatchObject({
        path: close,
        notice: expect.stringContaining('is not proved'),
      });
    } finally {
      await web.close();
    }
  });

  test('no other version than the asked one, whatever is listed', async () => {
    const deps = depsWith({ XDG_CACHE_HOME: folder, PATH: '' });
    const table = tableOf({ kind: { 'v1.0.0': content } });
    await expect(provideTool(deps, 'kind', 'v1.0.1', { signal, table })).rejects.toMatchObject({
      message: 'kind v1.0.1 was not found',
      details: ['no kind in PATH', expect.stringContaining('which has v1.0.0')],
    });
  });
});
