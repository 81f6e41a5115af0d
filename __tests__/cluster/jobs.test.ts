import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
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

/** Jobs of the project's own, profiles, retries of failed cases, caps of results, news of releases. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';
const image = 'fixture:dev';

const again = 'junit $(cat $KET_RETRY_CASES)';
const retried = (name: string, second: string): object => ({
  ...{ name, image, retries: 1, retry: 'failed-cases', expectTests: 4 },
  command: `if [ -z "$KET_RETRY_CASES" ]; then junit a -b c -d; exit 1; fi; cat $KET_RETRY_CASES; ${second}`,
});

/** A service with a switch: its readiness is whether its file is there. */
const service = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'shop' },
  spec: {
    selector: { matchLabels: { app: 'shop' } },
    template: {
      metadata: { labels: { app: 'shop' } },
      spec: {
        containers: [
          {
            ...{ name: 'shop', image, command: ['/bin/sh', '-c', 'touch /tmp/well; exec sleep 100000'] },
            readinessProbe: { exec: { command: ['test', '-e', '/tmp/well'] }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};

/** As a team has it: root, its own volume, a sidecar that never ends, variables that Kubernetes expands. */
const teamJob = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'nightly', labels: { team: 'shop' } },
  spec: {
    backoffLimit: 4,
    template: {
      spec: {
        restartPolicy: 'OnFailure',
        serviceAccountName: 'not-here',
        initContainers: [
          { name: 'prepare', image, command: ['/bin/sh', '-c', 'echo prepared > /data/p'], ...mounts() },
        ],
        containers: [
          {
            ...{ name: 'nightly', image, ...mounts() },
            command: ['/bin/sh', '-c'],
            args: [
              'junit "$(cat /data/p)" $(NAME); echo "uid $(id -u) home $$HOME name $(NAME)"; echo kept > /results/kept.txt',
            ],
            env: [{ name: 'NAME', value: 'expanded' }],
          },
          { name: 'proxy', image, command: ['sleep', '100000'] },
        ],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  },
};

function mounts(): object {
  return { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
}

const tiers = {
  up: { suites: [{ name: 'a', image, command: 'true', expectTests: false }] },
  retries: {
    suites: [
      retried('mended', again),
      retried('ignored', 'junit b'),
      retried('skipped', 'junit b ~d'),
      retried('worse', 'junit b d -a; exit 1'),
      retried('silent', 'true'),
      {
        ...{ name: 'shards', image, retries: 1, retry: 'failed-cases', expectTests: 4, shards: 2 },
        command:
          'if [ -n "$KET_RETRY_CASES" ]; then junit $(cat $KET_RETRY_CASES); echo "one of $KET_SHARDS"; elif [ $KET_SHARD = 0 ]; then junit a b; else junit c -d; exit 1; fi',
      },
    ],
  },
  caps: {
    suites: [
      {
        ...{ name: 'large', image, caps: { file: '1Mi' } },
        command: 'junit a; dd if=/dev/zero of=/results/video bs=1M count=2',
      },
      {
        ...{ name: 'many', image, caps: { files: 30 } },
        command: 'junit a; for i in $(seq 100); do echo $i > /results/$i; done',
      },
      {
        ...{ name: 'full', image, caps: { total: '1Mi' } },
        command: 'junit a; for i in 1 2 3; do dd if=/dev/zero of=/results/f$i bs=1k count=500; done',
      },
      {
        ...{ name: 'within', image, caps: { total: '4Mi', file: '2Mi', files: 3 } },
        command: 'junit a; dd if=/dev/zero of=/results/video bs=1M count=2; echo x > /results/x',
      },
      {
        ...{ name: 'failing', image, caps: { file: '1Ki' } },
        command: 'junit -a; dd if=/dev/zero of=/results/video bs=1k count=2',
      },
    ],
  },
  told: {
    onUnhealthy: 'report',
    releases: [{ name: 'shop', chart: 'shop' }],
    suites: [
      {
        ...{ name: 'told', image },
        command: [
          ...['/bin/sh', '-c'],
          `f=$KET_UNAVAILABLE_FILE; [ -e $f ] || echo "nothing yet"; echo ready
until [ -e $f ]; do sleep 0.2; done; echo "saw $(cat $f)"
until ! grep -q shop $f; do sleep 0.2; done; echo "saw $(cat $f)"; junit a`,
        ],
        timeout: '3m',
      },
      { name: 'apart', image, needs: [], command: 'junit a; echo "file [$KET_UNAVAILABLE_FILE]"' },
    ],
  },
  own: {
    suites: [
      { name: 'nightly', job: 'team/job.yaml', podSecurity: 'privileged' },
      { name: 'strict', job: 'team/job.yaml', container: 'nightly' },
      {
        ...{ name: 'other', job: 'team/job.yaml', container: 'nightly', podSecurity: 'privileged' },
        ...{
          command: 'junit -x; exit 1',
          env: { NAME: 'changed' },
          resources: { limits: { memory: '300Mi' } },
        },
      },
    ],
  },
  profiles: {
    suites: [
      {
        name: 'taken',
        image,
        profile: 'browser',
        command: 'junit a; df -m /dev/shm | tail -1; echo "tz $TZ"',
      },
      { name: 'own', image, profile: 'browser', shm: '32Mi', command: 'junit a; df -m /dev/shm | tail -1' },
    ],
  },
};

const profiles = {
  browser: {
    shm: '64Mi',
    resources: { limits: { memory: '256Mi' } },
    patch: {
      spec: {
        template: { spec: { containers: [{ name: 'suite', env: [{ name: 'TZ', value: 'Asia/Tokyo' }] }] } },
      },
    },
  },
};

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  const files = {
    'kind.yaml': fs.readFileSync(path.join(root, 'kind-configs', 'integration.yaml'), 'utf8'),
    'shop/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n',
    'shop/templates/all.yaml': JSON.stringify(service),
    'team/job.yaml': JSON.stringify(teamJob),
    'ket.yaml': JSON.stringify({
      profiles,
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
const consoleOf = (ran: Ran, suite: string, attempt = 1): string =>
  fs.readFileSync(path.join(ran.folder, 'suites', suite, `attempt-${attempt}`, 'console.log'), 'utf8');
const suiteOf = (ran: Ran, suite: string) =>
  eventsOf(ran, 'suite-ended').find((event) => event.suite === suite);

test('a retry of failed cases: only what ran again and passes is mended', async () => {
  const ran = await run('retries');
  expect(ran.code).toBe(1);
  expect(suiteOf(ran, 'mended')).toMatchObject({
    outcome: 'flaky',
    attempts: 2,
    counts: { total: 4, passed: 4, failed: 0 },
  });
  expect(consoleOf(ran, 'mended', 2)).toBe('b\nd\n');
  expect(suiteOf(ran, 'shards')).toMatchObject({ outcome: 'flaky', counts: { total: 4, passed: 4 } });
  expect(consoleOf(ran, 'shards', 2)).toBe('one of 1\n');
  expect(attemptOf(ran, 'mended').retriedCases).toEqual(['b', 'd']);
  for (const [suite, message] of [
    ['ignored', '1 of 4 tests failed: d (not run again)'],
    ['skipped', '1 of 4 tests failed: d (not run again)'],
    ['worse', '1 of 4 tests failed: a'],
    ['silent', '2 of 4 tests failed: b (not run again), d (not run again)'],
  ] as const)
    expect({ suite, ...suiteOf(ran, suite) }).toMatchObject({ suite, outcome: 'failed', message });
  const xml = fs.readFileSync(path.join(ran.folder, 'junit.xml'), 'utf8');
  const suiteXml = (name: string): string =>
    new RegExp(`<testsuite name="${name}"[\\s\\S]*?</testsuite>`).exec(xml)?.[0] ?? '';
  expect(suiteXml('mended')).toMatch(/tests="4" failures="0"/);
  expect(suiteXml('mended').match(/<flakyFailure/g)).toHaveLength(2);
  expect(suiteXml('shards')).toMatch(/tests="4" failures="0"/);
  expect(suiteXml('ignored')).toMatch(/tests="4" failures="1"/);
  expect(suiteXml('ignored').match(/<flakyFailure/g)).toHaveLength(1);
}, 180_000);

test('results over a cap stay behind, are named, and are no pass', async () => {
  const ran = await run('caps');
  expect(ran.code).toBe(1);
  const incomplete = { outcome: 'infra-error', infraClass: 'collection-incomplete', counts: { total: 1 } };
  expect(suiteOf(ran, 'large')).toMatchObject({
    ...incomplete,
    message:
      'results are incomplete: 1 files left out over the caps (`caps`: 50000 files, 4Gi in all, 1Mi a file); video: left out: over the cap of one file',
  });
  expect(suiteOf(ran, 'many')).toMatchObject({
    ...incomplete,
    // Its JUnit is one of them, and is not said to be missing.
    counts: { total: 0 },
    message: expect.stringMatching(
      /: 71 files left out over the caps \(`caps`: 30 files, .* over the cap of the number of files; and \d+ more$/,
    ),
  });
  expect(suiteOf(ran, 'full')).toMatchObject({
    ...incomplete,
    message: expect.stringMatching(/: 1 files left out .*1Mi in all.*; f3: left out: over the cap of all/),
  });
  expect(suiteOf(ran, 'within')).toMatchObject({ outcome: 'passed' });
  expect(suiteOf(ran, 'failing')).toMatchObject({ outcome: 'failed', message: '1 of 1 tests failed: a' });
  const files = (suite: string): string[] =>
    fs.readdirSync(path.join(ran.folder, 'suites', suite, 'attempt-1', 'results'));
  expect(files('large')).toEqual(['junit.xml']);
  expect(files('many')).toHaveLength(30);
  expect(files('within').sort()).toEqual(['junit.xml', 'video', 'x']);
}, 180_000);

test('a suite is told while it runs which release is unavailable, and when it is back', async () => {
  const shop = (command: string): void =>
    void kubectl(kubeconfig, 'exec', '-n', 'shop', 'deploy/shop', '--', '/bin/sh', '-c', command);
  const ran = await run('told', {
    onEvent(event) {
      if (event.type === 'log' && event.line === 'ready') shop('rm /tmp/well');
      if (event.type === 'log' && event.line.startsWith('saw {"releases":{"shop"')) shop('touch /tmp/well');
    },
  });
  expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
  expect(consoleOf(ran, 'told')).toBe(
    'nothing yet\nready\nsaw {"releases":{"shop":"Deployment shop/shop: 0 of 1 available for 30 s"}}\nsaw {"releases":{}}\n',
  );
  expect(consoleOf(ran, 'apart')).toBe('file []\n');
  expect(eventsOf(ran, 'notice').map(({ text }) => text)).toContain('release shop is available again');
}, 240_000);

test("a Job of the project's own runs as it is but for what ket plan lists", async () => {
  const ran = await run('own');
  expect(suiteOf(ran, 'nightly')).toMatchObject({ outcome: 'passed', counts: { total: 2, passed: 2 } });
  expect(consoleOf(ran, 'nightly')).toBe('uid 0 home /root name expanded\n');
  const results = path.join(ran.folder, 'suites', 'nightly', 'attempt-1', 'results');
  expect(fs.readFileSync(path.join(results, 'kept.txt'), 'utf8')).toBe('kept\n');
  expect(fs.readFileSync(path.join(results, 'junit.xml'), 'utf8')).toMatch(
    /name="prepared"[\s\S]*name="expanded"/,
  );
  // The namespace's Pod Security is the API server's word.
  expect(suiteOf(ran, 'strict')).toMatchObject({
    outcome: 'infra-error',
    infraClass: 'denied',
    message: expect.stringMatching(/violates PodSecurity "restricted:latest".*runAsNonRoot/),
  });
  expect(suiteOf(ran, 'other')).toMatchObject({ outcome: 'failed', message: '1 of 1 tests failed: x' });
  const pod = fs.readFileSync(path.join(ran.folder, 'suites', 'other', 'attempt-1', 'pod.yaml'), 'utf8');
  expect(pod).toMatch(/memory: 300Mi/);
  expect(pod).toMatch(/name: NAME\s+value: changed/);

  const plan = await ket({ args: ['plan', '--tier', 'own'], cwd: project, box });
  const lines = plan.stdout.split('\n');
  expect(lines.some((line) => /^# What ket changes in .*team\/job\.yaml/.test(line))).toBe(true);
  for (const line of ['spec.backoffLimit: 4 → 0', 'spec.template.spec.restartPolicy: "OnFailure" → "Never"'])
    expect(lines).toContain(`#   ${line}`);
  expect(lines.filter((line) => /^# {3}.*(proxy|prepare)/.test(line))).toEqual([]);
}, 180_000);

test('a profile says what its suites do not', async () => {
  const ran = await run('profiles');
  expect(ran.code).toBe(0);
  expect(consoleOf(ran, 'taken')).toMatch(/\s64\s.*\/dev\/shm\ntz Asia\/Tokyo/);
  expect(consoleOf(ran, 'own')).toMatch(/\s32\s.*\/dev\/shm/);
}, 120_000);
