import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  build,
  docker,
  folderWith,
  removeFolders,
  removeImages,
  root,
  run,
  shardOptions,
  shownDockerfile,
  sizeOf,
} from './docker.ts';

/** images/test-runner as it is built, and as docs/images.md says that it is used. */

const requirements = path.join(root, 'images', 'test-runner', 'requirements');
const lines = (name: string): string[] => fs.readFileSync(path.join(requirements, name), 'utf8').split('\n');
/** `name==version` of a lock file; those for Windows are not for an image. */
const locked = (name: string): string[] =>
  lines(name).flatMap((line) => (line.includes('win32') ? [] : (/^[\w-]+==[^\s;]+/.exec(line)?.[0] ?? [])));
const wanted = lines('runner.in').filter((name) => name !== '');

/** One of the example's requirements that the image does not have, with its hashes. */
const lock = fs.readFileSync(path.join(root, 'examples/fastapi-postgres/requirements/tests.txt'), 'utf8');
const [certifi = ''] = /^certifi==[^\n]*\n(?: +--hash[^\n]*\n)+/m.exec(lock) ?? [];

const project = {
  'requirements.txt': certifi,
  'pytest.ini': '[pytest]\nasyncio_default_fixture_loop_scope = function\n',
  'shop/__init__.py': 'def gross(net):\n    return net * 119 // 100\n',
  'tests/test_all.py': `import asyncio, time
import certifi, pytest
from shop import gross

@pytest.mark.asyncio
async def test_awaits():
    await asyncio.sleep(0)
    assert gross(100) == 119

@pytest.mark.timeout(1)
def test_hangs(): time.sleep(30)

def test_temporary(tmp_path): (tmp_path / "a").write_text(certifi.where())

def test_prints(capfd): print("seen")
`,
};

let image = '';
let obvious = '';
/** The image with a project's tests, as docs/images.md has it. */
let suite = '';

beforeAll(async () => {
  image = await build('test-runner', { file: 'images/test-runner/Dockerfile' });
  const packages = locked('runner.txt').filter((word) => wanted.includes(word.replace(/==.*/, '')));
  expect(packages).toHaveLength(wanted.length);
  const args = { UV: locked('build.txt').join(' '), PACKAGES: packages.join(' ') };
  const context = path.join('__tests__', 'images');
  obvious = await build('obvious', { context, file: path.join(context, 'Dockerfile.obvious'), args });
  const dockerfile = shownDockerfile('test-runner', {
    'test-runner': image,
    'python:3.11-slim': 'python:3.11-slim',
  });
  const folder = folderWith({ ...project, Dockerfile: dockerfile });
  suite = await build('suite', { context: folder, file: path.join(folder, 'Dockerfile') });
}, 20 * 60_000);
afterAll(async () => {
  removeFolders();
  await removeImages();
}, 120_000);

const python = (code: string): ReturnType<typeof run> =>
  run({ image, options: ['--entrypoint', 'python'], args: ['-c', code] });

test('it has at most 0.7 of the size of the obvious image', async () => {
  const [mine, other] = [await sizeOf(image), await sizeOf(obvious)];
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  process.stderr.write(
    `test-runner: ${mb(mine)}; obvious single-stage image: ${mb(other)}; ${(mine / other).toFixed(3)} of it\n`,
  );
  expect(mine).toBeGreaterThan(0);
  expect(mine / other).toBeLessThanOrEqual(0.7);
});

test('every package of the lock is there in its version and imports; what installs packages is not', async () => {
  const { code, said } = await python(`
import importlib, json
from importlib.metadata import distributions, packages_distributions
for name in packages_distributions(): importlib.import_module(name)
import ket_plugin
print(json.dumps(sorted(f"{d.name}=={d.version}" for d in distributions())))`);
  expect({ code, said }).toMatchObject({ code: 0 });
  const there = (JSON.parse(said) as string[]).map((name) => name.toLowerCase().replaceAll('_', '-'));
  expect(there).toEqual(expect.arrayContaining(locked('runner.txt')));
  expect(wanted).toEqual(
    expect.arrayContaining(['pytest', 'pytest-asyncio', 'pytest-cov', 'pytest-kubernetes', 'pytest-timeout']),
  );
  expect(there.map((name) => name.replace(/==.*/, ''))).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/^(pip|uv|setuptools|wheel)$/)]),
  );
  const { said: programs } = await run({
    image,
    options: ['--entrypoint', 'sh'],
    args: ['-c', 'which uv pip'],
  });
  expect(programs).toBe('');
});

test('its own user is not root; output is not buffered', async () => {
  const { said } = await python(
    'import os, sys; print(os.getuid(), os.getgid(), os.environ["PYTHONUNBUFFERED"], sys.stdout.write_through)',
  );
  expect(said).toBe('10001 10001 1 True\n');
  const { said: config } = await docker(['image', 'inspect', '--format', '{{json .Config}}', image]);
  expect(JSON.parse(config)).toMatchObject({ User: '10001:10001', Entrypoint: ['pytest'] });
});

test.each([undefined, 4711, 1000660000])(
  'as user %p and restricted: the plug-ins work, and JUnit and coverage are in /results',
  async (user) => {
    const args = ['--cov=shop', '--cov-report=xml:/results/coverage.xml'];
    const { code, said, cases, results, folder } = await run({
      image: suite,
      ...(user ? { user } : {}),
      args,
    });
    const ends = cases.map(({ name, status, message }) => [name, status, message]);
    expect({ code, said, ends }).toEqual({
      code: 1,
      said: expect.stringMatching(/plugins: asyncio-\S+, kubernetes-\S+, timeout-\S+, cov-/),
      ends: [
        ['test_awaits', 'passed', undefined],
        ['test_hangs', 'failed', expect.stringContaining('Timeout')],
        ['test_temporary', 'passed', undefined],
        ['test_prints', 'passed', undefined],
      ],
    });
    // Nothing that it could not write is complained of.
    expect(said).not.toMatch(/warning/i);
    const owner = user ?? 10001;
    expect(results).toEqual({ 'junit.xml': owner, 'coverage.xml': owner, '.coverage': owner });
    expect(fs.readFileSync(path.join(folder, 'coverage.xml'), 'utf8')).toContain('filename="__init__.py"');
  },
  120_000,
);

test('where ket is not, /tmp is all that it writes to beside /results', async () => {
  const folder = folderWith({});
  fs.chmodSync(folder, 0o777);
  const { code, said } = await docker([
    ...['run', '--rm', '--read-only', '--tmpfs', '/tmp', '--user', '4711', '--volume', `${folder}:/results`],
    ...[suite, '-k', 'not hangs'],
  ]);
  expect({ code, said }).toMatchObject({ code: 0 });
  expect(fs.readdirSync(folder)).toEqual(['junit.xml']);
  // An empty volume takes over the mode of the image's folder.
  const { said: results } = await docker([
    'run',
    '--rm',
    '--entrypoint',
    'stat',
    image,
    '-c',
    '%a',
    '/results',
  ]);
  expect(results).toBe('1777\n');
}, 60_000);

test('entry point, options and the place of JUnit can be others', async () => {
  const one = ['-k', 'awaits'];
  const command = await run({
    image: suite,
    options: ['--entrypoint', 'python'],
    args: ['-m', 'pytest', ...one],
  });
  expect(command).toMatchObject({ code: 0, names: ['tests.test_all.test_awaits'] });
  const other = await run({ image: suite, args: [...one, '--junitxml=/results/other.xml'] });
  expect([other.code, Object.keys(other.results)]).toEqual([0, ['other.xml']]);
  const none = await run({ image: suite, options: ['--env', 'PYTEST_ADDOPTS='], args: one });
  expect([none.code, Object.keys(none.results)]).toEqual([0, []]);
}, 60_000);

test('shards need nothing but their variables', async () => {
  const all = [];
  for (const shard of [0, 1])
    all.push(await run({ image: suite, options: shardOptions(shard, 2), args: ['-k', 'not hangs'] }));
  expect(all.map(({ code, said }) => [code, said])).toEqual([
    [0, expect.stringContaining('timeout: 300')],
    [0, expect.anything()],
  ]);
  expect(all.map(({ names }) => names.length).sort()).toEqual([1, 2]);
  expect(all.flatMap(({ names }) => names).sort()).toEqual([
    ...['tests.test_all.test_awaits', 'tests.test_all.test_prints', 'tests.test_all.test_temporary'],
  ]);
}, 60_000);
