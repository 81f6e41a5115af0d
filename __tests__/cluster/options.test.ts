import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { strategicMerge } from '../../src/suites/job/strategic-merge.ts';
import { base, mergeCases } from '../unit/support/merge-cases.ts';
import {
  attemptOf,
  eventsOf,
  fixture,
  ket,
  kubectl,
  root,
  sandbox,
  up,
  type Ran,
  type Sandbox,
} from './ket.ts';
import { expectEnd } from './known-end.ts';

/** What ket.yaml can say of suites and their namespaces, seen from inside and in the cluster. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';
const image = 'fixture:dev';

const refusing = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'own-only' },
  spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] },
};

const tiers = {
  up: { suites: [{ name: 'a', image, command: 'true', expectTests: false }] },
  rules: {
    quota: { pods: '3', 'limits.memory': '2Gi' },
    limitRange: [{ type: 'Container', max: { memory: '1Gi' } }],
    suites: [
      {
        name: 'ruled',
        image,
        command: 'junit a; echo ready; sleep 4',
        podSecurity: 'baseline',
        ingress: 'deny',
      },
      {
        ...{ name: 'too-much', image, command: 'junit a' },
        resources: { limits: { memory: '1500Mi' } },
      },
    ],
  },
  files: {
    suites: [
      {
        ...{ name: 'files', image, shm: '64Mi', results: ['/app/reports', '/app/more/shots'] },
        command:
          'echo "<testsuite><testcase name=\\"a\\"/></testsuite>" > /app/reports/j.xml; echo shot > /app/more/shots/1.txt; df -m /dev/shm | tail -1',
      },
    ],
  },
  lacking: {
    suites: [
      { name: 'here', image, command: 'junit a' },
      { name: 'lacks', image, command: 'junit a', secrets: ['KEY'], requires: { env: ['KEY', 'HOME'] } },
    ],
  },
  nothing: { suites: [{ name: 'lacks', image, command: 'junit a', requires: { env: ['KEY'] } }] },
  breaks: {
    releases: [{ name: 'svc', chart: 'svc' }],
    suites: [{ name: 'tests', image, command: 'junit a; echo ready; sleep 120' }],
  },
  reported: {
    onUnhealthy: 'report',
    releases: [{ name: 'svc', namespace: 'reported', chart: 'svc' }],
    suites: [{ name: 'tests', image, command: 'junit a; sleep 60' }],
  },
  refused: {
    releases: [{ name: 'shop', chart: 'chart' }],
    suites: [{ name: 'refused', image, command: 'junit -a; echo connect: Connection refused; exit 1' }],
  },
};

/** Well for a while, then never again. */
const breaking = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'svc' },
  spec: {
    selector: { matchLabels: { app: 'svc' } },
    template: {
      metadata: { labels: { app: 'svc' } },
      spec: {
        volumes: [{ name: 'data', emptyDir: {} }],
        containers: [
          {
            ...{ name: 'svc', image, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
            command: [
              '/bin/sh',
              '-c',
              '[ -e /data/ran ] || { touch /data/ran; sleep 20; }; echo the disk is on fire; exit 1',
            ],
          },
        ],
      },
    },
  },
};

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  const files = {
    'kind.yaml': fs.readFileSync(path.join(root, 'kind-configs', 'integration.yaml'), 'utf8'),
    'chart/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n',
    'chart/templates/policy.yaml': JSON.stringify(refusing),
    'svc/Chart.yaml': 'apiVersion: v2\nname: svc\nversion: 0.1.0\n',
    'svc/templates/all.yaml': JSON.stringify(breaking),
    'ket.yaml': JSON.stringify({
      tiers: Object.fromEntries(
        Object.entries(tiers).map(([name, tier]) => [
          name,
          { cluster: { config: 'kind.yaml' }, images: [{ name: image, build: fixture }], ...tier },
        ]),
      ),
    }),
  };
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    fs.writeFileSync(path.join(project, name), text);
  }
  ({ name: cluster, kubeconfig } = await up('up', project, box));
}, 240_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const run = (tier: string, more: Partial<Parameters<typeof ket>[0]> = {}): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster], cwd: project, box, ...more });

test('the rules of the tier and of the suite hold in the namespace of an attempt', async () => {
  let seen: unknown[] = [];
  let pod: unknown;
  let namespace: { metadata: { labels: Record<string, string> } } | undefined;
  const ran = await run('rules', {
    onEvent(event) {
      if (event.type !== 'log' || event.line !== 'ready') return;
      const get = (...args: string[]): unknown =>
        JSON.parse(kubectl(kubeconfig, 'get', ...args, '-o', 'json'));
      const all = get('namespaces', '-l', 'ket.dev/suite=ruled') as {
        items: [NonNullable<typeof namespace>];
      };
      [namespace] = all.items;
      [pod] = (get('pods', '-A', '-l', 'ket.dev/suite=ruled') as { items: unknown[] }).items;
      const kinds = 'resourcequota,limitrange,networkpolicy';
      seen = (get(kinds, '-A', '-l', 'ket.dev/suite=ruled') as { items: unknown[] }).items;
    },
  });
  expect(attemptOf(ran, 'ruled').outcome).toBe('passed');
  expect(seen).toMatchObject([
    { kind: 'ResourceQuota', spec: { hard: { pods: '3', 'limits.memory': '2Gi' } } },
    { kind: 'LimitRange', spec: { limits: [{ type: 'Container', max: { memory: '1Gi' } }] } },
    { kind: 'NetworkPolicy', spec: { podSelector: {}, policyTypes: ['Ingress'] } },
  ]);
  expect(pod).toMatchObject({ spec: { priority: 1, preemptionPolicy: 'Never' } });
  expect(kubectl(kubeconfig, 'get', 'priorityclasses', '-l', 'ket.dev/run', '-o', 'name')).toBe('');
  const labels = namespace?.metadata.labels ?? {};
  expect(labels['pod-security.kubernetes.io/enforce']).toBe('baseline');
  const left = Number(labels['ket.dev/expires']) * 1000 - Date.now();
  expect(left).toBeGreaterThan(3_600_000);
  // It is made while releases are installed, for which a day is reckoned.
  expect(left).toBeLessThan(30 * 3_600_000);
  expect(eventsOf(ran, 'notice').map((event) => event.text)).toContain(
    'ruled runs under Pod Security baseline, not restricted',
  );
  expect(attemptOf(ran, 'too-much')).toMatchObject({
    outcome: 'infra-error',
    message: expect.stringMatching(/maximum memory usage per Container is 1Gi/),
  });
}, 120_000);

test('folders beside /results come back, and shared memory has its size', async () => {
  const ran = await run('files');
  expect(ran.code).toBe(0);
  expect(attemptOf(ran, 'files').counts.total).toBe(1);
  const attempt = path.join(ran.folder, 'suites', 'files', 'attempt-1');
  expect(fs.readFileSync(path.join(attempt, 'results', 'app', 'more', 'shots', '1.txt'), 'utf8')).toBe(
    'shot\n',
  );
  expect(fs.readFileSync(path.join(attempt, 'console.log'), 'utf8')).toMatch(/\s64\s.*\/dev\/shm/);
}, 120_000);

test('a suite that lacks what it requires is skipped with the reason; the others decide', async () => {
  const ran = await run('lacking');
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
  const ends = eventsOf(ran, 'suite-ended').map(({ suite, outcome, message }) => ({
    suite,
    outcome,
    message,
  }));
  expect(ends).toContainEqual({
    suite: 'lacks',
    outcome: 'skipped',
    message: 'not run: it requires KEY, which is not set here',
  });
  const given = await run('lacking', { env: { KEY: 'open-sesame' } });
  expect(eventsOf(given, 'suite-ended').map(({ outcome }) => outcome)).toEqual(['passed', 'passed']);
}, 120_000);

test('nothing at all is made for suites that all lack something', async () => {
  const ran = await ket({ args: ['run', '--tier', 'nothing'], cwd: project, box });
  expect(ran.code).toBe(2);
  expect(eventsOf(ran, 'task-started').map(({ task }) => task)).toEqual(['preflight', 'suite lacks']);
}, 60_000);

test('refused connections beside a policy for its own namespace: the message names the cure', async () => {
  const ran = await run('refused');
  expect(ran.code).toBe(1);
  expect(eventsOf(ran, 'notice').map((event) => event.text)).toContainEqual(
    expect.stringMatching(
      /NetworkPolicy shop\/own-only lets in pods of its own namespace only: `placement: release`/,
    ),
  );
}, 120_000);

test('a release that breaks under a suite: an infrastructure error with the words of the service, and results so far', async () => {
  const ran = await run('breaks');
  expect(ran.code).toBe(3);
  const attempt = attemptOf(ran, 'tests');
  expectEnd(
    ran,
    { suite: 'tests', name: 'unhealthy' },
    {
      ...{ outcome: 'infra-error', infraClass: 'unhealthy' },
      message: /release svc became unhealthy.*(crashed \d times|0 of 1 available).*the disk is on fire/,
    },
  );
  expect(attempt.counts.total).toBe(1);
  expect(attempt.attemptMs).toBeLessThan(90_000);
  const saved = fs.readdirSync(path.join(ran.folder, 'releases', 'svc'));
  expect(saved).toEqual(expect.arrayContaining(['events.txt', expect.stringMatching(/^svc-.*_svc\.log$/)]));
}, 180_000);

test('with onUnhealthy: report it is said, and the suite decides', async () => {
  const ran = await run('reported');
  expect(ran.code).toBe(0);
  expect(eventsOf(ran, 'notice').map((event) => event.text)).toContainEqual(
    expect.stringMatching(/release svc became unhealthy.*the disk is on fire/),
  );
}, 180_000);

test.each(mergeCases.map((one) => [one.name, one] as const))(
  'a patch does what the API server does with it: %s',
  (_name, { patch }) => {
    const at = (...args: string[]): { template: object; metadata: object } =>
      JSON.parse(kubectl(kubeconfig, ...args, '-o', 'json')) as { template: object; metadata: object };
    const file = path.join(box.home, 'template.json');
    const write = (template: unknown): void =>
      fs.writeFileSync(
        file,
        JSON.stringify({ apiVersion: 'v1', kind: 'PodTemplate', metadata: { name: 'merge' }, template }),
      );
    write(base);
    kubectl(kubeconfig, 'apply', '--server-side', '--force-conflicts', '-f', file);
    const now = at('get', 'podtemplate', 'merge');
    const theirs = at(
      ...['patch', 'podtemplate', 'merge', '--type', 'strategic', '--dry-run=server'],
      ...['-p', JSON.stringify({ template: patch })],
    );
    // Both with the server's own defaults.
    write(strategicMerge(now.template, patch));
    expect(at('replace', '--dry-run=server', '-f', file).template).toEqual(theirs.template);
  },
  30_000,
);
