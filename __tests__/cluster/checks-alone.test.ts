import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { containersOf, eventsOf, ket, kubectl, root, sandbox, up, type Sandbox } from './ket.ts';

/** `alone`: what somebody else runs beside the releases of a cluster that stays is found, and named. */

const image = 'busybox:1.36';
const files: Readonly<Record<string, string>> = {
  'k8s/all.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: shop, image: "${image}", command: [sleep, "3600"] }]
---
apiVersion: batch/v1
kind: Job
metadata: { name: migrate }
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: migrate, image: "${image}", command: ["true"] }]
`,
  'ket.yaml': `
tiers:
  stack:
    cluster: { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    releases: [{ name: shop, manifests: [k8s] }]
    checks:
      - { name: only, alone: true, limit: 3s }
      - { name: nearly, alone: true, besides: ['deployment/old', 'pod/deb*', cronjob/later], limit: 3s }
    suites:
      - { name: strict, image: "${image}", command: "true", expectTests: false, placement: release, requires: { checks: [only] } }
      - { name: lax, image: "${image}", command: "true", expectTests: false, requires: { checks: [nearly] } }
`,
};

let box: Sandbox;
let folder = '';
let name = '';
let kubeconfig = '';
beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text);
  }
  ({ name, kubeconfig } = await up('stack', folder, box));
}, 400_000);
afterAll(async () => {
  const down = await ket({ args: ['down'], cwd: folder, box });
  const left = [box.states(), containersOf(name)];
  box.remove();
  expect({ code: down.code, left }).toEqual({ code: 0, left: [[], []] });
}, 120_000);

const outcomes = async (): Promise<{ code: number | null; ends: string[]; errors: string[] }> => {
  const ran = await ket({ args: ['run'], cwd: folder, box });
  const ends = eventsOf(ran, 'suite-ended').map(({ suite, outcome }) => `${suite} ${outcome}`);
  const failed = eventsOf(ran, 'task-ended').flatMap(({ task, error }) =>
    task.startsWith('check ') && error !== undefined ? [error] : [],
  );
  const errors = failed.flatMap(({ code, message, details = [] }) => [`${code} ${message}`, ...details]);
  return { code: ran.code, ends: ends.sort(), errors };
};

test('a release with its Jobs, and suites in its namespace, are alone', async () => {
  expect(await outcomes()).toEqual({ code: 0, ends: ['lax passed', 'strict passed'], errors: [] });
}, 120_000);

test('what others run is named with its pods and the cure; `besides` lets it be', async () => {
  const shop = ['-n', 'shop'];
  kubectl(kubeconfig, ...shop, 'create', 'deployment', 'old', `--image=${image}`, '--', 'sleep', '3600');
  kubectl(kubeconfig, ...shop, 'run', 'debug', `--image=${image}`, '--restart=Never', '--', 'sleep', '3600');
  const job = ['create', 'cronjob', 'later', `--image=${image}`, '--schedule=0 3 1 1 *', '--', 'true'];
  kubectl(kubeconfig, ...shop, ...job);
  kubectl(kubeconfig, ...shop, 'wait', '--for=condition=Ready', 'pod/debug', '--timeout=60s');
  kubectl(kubeconfig, ...shop, 'wait', '--for=condition=Available', 'deployment/old', '--timeout=60s');
  const { code, ends, errors } = await outcomes();
  expect({ code, ends }).toEqual({ code: 3, ends: ['lax passed', 'strict skipped'] });
  expect(errors).toHaveLength(3);
  expect(errors[0]).toMatch(
    /^KET_CHECK check only: namespace shop: expected nothing beside release shop, seen: /,
  );
  const text = errors.join('\n');
  expect(text).toContain(
    'Pod debug; likely: made by hand or left by an earlier test: kubectl delete pod debug',
  );
  expect(text).toMatch(/seen: Deployment old \(pod old-[a-z0-9-]+\); likely/);
  expect(text).toContain('CronJob later (0 3 1 1 *)');
}, 240_000);
