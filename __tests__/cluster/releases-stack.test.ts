import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { chartRegistry, chartRepository, packChart, type ChartServer } from './chart-servers.ts';
import { eventsOf, ket, namespacesBut, root, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** Releases on a cluster that stays: where their charts come from, what is awaited, and what is left of them. */

const deployment = (name: string, readiness: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: ${name}
          image: busybox:1.36
          command: [sh, -c, 'sleep 6; touch /tmp/ready; sleep 3600']
          readinessProbe: { exec: { command: [test, -e, ${readiness}] }, periodSeconds: 1 }
`;
const job = (name: string, command: string, more = ''): string => `
apiVersion: batch/v1
kind: Job
metadata: { name: ${name}${more} }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: "busybox:1.36", command: [sh, -c, '${command}'] }]
`;
const chart = (name: string): string => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`;

const files: Readonly<Record<string, string>> = {
  'fetched/Chart.yaml': chart('fetched'),
  'fetched/templates/all.yaml':
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: which }\ndata: { version: "{{ .Chart.Version }}" }\n',
  'stack/Chart.yaml': chart('stack'),
  'stack/crds/things.yaml': `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.ket.test }
spec:
  group: ket.test
  names: { kind: Thing, plural: things, singular: thing }
  scope: Namespaced
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
`,
  'stack/templates/api.yaml': deployment('api', '/tmp/ready'),
  'stack/templates/job.yaml': job('seed', 'sleep 12'),
  'stack/templates/service.yaml': `
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { selector: { app: api }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody }
spec: { selector: { app: nobody }, ports: [{ port: 80 }] }
---
# Bound when a pod uses it, and none does.
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: idle }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Mi } } }
`,
  'never/Chart.yaml': chart('never'),
  'never/templates/all.yaml': deployment('never', '/tmp/no-such-file'),
  'failing/Chart.yaml': chart('failing'),
  'failing/templates/all.yaml': job('seed', 'echo no such table; exit 3'),
};

let box: Sandbox;
let folder = '';
let cluster = { name: '', kubeconfig: '' };
const servers: ChartServer[] = [];
beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  const archives = path.join(box.home, 'archives');
  fs.mkdirSync(archives);
  for (const version of ['1.0.0', '1.2.0', '2.0.0'])
    packChart(path.join(folder, 'fetched'), archives, version);
  const repository = await chartRepository(archives);
  const registry = await chartRegistry('fetched', '1.2.0', path.join(archives, 'fetched-1.2.0.tgz'));
  servers.push(repository, registry);
  const asks = (release: string): string =>
    `suites: [{ name: asks, image: "busybox:1.36", command: 'test "$VERSION" = 1.2.0', expectTests: false, env: { VERSION: { from: release/${release}/configmap/which/version } } }]`;
  fs.writeFileSync(
    path.join(folder, 'ket.yaml'),
    `
tiers:
  up:
    cluster: &one { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    images: &images [{ name: "busybox:1.36" }]
    suites: &suites [{ name: asks, image: "busybox:1.36", command: "true", expectTests: false }]
  repo:
    cluster: *one
    images: *images
    releases: [{ name: repo, chart: fetched, repo: "http://${repository.address}", version: 1.x }]
    ${asks('repo')}
  oci:
    cluster: *one
    images: *images
    releases: [{ name: oci, chart: "oci://${registry.address}/charts/fetched", version: 1.2.0 }]
    ${asks('oci')}
  stack: { cluster: *one, images: *images, suites: *suites, releases: [{ name: stack, chart: stack, timeout: 2m }] }
  never: { cluster: *one, images: *images, suites: *suites, releases: [{ name: never, chart: never, timeout: 25s }] }
  failing: { cluster: *one, images: *images, suites: *suites, releases: [{ name: failing, chart: failing, timeout: 2m }] }
`,
  );
  cluster = await up('up', folder, box);
}, 400_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  for (const server of servers) await server.close();
  box.remove();
}, 120_000);

const run = async (tier: string): Promise<Ran> => {
  const ran = await ket({ args: ['run', '--tier', tier, '--cluster', cluster.name], cwd: folder, box });
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(await namespacesBut(cluster.kubeconfig)).toEqual([]);
  const left = fs.readdirSync(path.join(box.home, 'state', 'ket', 'runs'));
  expect(left.filter((name) => name.includes('chart'))).toEqual([]);
  return ran;
};
const failureOf = (ran: Ran, task: string): unknown =>
  eventsOf(ran, 'task-ended').find((event) => event.task === task)?.error;
const awaited = (ran: Ran, task: string): string[] =>
  eventsOf(ran, 'task-awaiting').flatMap((event) => (event.task === task ? [event.what] : []));

test.each([['repo'], ['oci']])(
  'a chart from %s in the newest version that is meant, and nothing of Helm where the user has it',
  async (tier) => {
    const ran = await run(tier);
    expect(ran.code).toBe(0);
    const [server] = tier === 'repo' ? servers : servers.slice(1);
    expect(server?.asked.length).toBeGreaterThan(1);
    expect(fs.readdirSync(box.home).filter((name) => /helm|^\./.test(name))).toEqual([]);
    const cache = path.join(box.home, 'cache', 'ket', 'helm');
    const indices = fs.globSync(path.join(cache, '**', '*index.yaml'));
    expect(indices).toEqual([]);
  },
  180_000,
);

test('all that a release is made of is awaited, and shown with since when', async () => {
  const ran = await run('stack');
  expect(ran.code).toBe(0);
  const shown = awaited(ran, 'install stack').join('\n');
  expect(shown).toMatch(/Job stack\/seed: 0 of 1 complete, since \d+ s/);
  expect(shown).toMatch(/pod api-\S+: container api runs but is not ready/);
  expect(shown).not.toContain('idle');
  const warnings = eventsOf(ran, 'notice').filter(({ level }) => level === 'warning');
  expect(warnings.map(({ text }) => text)).toContain(
    'release stack is ready, but nobody answers for Service stack/nobody: no pod has the labels app=nobody',
  );
}, 240_000);

test('a release that is never ready: what was not, since when, and the last events', async () => {
  const ran = await run('never');
  expect(ran.code).toBe(3);
  expect(failureOf(ran, 'install never')).toMatchObject({
    code: 'KET_RELEASE',
    message: expect.stringMatching(
      /^release never was not ready within 25 s: Deployment never\/never: 0 of 1 available, since \d+ s; and 1 more$/,
    ),
    details: expect.arrayContaining([
      expect.stringMatching(
        /^pod never-\S+: container never runs but is not ready \(its readiness probe\), since/,
      ),
      expect.stringMatching(/Warning Unhealthy Pod\/never-\S+: Readiness probe failed/),
    ]),
    where: path.join(ran.folder, 'releases', 'never'),
    next: expect.stringContaining('raise the timeout'),
  });
  expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'asks', outcome: 'skipped' }]);
  expect(fs.existsSync(path.join(ran.folder, 'releases', 'never', 'events.txt'))).toBe(true);
}, 240_000);

test('a Job of the manifest that fails ends the install at once, with its last lines', async () => {
  const ran = await run('failing');
  expect(ran.code).toBe(3);
  expect(failureOf(ran, 'install failing')).toMatchObject({
    message: expect.stringMatching(/^release failing cannot become ready: Job seed failed/),
    details: [expect.stringMatching(/^pod seed-\S+, container main: exit code 3$/), 'no such table'],
  });
  expect(ran.ms).toBeLessThan(90_000);
}, 240_000);
