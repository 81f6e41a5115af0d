import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import {
  attemptOf,
  eventsOf,
  ket,
  kubectl,
  namespacesBut,
  root,
  sandbox,
  type Ran,
  type Sandbox,
} from './ket.ts';

/** A cluster that plain kind made plays the one that is there already: ket knows it by its kubeconfig alone. */

const image = 'busybox:1.36';
const cluster = `ket-existing-${String(process.pid)}`;
const context = `kind-${cluster}`;
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-existing-'));
const admin = path.join(home, 'admin.yaml');
const junit = `printf '<testsuite><testcase name="a"/></testsuite>' > /results/j.xml`;

const deployment = (name: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers: [{ name: main, image: "${image}", command: [sleep, "36000"] }]
      terminationGracePeriodSeconds: 1
`;

/** A chart with all that Helm leaves: a hook, the claim of a StatefulSet, a CRD; and with something of the cluster. */
const chart: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: own\nversion: 0.1.0\n',
  'crds/crd.yaml': `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.ket.test }
spec:
  group: ket.test
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
    - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }
`,
  'templates/all.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: { name: hook, annotations: { "helm.sh/hook": pre-install } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: wanted, annotations: { "helm.sh/resource-policy": keep } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: own-of-ket-test }
rules: [{ apiGroups: [""], resources: [nodes], verbs: [get] }]
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  serviceName: db
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec:
      containers:
        - { name: db, image: "${image}", command: [sleep, "36000"], volumeMounts: [{ name: data, mountPath: /data }] }
      terminationGracePeriodSeconds: 1
  volumeClaimTemplates:
    - { metadata: { name: data }, spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 8Mi } } } }
`,
};

const suite = { name: 'asks', image, command: junit };
/** Until the test has looked at what stands in the cluster meanwhile. */
const untilSeen = 'for i in $(seq 300); do [ -e /tmp/seen ] && exit 0; sleep 0.1; done; exit 1';
const tiers = {
  plain: {
    cluster: { context },
    suites: [{ ...suite, command: `${junit}; ${untilSeen}`, priority: 'smoke' }],
  },
  own: {
    cluster: { context },
    releases: [{ name: 'own', namespace: 'team', chart: 'chart' }],
    suites: [suite],
  },
  'own-crds': {
    cluster: { context },
    releases: [{ name: 'own', namespace: 'team', chart: 'chart', removeCRDs: true }],
    suites: [suite],
  },
  installed: {
    cluster: { context },
    releases: [{ name: 'shop', namespace: 'prod', installed: true }],
    suites: [suite],
  },
  elsewhere: {
    cluster: { context },
    releases: [{ name: 'shop', namespace: 'team', installed: true }],
    suites: [suite],
  },
  taken: {
    cluster: { context },
    releases: [{ name: 'shop', namespace: 'prod', chart: 'prod' }],
    suites: [suite],
  },
  breaks: {
    cluster: { context },
    releases: [{ name: 'shop', namespace: 'prod', installed: true }],
    suites: [{ ...suite, command: `${junit}; sleep 100` }],
  },
  limited: { cluster: { kubeconfig: 'limited.yaml' }, suites: [suite] },
  'limited-release': {
    cluster: { kubeconfig: 'limited.yaml' },
    releases: [{ name: 'mine', manifests: ['mine.yaml'] }],
    suites: [suite],
  },
  many: { cluster: { kubeconfig: 'many.yaml' }, suites: [suite] },
  unknown: { cluster: { context: `${context}x` }, suites: [suite] },
  gone: { cluster: { kubeconfig: 'gone.yaml' }, suites: [suite] },
  slow: { cluster: { context }, suites: [{ ...suite, command: `${junit}; sleep 300` }] },
};

interface Kubeconfig {
  clusters: { cluster: { server: string } }[];
}

const write = (file: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(home, file)), { recursive: true });
  fs.writeFileSync(path.join(home, file), text);
};

/** The admin's kubeconfig with something else in place of a part. */
const kubeconfigWith = (change: Readonly<Record<string, unknown>>): string =>
  stringify({ ...(parse(fs.readFileSync(admin, 'utf8')) as object), ...change });

const run = (file: string, ...args: string[]): string => execFileSync(file, args, { encoding: 'utf8' });
const ask = (...args: string[]): string => kubectl(admin, ...args).trim();

beforeAll(() => {
  const config = path.join(root, 'kind-configs', 'integration.yaml');
  const nodeImage = process.env['KET_NODE_IMAGE'];
  const nodes = nodeImage === undefined ? [] : ['--image', nodeImage];
  const argv = ['create', 'cluster', '--name', cluster, '--kubeconfig', admin, '--config', config];
  run('kind', ...argv, ...nodes, '--wait', '120s');
  run('kind', 'load', 'docker-image', image, '--name', cluster);
  for (const [file, text] of Object.entries(chart)) write(`chart/${file}`, text);
  write('prod/Chart.yaml', 'apiVersion: v2\nname: shop\nversion: 0.1.0\n');
  write('prod/templates/shop.yaml', deployment('shop'));
  write('mine.yaml', deployment('mine'));
  write('ket.yaml', stringify({ tiers }, { aliasDuplicateObjects: false }));
  ask('create', 'namespace', 'team');
  ask('create', 'serviceaccount', 'ket', '-n', 'team');
  const helm = ['install', 'shop', path.join(home, 'prod'), '-n', 'prod', '--create-namespace', '--wait'];
  run('helm', ...helm, '--kubeconfig', admin);
  const token = ask('create', 'token', 'ket', '-n', 'team', '--duration', '2h');
  const user = 'limited';
  write(
    'limited.yaml',
    kubeconfigWith({
      users: [{ name: user, user: { token } }],
      contexts: [{ name: user, context: { cluster: context, user } }],
      'current-context': user,
    }),
  );
  const two = ['one', 'two'].map((name) => ({ name, context: { cluster: context, user: context } }));
  write('many.yaml', kubeconfigWith({ contexts: two, 'current-context': '' }));
  const { clusters } = parse(fs.readFileSync(admin, 'utf8')) as Kubeconfig;
  const there = clusters.map((one) => ({
    ...one,
    cluster: { ...one.cluster, server: 'https://127.0.0.1:1' },
  }));
  write('gone.yaml', kubeconfigWith({ clusters: there }));
}, 400_000);
afterAll(() => {
  run('kind', 'delete', 'cluster', '--name', cluster, '--kubeconfig', admin);
  fs.rmSync(home, { recursive: true, force: true });
}, 120_000);

let box: Sandbox;
let before = '';
const own = (): string[] => {
  const runs = path.join(box.home, 'state', 'ket', 'runs');
  return fs.existsSync(runs) ? fs.readdirSync(runs) : [];
};
const labelled = (kind: string): string =>
  ask('get', kind, '-A', '-l', 'app.kubernetes.io/managed-by=ket', '-o', 'name');
beforeEach(() => {
  box = sandbox();
  before = fs.readFileSync(admin, 'utf8');
});
/** In the cluster and on this machine there is what was there, and the user's kubeconfig is as it was. */
const expectNothingLeft = async (): Promise<void> => {
  expect(await namespacesBut(admin, 'team', 'prod')).toEqual([]);
  expect(labelled('priorityclass')).toBe('');
  expect(labelled('role')).toBe('');
  expect(own()).toEqual([]);
  expect(fs.readFileSync(admin, 'utf8')).toBe(before);
};
afterEach(() => box.remove());

const runTier = (tier: string, more: Partial<Parameters<typeof ket>[0]> = {}): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier], cwd: home, box, env: { KUBECONFIG: admin }, ...more });
const notices = (ran: Ran): string =>
  eventsOf(ran, 'notice')
    .map(({ text }) => text)
    .join('\n');
const errorOf = (ran: Ran) => eventsOf(ran, 'run-ended')[0]?.error;

test('a context: who the cluster is, a namespace and a class of its own, and nothing left', async () => {
  const seen: string[] = [];
  const ran = await runTier('plain', {
    onEvent(event) {
      if (event.type !== 'attempt-started') return;
      const form = '{range .items[*]}{.metadata.labels} {.value} {.preemptionPolicy}{"\\n"}{end}';
      const [select, managed] = ['-l', 'app.kubernetes.io/managed-by=ket'];
      seen.push(ask('get', 'priorityclass', select, managed, '-o', `jsonpath=${form}`));
      seen.push(ask('get', 'lease', '-A', select, managed, '-o', 'jsonpath={.items[*].metadata.labels}'));
      const copy = own().find((name) => name.endsWith('.kubeconfig')) ?? '';
      const file = path.join(box.home, 'state', 'ket', 'runs', copy);
      seen.push(`${(fs.statSync(file).mode & 0o777).toString(8)} ${copy}`);
      const pod = '{.items[0].metadata.namespace} {.items[0].metadata.name}';
      const [namespace = '', name = ''] = ask(
        'get',
        'pod',
        '-A',
        select,
        managed,
        '-o',
        `jsonpath=${pod}`,
      ).split(' ');
      ask('exec', '-n', namespace, name, '--', 'touch', '/tmp/seen');
    },
  });
  expect(errorOf(ran)).toBeUndefined();
  expect(attemptOf(ran, 'asks')).toMatchObject({ outcome: 'passed' });
  expect(ran.code).toBe(0);
  expect(notices(ran)).toMatch(
    new RegExp(`cluster ${context}: Kubernetes v1\\.\\d+\\.\\d+ \\(kind\\), 1 node`),
  );
  const [classes, lease, copy] = seen;
  expect(classes).toMatch(/"ket\.dev\/expires":"\d+".*"ket\.dev\/suite":"asks".* 2 Never/);
  expect(classes).toMatch(/"ket\.dev\/attempt":"1"/);
  expect(lease).toMatch(/"ket\.dev\/expires":"\d+"/);
  expect(copy).toMatch(/^600 .+\.kubeconfig$/);
  await expectNothingLeft();
}, 200_000);

test('a release of its own in a namespace that was there: all of it goes, CRDs only when asked for', async () => {
  const first = await runTier('own');
  expect(errorOf(first)).toBeUndefined();
  expect(first.code).toBe(0);
  expect(notices(first)).toContain('Helm leaves the CRDs that release own made: widgets.ket.test');
  expect(notices(first)).toContain('the chart of release own wants kept, and so is left: ConfigMap wanted');
  expect(ask('get', 'pvc,statefulset,secret', '-n', 'team', '-o', 'name')).toBe('');
  expect(ask('get', 'configmap', '-n', 'team', '-o', 'name').split('\n').sort()).toEqual([
    'configmap/kube-root-ca.crt',
    'configmap/wanted',
  ]);
  expect(ask('get', 'clusterrole', 'own-of-ket-test', '--ignore-not-found', '-o', 'name')).toBe('');
  // Those that were there before a run are not the run's, whatever it asks for.
  ask('delete', 'configmap', 'wanted', '-n', 'team');
  expect((await runTier('own-crds')).code).toBe(0);
  expect(ask('get', 'crd', '-o', 'name')).toContain('widgets.ket.test');
  ask('delete', 'configmap', 'wanted', '-n', 'team');
  ask('delete', 'crd', 'widgets.ket.test');
  expect((await runTier('own-crds')).code).toBe(0);
  expect(ask('get', 'crd', '-o', 'name')).not.toContain('widgets.ket.test');
  ask('delete', 'configmap', 'wanted', '-n', 'team');
  await expectNothingLeft();
}, 400_000);

test('a release that is installed already is looked at and left as it is', async () => {
  const form = 'jsonpath={.metadata.uid} {.metadata.generation} {.spec.template}';
  const state = (): string[] => [
    ask('get', 'deployment', 'shop', '-n', 'prod', '-o', form),
    ask('get', 'secret', '-n', 'prod', '-o', 'jsonpath={.items[*].metadata.resourceVersion}'),
  ];
  const was = state();
  const ran = await runTier('installed');
  expect(errorOf(ran)).toBeUndefined();
  expect(ran.code).toBe(0);
  expect(state()).toEqual(was);
  const absent = await runTier('elsewhere');
  expect(absent.code).toBe(3);
  expect(errorOf(absent)?.message).toBe(
    'release shop is not in namespace team, and `installed: true` says that it is',
  );
  const taken = await runTier('taken');
  expect(taken.code).toBe(3);
  expect(errorOf(taken)?.message).toContain(
    `release shop is in namespace prod of cluster ${context} already`,
  );
  expect(errorOf(taken)?.next).toContain('installed: true');
  expect(state()).toEqual(was);
  await expectNothingLeft();
}, 300_000);

test('one that breaks while a suite runs ends the suite', async () => {
  const ran = await runTier('breaks', {
    onEvent(event) {
      if (event.type === 'attempt-started') ask('scale', 'deployment/shop', '-n', 'prod', '--replicas=0');
      if (event.type === 'attempt-started') ask('patch', 'deployment/shop', '-n', 'prod', '-p', broken);
    },
  });
  ask('patch', 'deployment/shop', '-n', 'prod', '-p', mended);
  ask('rollout', 'status', 'deployment/shop', '-n', 'prod', '--timeout=60s');
  expect(ran.code).toBe(3);
  expect(attemptOf(ran, 'asks')).toMatchObject({ outcome: 'infra-error' });
  expect(attemptOf(ran, 'asks').message).toContain('release shop became unhealthy');
  await expectNothingLeft();
}, 300_000);
const containers = (command: string): string =>
  JSON.stringify({
    spec: {
      replicas: 1,
      template: { spec: { containers: [{ name: 'main', command: ['sh', '-c', command] }] } },
    },
  });
const broken = containers('exit 1');
const mended = containers('sleep 36000');

test('a user without rights is told all that lacks, and what grants it; with that it works', async () => {
  const ran = await runTier('limited');
  expect(ran.code).toBe(2);
  const error = errorOf(ran);
  expect(error).toMatchObject({ code: 'KET_RIGHTS' });
  expect(error?.message).toMatch(
    /^no rights: system:serviceaccount:team:ket lacks \d+ that the run needs in cluster limited; nothing was made$/,
  );
  const lines = error?.details ?? [];
  expect(lines).toContainEqual('get, list, create, delete namespaces of the cluster');
  expect(lines).toContainEqual(
    expect.stringMatching(/^get, create, delete, .*jobs\.batch in namespace ket-.+-asks-1$/),
  );
  expect(lines).toContainEqual(expect.stringMatching(/^get, create pods\/exec in namespace ket-/));
  expect(lines).toContainEqual('get services in namespace kube-system');
  await expectNothingLeft();
  const grants = path.join(ran.folder, 'cluster', 'rights.yaml');
  expect(error?.next).toBe(`have somebody who may apply it: kubectl apply -f ${grants}`);
  ask('apply', '-f', grants);
  const granted = await runTier('limited');
  expect(errorOf(granted)).toBeUndefined();
  expect(granted.code).toBe(0);
  // A release needs more, and only that is said.
  const more = await runTier('limited-release');
  expect(more.code).toBe(2);
  expect(errorOf(more)?.details).toContainEqual(
    expect.stringContaining('deployments.apps in namespace mine'),
  );
  expect(errorOf(more)?.details?.join('\n')).not.toContain('create, delete namespaces');
  // One grant does not take away what another gave.
  ask('apply', '-f', path.join(more.folder, 'cluster', 'rights.yaml'));
  const all = await runTier('limited-release');
  expect(errorOf(all)).toBeUndefined();
  expect(all.code).toBe(0);
  await expectNothingLeft();
}, 400_000);

test('a kubeconfig with several contexts, an unknown one, a server that is not there', async () => {
  const many = await runTier('many');
  expect(many.code).toBe(2);
  expect(many.stderr).toContain('the kubeconfig has 2 contexts, and none is named or current [KET_CONFIG]');
  expect(many.stderr).toContain('  | one\n  | two\n');
  const unknown = await runTier('unknown');
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain(`has no context ${context}x (did you mean ${context}?)`);
  const gone = await runTier('gone');
  expect(gone.code).toBe(3);
  expect(errorOf(gone)).toMatchObject({ code: 'KET_CLUSTER', where: 'https://127.0.0.1:1' });
  expect(errorOf(gone)?.message).toMatch(/^cluster kind-.+ cannot be reached: .*ECONNREFUSED/);
  const named = await ket({
    args: ['run', '--tier', 'many', '--context', 'two'],
    ...{ cwd: home, box, env: { KUBECONFIG: admin } },
  });
  expect(named.code).toBe(0);
  await expectNothingLeft();
}, 200_000);

test('a killed run is left alone until its Lease is over, and others are only told of it', async () => {
  const killed = await runTier('slow', {
    onEvent(event, pid) {
      if (event.type === 'attempt-started') process.kill(pid, 'SIGKILL');
    },
  });
  const [id = ''] = eventsOf(killed, 'run-started').map((event) => event.run);
  const clean = (): Promise<Ran> => ket({ args: ['cleanup'], cwd: home, box });
  expect((await clean()).stderr).toMatch(
    new RegExp(`left alone: run ${id}: its Lease was renewed \\S+( \\S+)? ago`),
  );
  const long = '2020-01-01T00:00:00.000000Z';
  const change = (patch: object): string =>
    ask('patch', 'lease', `ket-${id}`, '-n', `ket-${id}`, '--type=merge', '-p', JSON.stringify(patch));
  change({ spec: { renewTime: long } });
  expect((await clean()).stderr).toMatch(
    new RegExp(`left alone: run ${id}: something of it may run until 20`),
  );
  change({ metadata: { labels: { 'ket.dev/expires': '1' } } });
  // To a machine without a state of it.
  const other = sandbox();
  const ran = await runTier('plain', { box: other });
  other.remove();
  expect(notices(ran)).toContain(`run ${id}, of which this machine has no state, left `);
  expect(notices(ran)).toContain(`kubectl delete namespace ket-${id}`);
  expect(ask('get', 'namespace', '-o', 'name')).toContain(`ket-${id}-asks-1`);
  expect((await clean()).stderr).toContain(`removed namespace ket-${id}-asks-1 of run ${id}`);
  await expectNothingLeft();
}, 300_000);
