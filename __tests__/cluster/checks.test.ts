import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { eventsOf, ket, kubectl, namespacesBut, readJson, root, sandbox, up } from './ket.ts';
import type { Ran, Sandbox } from './ket.ts';

/** Checks on a real cluster of three nodes: those that hold, those that do not, and a cluster without policies. */

const image = 'busybox:1.36';
const server = (name: string, port: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 2
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - name: server
          image: "${image}"
          command: [/bin/sh, -c, "mkdir /tmp/www && echo all is well > /tmp/www/health && echo serving && exec httpd -f -p ${port} -h /tmp/www"]
          readinessProbe: { tcpSocket: { port: ${port} }, periodSeconds: 1 }
      terminationGracePeriodSeconds: 1
---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec:
  selector: { app: ${name} }
  ports: [{ name: ${name === 'shop-db' ? 'db' : 'http'}, port: ${port} }]
`;

const files: Readonly<Record<string, string>> = {
  'k8s/api.yaml': server('shop-api', 8080),
  'k8s/db.yaml': `${server('shop-db', 5432)}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: shop-db }
spec:
  podSelector: { matchLabels: { app: shop-db } }
  policyTypes: [Ingress]
  ingress: [{ from: [{ podSelector: { matchLabels: { role: api } } }, { podSelector: { matchLabels: { app.kubernetes.io/managed-by: ket } } , namespaceSelector: { matchLabels: { app.kubernetes.io/managed-by: ket } } }] }]
`,
  'inner/inner.yaml': `${server('inner-db', 5432)}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: inner-db }
spec:
  podSelector: { matchLabels: { app: inner-db } }
  policyTypes: [Ingress]
  ingress: [{ from: [{ podSelector: {} }] }]
`,
  'ket.yaml': `
tiers:
  all:
    cluster: { config: ${path.join(root, 'kind-configs', 'e2e.yaml')} }
    images: [{ name: "${image}" }]
    releases: [{ name: shop, manifests: [k8s] }]
    checks:
      - { name: api-up, http: 'http://shop-api:8080/health', body: all is well }
      - { name: db-up, tcp: 'shop-db:5432' }
      - { name: says, exec: deployment/shop-api, command: 'test -f /tmp/www/health' }
      - { name: ready, workload: deployment/shop-api }
      - { name: migrated, job: shop-migrate }
      - { name: net, network: true }
      - name: db-private
        policy: shop-db:5432
        allow: [{ labels: { role: api } }]
        deny: [{ labels: { role: web } }, { namespace: default }]
      - { name: wrong-port, tcp: 'shop-db:5433', limit: 3s }
      - { name: wrong-name, tcp: 'shop-bd:5432', limit: 3s }
      - { name: wrong-body, http: 'http://shop-api:8080/health', body: nothing is well, limit: 3s }
      - { name: wrong-path, http: 'http://shop-api:8080/helth', limit: 3s }
      - { name: says-no, exec: deployment/shop-api, command: 'echo no such table; exit 7', limit: 3s }
      - { name: not-there, workload: statefulset/shop-queue, limit: 3s }
      - { name: job-fails, job: shop-fails }
      - name: open
        policy: shop-api:8080
        allow: [{ labels: { role: api } }]
        deny: [{ labels: { role: web } }]
        limit: 3s
      - name: dead
        policy: shop-dead:5432
        allow: [{ labels: { role: api } }]
        deny: [{ labels: { role: web } }]
        limit: 3s
    suites:
      - { name: good, image: "${image}", command: 'true', expectTests: false, requires: { checks: [api-up, db-up, says, ready, migrated, net, db-private] } }
      - { name: free, image: "${image}", command: 'true', expectTests: false, requires: { checks: [] } }
      - { name: bad, image: "${image}", command: 'true', expectTests: false, requires: { checks: [wrong-port] } }
  few:
    cluster: { config: ${path.join(root, 'kind-configs', 'e2e.yaml')} }
    images: [{ name: "${image}" }]
    releases: [{ name: shop, manifests: [k8s] }]
    checks:
      - name: db-private
        policy: shop-db:5432
        allow: [{ labels: { role: api } }]
        deny: [{ labels: { role: web } }]
        limit: 5s
    suites: [{ name: good, image: "${image}", command: 'true', expectTests: false }]
  beside: &inner
    cluster: { config: ${path.join(root, 'kind-configs', 'e2e.yaml')} }
    images: [{ name: "${image}" }]
    releases: [{ name: inner, manifests: [inner] }]
    checks: [{ name: net, network: true, limit: 8s }, { name: db-up, tcp: 'inner-db:5432', limit: 8s }]
    suites: [{ name: asks, image: "${image}", command: 'true', expectTests: false, placement: release }]
  apart:
    <<: *inner
    suites: [{ name: asks, image: "${image}", command: 'true', expectTests: false }]
`,
};

const job = (name: string, command: string): string =>
  JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'shop' },
    spec: {
      backoffLimit: 0,
      template: {
        spec: { restartPolicy: 'Never', containers: [{ name: 'job', image, command: [command] }] },
      },
    },
  });

let box: Sandbox;
let folder = '';
let cluster = { name: '', kubeconfig: '' };
beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  cluster = await up('all', folder, box);
  for (const input of [job('shop-migrate', 'true'), job('shop-fails', 'false')])
    execFileSync('kubectl', ['--kubeconfig', cluster.kubeconfig, 'create', '-f', '-'], { input });
  // Of no release, and without pods behind it.
  kubectl(cluster.kubeconfig, '-n', 'shop', 'create', 'service', 'clusterip', 'shop-dead', '--tcp=5432');
}, 400_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  box.remove();
}, 120_000);

const checkOf = (ran: Ran, name: string) =>
  eventsOf(ran, 'task-ended').find(({ task }) => task === `check ${name}`);

const nothingIsLeft = async (ran: Ran): Promise<void> => {
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(await namespacesBut(cluster.kubeconfig, 'shop')).toEqual([]);
  const pods = kubectl(cluster.kubeconfig, 'get', 'pods,configmaps', '-A', '-l', 'ket.dev/run', '-o', 'name');
  expect(pods).toBe('');
};

test('a suite whose checks hold runs, and one whose check fails is skipped with it as the reason', async () => {
  const ran = await ket({ args: ['run', '--tier', 'all'], cwd: folder, box });
  const ends = eventsOf(ran, 'suite-ended').map(({ suite, outcome, message }) => [suite, outcome, message]);
  expect(ends.sort()).toEqual([
    ['bad', 'skipped', 'not run: check wrong-port failed'],
    ['free', 'passed', expect.stringMatching(/^exit code 0/)],
    ['good', 'passed', expect.stringMatching(/^exit code 0/)],
  ]);
  expect(ran.code).toBe(3);
  // What no suite requires is not looked at.
  expect(checkOf(ran, 'wrong-body')).toBeUndefined();
  const { error, outcome } = checkOf(ran, 'wrong-port') ?? {};
  expect(outcome).toBe('failed');
  expect(error?.code).toBe('KET_CHECK');
  expect(error?.message).toMatch(
    /^check wrong-port: pod probe-1-\d on node \S+-worker\d? → shop-db:5433: expected a connection, seen: .+; likely: Service shop\/shop-db has no port 5433, only 5432$/,
  );
  expect(error?.details).toContainEqual(expect.stringMatching(/^pod shop-db-\S+ of Service shop\/shop-db:$/));
  expect(error?.details).toContain('serving');
  expect(readJson(path.join(ran.folder, 'checks', 'net', 'check.json'))).toMatchObject({ holds: true });
  await nothingIsLeft(ran);
}, 240_000);

describe('ket check', () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await ket({ args: ['check', '--tier', 'all'], cwd: folder, box });
  }, 240_000);

  test('looks at all of them, and runs no suite', async () => {
    expect(ran.code).toBe(3);
    expect(eventsOf(ran, 'suite-ended')).toEqual([]);
    await nothingIsLeft(ran);
  });

  test.each(['api-up', 'db-up', 'says', 'ready', 'migrated', 'net', 'db-private'])('%s holds', (name) =>
    expect(checkOf(ran, name)).toMatchObject({ outcome: 'done' }),
  );

  test.each([
    ['wrong-name', /→ shop-bd:5432: expected a connection, seen: no such name; likely: there is no Service/],
    [
      'wrong-body',
      /expected status 200 and a body with "nothing is well", seen: status 200 without it: all is/,
    ],
    ['wrong-path', /helth: expected status 200, seen: status 404.*; likely: the path is another/],
    ['says-no', /exit 7 in pod shop-api-\S+: expected exit code 0, seen: 7: no such table$/],
    ['not-there', /there is no StatefulSet shop-queue in namespace shop$/],
    ['job-fails', /Job shop-fails failed: /],
    [
      'open',
      /a pod with role=web in namespace shop → \S+:8080: expected no connection, seen: a connection to 10\./,
    ],
    [
      'dead',
      /a pod with role=api in namespace shop → shop-dead\.shop\S+:5432: expected a connection, seen: (refused|no answer) by 10\./,
    ],
  ])('%s fails, and says so', (name, message) => {
    const { outcome, error } = checkOf(ran, name) ?? {};
    expect([outcome, error?.code]).toEqual(['failed', 'KET_CHECK']);
    expect(error?.message).toMatch(message);
  });

  test('a deny without an allow that gets through proves nothing', () =>
    expect(checkOf(ran, 'dead')?.error?.details).toContainEqual(
      expect.stringMatching(/^nobody got through to that port/),
    ));
});

describe('a port that a policy opens to the namespace of the release alone', () => {
  const inTier = async (tier: string): Promise<Ran> => {
    const ran = await ket({ args: ['run', '--tier', tier, '--cluster', cluster.name], cwd: folder, box });
    await nothingIsLeft(ran);
    return ran;
  };

  test('is looked at from there for a suite that runs there', async () => {
    const ran = await inTier('beside');
    expect(ran.stderr).toBe('');
    expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'asks', outcome: 'passed' }]);
    expect(ran.code).toBe(0);
    for (const name of ['net', 'db-up']) expect(checkOf(ran, name)).toMatchObject({ outcome: 'done' });
  }, 180_000);

  test('is closed to a suite with a namespace of its own, and the checks say so', async () => {
    const ran = await inTier('apart');
    expect(ran.code).toBe(3);
    expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ suite: 'asks', outcome: 'skipped' }]);
    const closed =
      /^check \S+: pod probe-1-\d on node \S+ → (http:\/\/)?inner-db\S*:5432\/?: expected (a connection|an HTTP answer), seen: no answer by 10\.\S+ within \d+ ms; likely: a NetworkPolicy drops it/;
    // With the first that fails nothing is left that the other would serve; alone, both are looked at.
    const alone = await ket({
      args: ['check', '--tier', 'apart', '--cluster', cluster.name],
      cwd: folder,
      box,
    });
    expect(alone.code).toBe(3);
    for (const name of ['net', 'db-up']) {
      const end = checkOf(alone, name);
      expect(end?.outcome).toBe('failed');
      expect(end?.error?.message).toMatch(closed);
    }
    await nothingIsLeft(alone);
  }, 180_000);
});

test('a cluster that does not enforce policies is found out', async () => {
  const inSystem = ['-n', 'kube-system'];
  const plugin = kubectl(cluster.kubeconfig, ...inSystem, 'get', 'daemonsets', '-o', 'name')
    .split('\n')
    .find((name) => name !== '' && !name.endsWith('/kube-proxy'));
  kubectl(cluster.kubeconfig, ...inSystem, 'delete', plugin ?? '', '--wait=true');
  const ran = await ket({ args: ['check', '--tier', 'few', '--cluster', cluster.name], cwd: folder, box });
  expect(ran.code).toBe(3);
  const { error } = checkOf(ran, 'db-private') ?? {};
  expect([error?.message, ...(error?.details ?? [])].join('\n')).toContain(
    "this cluster does not enforce policies: one of ket's own, which denies everything, stopped nobody",
  );
}, 240_000);
