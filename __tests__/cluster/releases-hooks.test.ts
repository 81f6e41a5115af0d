import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import {
  attemptOf,
  eventsOf,
  ket,
  kubectl,
  namespacesBut,
  root,
  sandbox,
  up,
  type Ran,
  type Sandbox,
} from './ket.ts';

/** `helm test` of releases as suites: passed, failed and tried again, without any hook; and what is left. */

const hook = (name: string, command: string, policy = ''): string => `---
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
  annotations: { helm.sh/hook: test${policy === '' ? '' : `, helm.sh/hook-delete-policy: ${policy}`} }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  containers: [{ name: main, image: "busybox:1.36", command: [sh, -c, '${command}'] }]
`;
const chart = (name: string): string => `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n`;
const config = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: it }\n';
const files: Readonly<Record<string, string>> = {
  'good/Chart.yaml': chart('good'),
  'good/templates/all.yaml': config,
  'good/templates/tests.yaml':
    hook('stays', 'echo from stays') + hook('goes', 'echo from goes', 'hook-succeeded'),
  'bad/Chart.yaml': chart('bad'),
  'bad/templates/all.yaml': config,
  'bad/templates/tests.yaml': hook('a-fine', 'true') + hook('b-broken', 'echo no such table; exit 3'),
  'none/Chart.yaml': chart('none'),
  'none/templates/all.yaml': config,
  'ket.yaml': `
tiers:
  up:
    cluster: &one { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    images: &images [{ name: "busybox:1.36" }]
    suites: [{ name: asks, image: "busybox:1.36", command: "true", expectTests: false }]
  all:
    cluster: *one
    images: *images
    releases: [{ name: good, chart: good }, { name: bad, chart: bad }, { name: none, chart: none }]
    suites:
      - { name: passes, helmTest: good, expectTests: 2 }
      - { name: fails, helmTest: bad, retries: 1 }
      - { name: proves-nothing, helmTest: none }
`,
};

let box: Sandbox;
let folder = '';
let cluster = { name: '', kubeconfig: '' };
let ran: Ran;
let pods = '';
beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  cluster = await up('up', folder, box);
  ran = await ket({
    args: ['run', '--tier', 'all', '--cluster', cluster.name],
    cwd: folder,
    box,
    onEvent: (event) => {
      if (event.type === 'suite-ended' && event.suite === 'passes')
        pods = kubectl(cluster.kubeconfig, 'get', 'pods', '-n', 'good', '-o', 'name');
    },
  });
}, 600_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  box.remove();
}, 120_000);

test('hooks that succeed: a case and a log each, also where Helm deletes the pod at once', () => {
  expect(attemptOf(ran, 'passes')).toMatchObject({ outcome: 'passed', message: '2 tests passed' });
  const cases = eventsOf(ran, 'case').filter(({ suite }) => suite === 'passes');
  expect(cases.map(({ name, status }) => `${name} ${status}`).sort()).toEqual([
    'goes passed',
    'stays passed',
  ]);
  const at = path.join(ran.folder, 'suites', 'passes', 'attempt-1');
  expect(fs.readFileSync(path.join(at, 'console.log'), 'utf8').split('\n').sort()).toEqual([
    '',
    'goes: from goes',
    'stays: from stays',
  ]);
  expect(fs.readFileSync(path.join(at, 'results', 'stays_main.log'), 'utf8')).toBe('from stays\n');
  // As its policy says, and that of the other.
  expect(pods.trim()).toBe('pod/stays');
});

test('a hook that fails is a failed case with its last lines, and is tried again', () => {
  expect(attemptOf(ran, 'fails')).toMatchObject({
    attempt: 2,
    outcome: 'failed',
    message: '1 of 2 tests failed: b-broken',
  });
  const broken = eventsOf(ran, 'case').filter(({ name }) => name === 'b-broken');
  expect(broken).toMatchObject([
    { attempt: 1, status: 'failed', message: expect.stringContaining('exit code 3') },
    { attempt: 2, status: 'failed' },
  ]);
  const junit = path.join(ran.folder, 'suites', 'fails', 'attempt-2', 'results', 'junit.xml');
  expect(fs.readFileSync(junit, 'utf8')).toContain('no such table');
});

test('a release without a test hook proves nothing', () =>
  expect(attemptOf(ran, 'proves-nothing')).toMatchObject({ outcome: 'infra-error', infraClass: 'no-proof' }));

test('the run failed, and nothing is left', async () => {
  expect(ran.code).toBe(1);
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(await namespacesBut(cluster.kubeconfig)).toEqual([]);
}, 90_000);
