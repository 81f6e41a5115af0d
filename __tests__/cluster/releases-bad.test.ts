import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { containersOf, eventsOf, ket, root, sandbox, type Ran, type Sandbox } from './ket.ts';

/** Releases that are wrong before there is a cluster: the run ends while the nodes start, and leaves nothing. */

const files: Readonly<Record<string, string>> = {
  'broken/Chart.yaml': 'apiVersion: v2\nname: broken\nversion: 0.1.0\n',
  'broken/templates/all.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {{ .Values.none.name }}\n',
  'lacking/Chart.yaml':
    'apiVersion: v2\nname: lacking\nversion: 0.1.0\ndependencies: [{ name: db, version: 1.x, repository: "https://charts.invalid" }]\n',
  'ket.yaml': `
tiers:
  broken:
    cluster: &one { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    releases: [{ name: shop, chart: broken }]
    suites: &suites [{ name: asks, image: "busybox:1.36", command: "true", expectTests: false }]
  lacking: { cluster: *one, suites: *suites, releases: [{ name: shop, chart: lacking }] }
  nowhere: { cluster: *one, suites: *suites, releases: [{ name: shop, chart: db, repo: "http://127.0.0.1:9/", version: 1.x }] }
`,
  'values/ket.yaml': `
tiers:
  values:
    cluster: { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    releases: [{ name: shop, chart: ../broken, values: [none.yaml] }]
    suites: [{ name: asks, image: "busybox:1.36", command: "true", expectTests: false }]
`,
};

let box: Sandbox;
let folder = '';
beforeEach(() => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
});
afterEach(() => box.remove());

/** The error of the release, and what it ends: the cluster is not waited for, and is gone. */
function endedEarly(ran: Ran): unknown {
  expect(ran.code).toBe(3);
  const ends = new Map(eventsOf(ran, 'task-ended').map((event) => [event.task, event]));
  expect(ends.get('cluster ready')?.outcome).not.toBe('done');
  expect(eventsOf(ran, 'suite-ended')).toMatchObject([
    { suite: 'asks', outcome: 'skipped', message: 'not run: prepare shop failed' },
  ]);
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(containersOf(ran.stdout)).toEqual([]);
  expect(box.states()).toEqual([]);
  const left = fs.readdirSync(path.join(box.home, 'state', 'ket', 'runs'));
  expect(left.filter((name) => name.includes('chart') || name.includes('kubeconfig'))).toEqual([]);
  return ends.get('prepare shop')?.error;
}

test.each([
  [
    'broken',
    {
      message: 'release shop does not render',
      details: expect.arrayContaining([
        'Error: broken/templates/all.yaml:3:20',
        '    nil pointer evaluating interface {}.name',
      ]),
      next: expect.stringContaining('helm template shop'),
    },
  ],
  [
    'lacking',
    {
      message: 'release shop does not render',
      details: [expect.stringContaining('missing in charts/ directory: db')],
      next: expect.stringContaining('helm dependency build'),
    },
  ],
  [
    'nowhere',
    {
      message: 'release shop has a chart that could not be fetched',
      where: 'db 1.x from http://127.0.0.1:9/',
      details: [expect.stringContaining('connection refused')],
    },
  ],
])(
  'a chart that is %s ends the run before there is a cluster',
  async (tier, error) => {
    const ran = await ket({ args: ['run', '--tier', tier], cwd: folder, box });
    expect(endedEarly(ran)).toMatchObject({ code: 'KET_RELEASE', ...error });
  },
  120_000,
);

test('a values file that is not there is told with its line, and nothing is begun', async () => {
  const ran = await ket({ args: ['run'], cwd: path.join(folder, 'values'), box });
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain('ket.yaml:5:');
  expect(ran.stderr).toContain('the values file of release "shop" does not exist: none.yaml');
  expect(ran.events).toEqual([]);
  expect(box.states()).toEqual([]);
}, 60_000);
