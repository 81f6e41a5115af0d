import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { attemptOf, eventsOf, ket, namespacesBut, root, sandbox, up } from './ket.ts';
import type { Ran, Sandbox } from './ket.ts';

/** The example behind an ingress controller, on one cluster; then what goes wrong on the way, which must never be green. */

const example = path.join(root, 'examples', 'ingress');
const read = (file: string): string => fs.readFileSync(path.join(example, file), 'utf8');
const free = { INGRESS_HTTP_PORT: '0', INGRESS_HTTPS_PORT: '0' };
const configs = ['integration', 'ingress'].map((name) => path.join(root, 'kind-configs', `${name}.yaml`));

const common = `cluster: { config: ${JSON.stringify(configs)} }`;
const inside = (name: string, host: string, more = ''): string =>
  `{ name: ${name}, image: "busybox:1.36", expectTests: false, command: "wget -q -O - --header 'Host: ${host}' http://traefik.ingress/ | grep -x 'the shop'"${more} }`;
/** A shop whose Ingress is of a class that no controller has; and a controller that does not start. */
const variants = `
tiers:
  no-class:
    ${common}
    releases: [{ name: mail, manifests: [mail.yaml] }]
    checks: [{ name: mail-by-ingress, http: 'http://traefik.ingress/', host: mail.example, body: shop, limit: 10s }]
    suites:
      - ${inside('waits', 'mail.example')}
      - ${inside('rushes', 'mail.example', ', requires: { checks: [] }')}
  no-controller:
    ${common}
    releases:
      - { name: ingress, manifests: [controller.yaml] }
      - { name: shop, manifests: [shop.yaml], dependsOn: [ingress] }
    suites:
      - ${inside('inside', 'shop.example')}
      - { name: outside, on: host, expectTests: false, command: 'true' }
`;

let box: Sandbox;
let folder = '';
let cluster = { name: '', kubeconfig: '' };
beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  fs.mkdirSync(folder);
  const write = (file: string, text: string): void => fs.writeFileSync(path.join(folder, file), text);
  write('ket.yaml', variants);
  const shop = read('shop/shop.yaml');
  write('shop.yaml', shop);
  write(
    'mail.yaml',
    shop
      .replaceAll('shop', 'mail')
      .replace('the mail', 'the shop')
      .replace('ClassName: ingress', 'ClassName: other'),
  );
  write(
    'controller.yaml',
    read('controller/traefik.yaml').replace('- --ping.entrypoint=ping', '- --no-such-option'),
  );
  cluster = await up('ingress', example, box, free);
}, 500_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: example, box });
  box.remove();
}, 120_000);

const onIt = (tier: string): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster.name], cwd: folder, box, env: free });
const taskOf = (ran: Ran, id: string) => eventsOf(ran, 'task-ended').find(({ task }) => task === id);
const suiteOf = (ran: Ran, name: string) => eventsOf(ran, 'suite-ended').find(({ suite }) => suite === name);
const nothingIsLeft = async (ran: Ran, ...known: string[]): Promise<void> => {
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(await namespacesBut(cluster.kubeconfig, 'ingress', 'shop', ...known)).toEqual([]);
};
const theExamplePasses = async (): Promise<Ran> => {
  const ran = await ket({ args: ['run'], cwd: example, box, env: free });
  const failed = eventsOf(ran, 'task-ended').filter(({ outcome }) => outcome === 'failed');
  expect([failed, ran.code, ran.stderr]).toEqual([[], 0, '']);
  expect(attemptOf(ran, 'inside')).toMatchObject({ outcome: 'passed' });
  expect(attemptOf(ran, 'outside')).toMatchObject({
    outcome: 'passed',
    counts: { passed: 3, failed: 0, skipped: 0 },
  });
  return ran;
};

test('by the mapped port the host of the Ingress is the application, with TLS too, and another host is 404', async () => {
  const ran = await theExamplePasses();
  const junit = path.join(ran.folder, 'suites', 'outside', 'attempt-1', 'results', 'junit.xml');
  expect(fs.readFileSync(junit, 'utf8').match(/<testcase name="[^"]*"/g)).toEqual([
    '<testcase name="the host of the Ingress is the shop"',
    '<testcase name="with TLS too"',
    '<testcase name="another host is nobody"',
  ]);
  await nothingIsLeft(ran);
}, 240_000);

test('the ports are those of this cluster, on the loopback of this machine alone', async () => {
  const node = `${cluster.name}-control-plane`;
  const address = execFileSync('docker', ['port', node, '80/tcp'], { encoding: 'utf8' }).trim();
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  const answer = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(10_000) });
  expect(answer.status).toBe(404);
}, 30_000);

test('an Ingress that no controller takes fails the check; what does not wait for it fails by itself', async () => {
  const ran = await onIt('no-class');
  const { outcome, error } = taskOf(ran, 'check mail-by-ingress') ?? {};
  expect([outcome, error?.code]).toEqual(['failed', 'KET_CHECK']);
  expect(error?.message).toMatch(
    /→ http:\/\/traefik\.ingress:80\/ for mail\.example: expected status 200 and a body with "shop", seen: status 404: 404 page not found; likely: there is no Ingress for mail\.example and that path, or it is of another class/,
  );
  expect(suiteOf(ran, 'waits')).toMatchObject({
    outcome: 'skipped',
    message: 'not run: check mail-by-ingress failed',
  });
  expect(attemptOf(ran, 'rushes')).toMatchObject({ outcome: 'failed' });
  expect(ran.code).toBe(1);
  await nothingIsLeft(ran);
}, 240_000);

test('without a controller no suite is green, and the next run has it again', async () => {
  const ran = await onIt('no-controller');
  const { outcome, error } = taskOf(ran, 'install ingress') ?? {};
  expect([outcome, error?.code]).toEqual(['failed', 'KET_RELEASE']);
  expect(error?.message).toMatch(/container traefik of pod \S+ crashed 3 times, last with exit code 1/);
  for (const name of ['inside', 'outside'])
    expect(suiteOf(ran, name)).toMatchObject({ outcome: expect.not.stringMatching(/passed|flaky/) });
  expect(ran.code).toBe(3);
  await nothingIsLeft(await theExamplePasses());
}, 400_000);

test('`ket down` leaves nothing', async () => {
  const ran = await ket({ args: ['down'], cwd: example, box });
  expect(ran.code).toBe(0);
  const argv = ['ps', '-a', '-q', '--filter', `label=io.x-k8s.kind.cluster=${cluster.name}`];
  expect(execFileSync('docker', argv, { encoding: 'utf8' })).toBe('');
  expect(box.states()).toEqual([]);
}, 120_000);
