import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { exampleFiles } from './act.ts';
import { attemptOf, ket, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** Two suites side by side that each empty and refill the same table of the example's database, 20 times. */

let box: Sandbox;
let project = '';
let cluster = '';

const connect = "import os, time, psycopg; db = psycopg.connect(os.environ['DATABASE_URL'], autocommit=True)";

const refill = `${connect}
db.execute('set search_path to ' + os.environ.get('KET_SUITE_ID' if os.environ['OWN'] else 'COMMON', 'public'))
db.execute('create table if not exists goods (n int)')
# Neither begins before the other is there.
db.execute('insert into public.here values (%s)', [os.environ['KET_RUN_ID']])
until = time.monotonic() + 60
while db.execute('select count(*) from public.here where run = %s', [os.environ['KET_RUN_ID']]).fetchone()[0] < 2:
    assert time.monotonic() < until, 'the other suite did not come'
    time.sleep(0.05)
cases = []
for i in range(20):
    db.execute('delete from goods')
    for n in range(10):
        db.execute('insert into goods values (%s)', [n])
        time.sleep(0.005)
    found = db.execute('select count(*) from goods').fetchone()[0]
    bad = '' if found == 10 else '<failure message="%d of 10"/>' % found
    cases.append('<testcase name="refill %d">%s</testcase>' % (i, bad))
open('/results/junit.xml', 'w').write('<testsuite>' + ''.join(cases) + '</testsuite>')
`;

interface Tier {
  suites: object[];
}

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  exampleFiles(project);
  const file = path.join(project, 'ket.yaml');
  const { tiers } = parse(fs.readFileSync(file, 'utf8')) as { tiers: Record<string, Tier> };
  const suite = {
    ...{ image: 'shop-tests:dev', command: ['python', '-c', refill], needs: ['shop'], api: 'none' },
    env: { DATABASE_URL: 'postgresql://shop:test-password@shop-db:5432/shop', OWN: '' },
  };
  const own = {
    ...suite,
    env: { ...suite.env, OWN: 'yes' },
    setup: `python -c "${connect}; db.execute('create schema ' + os.environ['KET_SUITE_ID'])"`,
    teardown: `python -c "${connect}; db.execute('drop schema ' + os.environ['KET_SUITE_ID'] + ' cascade')"`,
  };
  const ready = {
    ...{ name: 'ready', image: 'shop-tests:dev', needs: ['shop'], expectTests: false },
    command: ['python', '-c', `${connect}; db.execute('create table here (run text)')`],
    env: suite.env,
  };
  const schemas = {
    ...ready,
    command: [
      'python',
      '-c',
      `${connect}; print(db.execute("select count(*) from information_schema.schemata where schema_name like 'ket%'").fetchone())`,
    ],
  };
  const tierOf = (suites: object[]): object => ({ ...tiers['integration'], default: false, suites });
  const config = {
    tiers: {
      up: tierOf([ready]),
      own: tierOf(['a', 'b'].map((name) => ({ name, ...own }))),
      shared: tierOf(['a', 'b'].map((name) => ({ name, ...suite }))),
      schemas: tierOf([schemas]),
    },
  };
  fs.writeFileSync(file, stringify(config));
  ({ name: cluster } = await up('up', project, box));
}, 400_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const run = (tier: string): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster], cwd: project, box });

test('with a schema of its own by set-up neither disturbs the other; the teardown takes it away', async () => {
  expect((await run('up')).code).toBe(0);
  const ran = await run('own');
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  for (const name of ['a', 'b']) expect(attemptOf(ran, name).counts).toMatchObject({ total: 20, passed: 20 });
  const after = await run('schemas');
  const log = path.join(after.folder, 'suites', 'ready', 'attempt-1', 'console.log');
  expect(fs.readFileSync(log, 'utf8')).toBe('(0,)\n');
}, 240_000);

test('without, the same pair is seen to fail', async () => {
  const ran = await run('shared');
  expect(ran.code).toBe(1);
  const failed = ['a', 'b'].reduce((sum, name) => sum + attemptOf(ran, name).counts.failed, 0);
  expect(failed).toBeGreaterThan(0);
}, 120_000);
