import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { attemptOf, ket, root, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** The recipe of pytest in the pods of a real Job: 40 tests of 0.05 to 3 s in four shards. */

let box: Sandbox;
let project = '';
let cluster = '';
const image = 'forty:dev';
const suite = { image, workingDir: '/tests', resources: { requests: { cpu: '10m', memory: '32Mi' } } };

const tierOf = (command: string, shards: number): object => ({
  cluster: { config: 'kind.yaml' },
  images: [{ name: image, build: '.' }],
  suites: [{ name: 'forty', ...suite, command, shards }],
});

const tiers = {
  up: {
    ...tierOf('true', 2),
    suites: [{ name: 'a', ...suite, command: 'true', expectTests: false }],
  },
  balanced: tierOf('sh ket.sh', 4),
  few: tierOf('sh ket.sh -k "[7] or [8]"', 3),
  none: tierOf('sh ket.sh -k nonsense', 2),
};

/** In no order: the times jump up and down. */
const tests = `import time, pytest

TIMES = [0.05 + (i * i * 37 + i * 811) % 2951 / 1000 for i in range(40)]

@pytest.mark.parametrize("i", range(40))
def test_case(i):
    time.sleep(TIMES[i])
`;

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  fs.cpSync(path.join(root, 'examples', 'recipes', 'pytest'), project, { recursive: true });
  fs.copyFileSync(path.join(root, 'kind-configs', 'integration.yaml'), path.join(project, 'kind.yaml'));
  const files = {
    'test_forty.py': tests,
    Dockerfile: [
      'FROM python:3.11-slim',
      'RUN pip install --no-cache-dir pytest==9.2.0',
      'WORKDIR /tests',
      'COPY ket_plugin.py ket.sh test_forty.py ./',
    ].join('\n'),
    'ket.yaml': JSON.stringify({ tiers }),
  };
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(project, name), text);
  ({ name: cluster } = await up('up', project, box));
}, 300_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const run = (tier: keyof typeof tiers): Promise<Ran> =>
  ket({
    ...{ args: ['run', '--tier', tier, '--cluster', cluster], cwd: project, box },
    output: path.join(box.home, 'results'),
  });

const consoleOf = (ran: Ran, shard: number): string =>
  fs.readFileSync(
    path.join(ran.folder, 'suites', 'forty', 'attempt-1', `shard-${String(shard)}`, 'console.log'),
    'utf8',
  );

test('after one run the slowest of four shards is within 1.2 of the mean', async () => {
  const first = await run('balanced');
  expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: '' });
  expect(consoleOf(first, 2)).toContain('10 of 40 names, about 10 of 40 s; how long 40 of them take');
  const second = await run('balanced');
  expect(attemptOf(second, 'forty')).toMatchObject({
    ...{ outcome: 'passed', message: '40 tests passed, in 4 shards' },
  });
  expect(consoleOf(second, 2)).toContain('how long 0 of them take');
  const times = (ran: Ran): number[] =>
    (attemptOf(ran, 'forty').pods ?? []).map((pod) => pod.commandMs ?? NaN);
  const ratio = (all: readonly number[]): number =>
    (Math.max(...all) * all.length) / all.reduce((a, b) => a + b, 0);
  process.stderr.write(`shards, ms: first ${times(first).join(' ')}; then ${times(second).join(' ')}\n`);
  expect(times(second)).toHaveLength(4);
  expect(ratio(times(second))).toBeLessThan(1.2);
  expect(ratio(times(second))).toBeLessThan(ratio(times(first)));
}, 300_000);

test('a shard without a test is skipped and says so; the others decide', async () => {
  const ran = await run('few');
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  expect(attemptOf(ran, 'forty')).toMatchObject({
    ...{ outcome: 'passed', message: '2 tests passed, 1 skipped, in 3 shards' },
    pods: [{ outcome: 'passed' }, { outcome: 'passed' }, { outcome: 'skipped' }],
  });
  expect(fs.readFileSync(path.join(ran.folder, 'junit.xml'), 'utf8')).toContain(
    'no test is left for it: 2 for 3 shards',
  );
}, 120_000);

test('tests that were not found fail the suite', async () => {
  const ran = await run('none');
  expect(ran.code).toBe(1);
  expect(attemptOf(ran, 'forty').outcome).toBe('failed');
  expect(consoleOf(ran, 1)).toContain('there is no name on stdin');
}, 120_000);
