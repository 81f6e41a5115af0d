import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execute, root, runShards, type Project } from './shards.ts';

/** What ket_plugin.py does besides shards. */

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-recipe-plugin-'));
const project: Project = { folder, env: { PATH: `${folder}/venv/bin:${process.env['PATH'] ?? ''}` } };
const write = (name: string, text: string): string => {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
};

const odd = `import pytest, unittest

def test_plain(): pass

@pytest.mark.parametrize("text", ["a b", "x[y]", "p::q", "two\\nlines", "ä", "a/b.py", ""])
def test_text(text): pass

class TestOuter:
    class TestInner:
        def test_deep(self): pass

class Old(unittest.TestCase):
    def test_old(self): pass
`;

beforeAll(async () => {
  fs.cpSync(path.join(root, 'examples', 'recipes', 'pytest'), folder, { recursive: true });
  write('tests/some.thing/test_odd.py', odd);
  for (const argv of [
    ['python3', '-m', 'venv', 'venv'],
    ['venv/bin/pip', 'install', '--quiet', '--disable-pip-version-check', 'pytest==9.2.0'],
  ])
    expect(await execute(argv, project)).toMatchObject({ code: 0 });
}, 300_000);
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

test('a test has the name that it has in JUnit, however odd it is', async () => {
  const first = await runShards(project, 2, 1);
  expect(first.map(({ code }) => code)).toEqual([0, 0]);
  expect(first.flatMap(({ names }) => names)).toHaveLength(10);
  for (const { said } of await runShards(project, 2, 2)) expect(said).toContain('how long 0 of them take');
}, 60_000);

test('with a list of cases to be retried only these run, shared like all', async () => {
  const wanted = ['tests.some.thing.test_odd.test_text[x[y]]', 'tests.some.thing.test_odd.Old.test_old'];
  const file = write('retry.txt', [...wanted, 'gone.test_it', ''].join('\n'));
  const all = await runShards(project, 3, 3, { KET_RETRY_CASES: file });
  expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(all.flatMap(({ names }) => names).sort()).toEqual([...wanted, 'ket.shard 2'].sort());
  const none = await runShards(project, 1, 4, { KET_RETRY_CASES: write('none.txt', 'gone.test_it\n') });
  expect(none).toMatchObject([{ code: 4, cases: [] }]);
  expect(none[0]?.said).toContain('none of the 1 cases to be retried is here');
}, 60_000);

test('while a service is unavailable tests are skipped with the reason', async () => {
  const file = write('unavailable.json', '{"releases": {"shop": "0 of 1 available"}}');
  const [gone] = await runShards(project, 1, 5, { KET_UNAVAILABLE_FILE: file });
  expect(gone?.code).toBe(0);
  expect(new Set(gone?.cases.map(({ status, message }) => `${status}: ${message ?? ''}`))).toEqual(
    new Set(['skipped: shop is unavailable: 0 of 1 available']),
  );
  for (const none of [path.join(folder, 'missing.json'), write('well.json', '{"releases": {}}'), '']) {
    const [well] = await runShards(project, 1, 6, { KET_UNAVAILABLE_FILE: none });
    expect(well?.cases.map(({ status }) => status)).toEqual(Array(10).fill('passed'));
    fs.rmSync(path.join(folder, 'ket-results', 'run-6'), { recursive: true });
  }
}, 60_000);

test('with pytest-timeout there is a limit of five minutes, unless another is set', async () => {
  const argv = ['venv/bin/pip', 'install', '--quiet', '--disable-pip-version-check', 'pytest-timeout==2.4.0'];
  expect(await execute(argv, project)).toMatchObject({ code: 0 });
  const said = async (...more: string[]): Promise<string> =>
    (await execute(['sh', './ket.sh', ...more], project, { KET_RESULTS: folder })).said;
  expect(await said()).toContain('timeout: 300s');
  expect(await said('--timeout=7')).toContain('timeout: 7.0s');
  expect(await said('-o', 'timeout=8')).toContain('timeout: 8.0s');
}, 120_000);
