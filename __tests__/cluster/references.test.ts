import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { exampleFiles } from './act.ts';
import { attemptOf, eventsOf, ket, kubectl, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** What suites take of releases, and releases that a suite has for itself, with the example's database. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';

const connect =
  "import os, time, psycopg; db = psycopg.connect('postgresql://shop@shop-db:5432/shop', autocommit=True)";
const passed = `open('/results/junit.xml', 'w').write('<testsuite><testcase name="a"/></testsuite>')`;

/** Fails with the password in its message, after it has printed it in two forms and used it. */
const tells = `${connect}
import base64
word = os.environ['PGPASSWORD']
assert word == open('/etc/db/password').read(), 'the file is another'
assert open('/etc/bytes/key', 'rb').read() == bytes([255, 254, 0, 1])
assert os.environ['LEVEL'] == 'debug'
print('the password is', word, base64.b64encode(word.encode()).decode())
open('/results/password', 'w').write(word)
case = '<testcase name="a"><failure message="it was %s">as said: %s</failure></testcase>'
open('/results/junit.xml', 'w').write('<testsuite>' + case % (word, word) + '</testsuite>')
`;

/** Empties and refills a table, for long enough that another does it at the same time. */
const refill = `${connect}
print('releases in', os.environ['KET_RELEASE_NAMESPACES'])
db.execute('create table if not exists goods (n int)')
until = time.monotonic() + 15
cases = []
while len(cases) < 20 or time.monotonic() < until:
    db.execute('delete from goods')
    for n in range(10):
        db.execute('insert into goods values (%s)', [n])
        time.sleep(0.005)
    found = db.execute('select count(*) from goods').fetchone()[0]
    bad = '' if found == 10 else '<failure message="%d of 10"/>' % found
    cases.append('<testcase name="refill %d">%s</testcase>' % (len(cases), bad))
open('/results/junit.xml', 'w').write('<testsuite>' + ''.join(cases) + '</testsuite>')
`;

interface Tier {
  releases: { name: string; set?: object }[];
  suites: object[];
}

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  exampleFiles(project);
  const file = path.join(project, 'ket.yaml');
  const { tiers } = parse(fs.readFileSync(file, 'utf8')) as { tiers: Record<string, Tier> };
  const example = tiers['integration'];
  if (example === undefined) throw new Error('the example has no tier integration');
  // The chart makes a password, another one in each namespace.
  const releases = example.releases.map((release) => ({ ...release, set: { 'database.password': '' } }));
  const tierOf = (suites: object[]): object => ({ ...example, default: false, releases, suites });
  const suite = {
    ...{ image: 'shop-tests:dev', needs: ['shop'], api: 'none' },
    env: { PGPASSWORD: { from: 'release/shop/secret/shop-db/password' } },
  };
  const python = (code: string): string[] => ['python', '-c', code];
  const config = {
    tiers: {
      up: tierOf([{ ...suite, name: 'ready', command: python(connect) }]),
      taken: tierOf([
        {
          ...{ ...suite, name: 'tells', placement: 'release', command: python(tells) },
          envFrom: ['release/shop/configmap/settings'],
          files: { '/etc/db': 'release/shop/secret/shop-db', '/etc/bytes': 'release/shop/secret/bytes/key' },
        },
        { ...suite, name: 'beside', command: python(`${connect}\n${passed}`) },
      ]),
      lacking: tierOf([
        {
          ...{ ...suite, name: 'lacks', command: python(passed) },
          env: { PGPASSWORD: { from: 'release/shop/secret/shop-db/pasword' } },
        },
        {
          ...{ ...suite, name: 'bytes', command: python(passed) },
          env: { KEY: { from: 'release/shop/secret/bytes/key' } },
        },
      ]),
      own: tierOf(
        ['a', 'b'].map((name) => ({ ...suite, name, isolation: 'release', command: python(refill) })),
      ),
    },
  };
  fs.writeFileSync(file, stringify(config));
  ({ name: cluster, kubeconfig } = await up('up', project, box));
  kubectl(kubeconfig, '-n', 'shop', 'create', 'configmap', 'settings', '--from-literal=LEVEL=debug');
  const bytes = path.join(box.home, 'bytes');
  fs.writeFileSync(bytes, Buffer.of(255, 254, 0, 1));
  kubectl(kubeconfig, '-n', 'shop', 'create', 'secret', 'generic', 'bytes', `--from-file=key=${bytes}`);
}, 400_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const run = (tier: string, more: Partial<Parameters<typeof ket>[0]> = {}): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster], cwd: project, box, ...more });

/** Everything of this kind in the cluster that bears the label of a run. */
const ofRuns = (kind: string): string =>
  kubectl(kubeconfig, 'get', kind, '-A', '-l', 'ket.dev/run', '-o', 'name');

/** What is left of runs once the cluster has carried out what ket told it to delete. */
async function leftOfRuns(): Promise<string> {
  const until = Date.now() + 60_000;
  let left = ofRuns('secrets,configmaps,namespaces');
  while (left !== '' && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    left = ofRuns('secrets,configmaps,namespaces');
  }
  return left;
}

/** What ket itself wrote: all files but those that are the suite's own bytes. */
function written(folder: string): [string, string][] {
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const own = /\/results(\/|$)|console\.log$|^junit\.xml$/;
  return files
    .filter((file) => !own.test(file) && fs.statSync(path.join(folder, file)).isFile())
    .map((file) => [file, fs.readFileSync(path.join(folder, file), 'utf8')]);
}

test("a release's secret comes as variable and as file, also beside the release, and shows nowhere", async () => {
  let copies = '';
  const ran = await run('taken', {
    onEvent(event) {
      if (event.type === 'attempt-started' && event.suite === 'tells') copies = ofRuns('secrets,configmaps');
    },
  });
  expect(attemptOf(ran, 'beside').outcome).toBe('passed');
  const { outcome, counts } = attemptOf(ran, 'tells');
  expect({ outcome, failed: counts.failed }).toEqual({ outcome: 'failed', failed: 1 });
  const attempt = path.join(ran.folder, 'suites', 'tells', 'attempt-1');
  const word = fs.readFileSync(path.join(attempt, 'results', 'password'), 'utf8');
  const coded = Buffer.from(word).toString('base64');
  expect(word).toMatch(/^\w{24}$/);
  // The user's own bytes stay; that they are there proves that there was something to mask.
  expect(fs.readFileSync(path.join(attempt, 'console.log'), 'utf8')).toBe(
    `the password is ${word} ${coded}\n`,
  );
  expect(ran.stdout.includes('the password is *** ***')).toBe(true);
  expect(eventsOf(ran, 'case')).toContainEqual(
    expect.objectContaining({ suite: 'tells', message: expect.stringContaining('it was ***') }),
  );
  const all = [['stdout', ran.stdout], ['stderr', ran.stderr], ...written(ran.folder)];
  expect(all.map(([name]) => name)).toEqual(expect.arrayContaining(['events.ndjson', 'summary.md']));
  const showing = all.filter(([, text]) => [word, coded].some((form) => text?.includes(form)));
  expect(showing.map(([name]) => name)).toEqual([]);
  // As objects of the attempt's own, gone with it.
  expect(copies.trim().split('\n')).toEqual(
    expect.arrayContaining([expect.stringMatching(/^secret\/ket-.*-tells-1-of-\d$/)]),
  );
  expect(await leftOfRuns()).toBe('');
  expect(fs.readFileSync(path.join(ran.folder, 'summary.md'), 'utf8')).toContain(
    'release shop is shared by tells, beside',
  );
}, 180_000);

test('what is not there, and what no variable can hold: the message says which, and no test ran', async () => {
  const ran = await run('lacking');
  expect(ran.code).toBe(3);
  expect(attemptOf(ran, 'lacks')).toMatchObject({
    ...{ outcome: 'infra-error', infraClass: 'configuration' },
    message:
      'release/shop/secret/shop-db: Secret shop-db in namespace shop has no key pasword; there is password',
  });
  expect(attemptOf(ran, 'bytes')).toMatchObject({
    ...{ outcome: 'infra-error', infraClass: 'configuration' },
    message: expect.stringMatching(/the value of its key key is not text: .*take it as a file/),
  });
  expect(await leftOfRuns()).toBe('');
}, 120_000);

test('each with a release of its own, neither disturbs the other, and nothing of the copies is left', async () => {
  let during = '';
  const ran = await run('own', {
    onEvent(event) {
      if (event.type === 'attempt-started') during = ofRuns('namespaces');
    },
  });
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  for (const name of ['a', 'b']) {
    const { counts } = attemptOf(ran, name);
    expect(counts.total).toBeGreaterThanOrEqual(20);
    expect(counts.passed).toBe(counts.total);
    const log = fs.readFileSync(path.join(ran.folder, 'suites', name, 'attempt-1', 'console.log'), 'utf8');
    expect(log).toMatch(new RegExp(`^releases in shop-[\\w-]+-${name}\n`));
  }
  // Side by side.
  const at = (type: 'attempt-started' | 'attempt-ended'): number[] => eventsOf(ran, type).map(({ ms }) => ms);
  expect(Math.max(...at('attempt-started'))).toBeLessThan(Math.min(...at('attempt-ended')));
  expect(during).toMatch(/namespace\/shop-[\w-]+-a\n/);
  expect(during).toMatch(/namespace\/shop-[\w-]+-b\n/);
  const tasks = eventsOf(ran, 'task-started').map(({ task }) => task);
  expect(tasks.filter((task) => task.startsWith('install')).sort()).toEqual([
    'install shop@a',
    'install shop@b',
  ]);
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(await leftOfRuns()).toBe('');
  expect(box.states()).toHaveLength(1);
}, 300_000);

test('also when ket is killed: what it had listed, the next command removes', async () => {
  const killed = await run('own', {
    onEvent(event, pid) {
      if (event.type === 'attempt-started') process.kill(pid, 'SIGKILL');
    },
  });
  expect(killed.code).toBeNull();
  expect(ofRuns('namespaces')).toMatch(/namespace\/shop-/);
  const { code, stderr } = await ket({ args: ['cleanup'], cwd: project, box });
  expect({ code, said: code === 0 ? '' : stderr }).toEqual({ code: 0, said: '' });
  expect(await leftOfRuns()).toBe('');
  expect(kubectl(kubeconfig, 'get', 'pods', '-n', 'shop', '-o', 'name')).toMatch(/pod\/shop-db-0/);
}, 300_000);
