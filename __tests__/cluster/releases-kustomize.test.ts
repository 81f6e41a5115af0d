import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { exec } from '../../src/tools/exec.ts';
import { realClock } from '../../src/tools/clock.ts';
import { findKustomize } from '../../src/tools/kustomize.ts';
import { buildKustomization } from '../../src/releases/kustomize.ts';
import { aRelease } from '../unit/support/phases.ts';
import { containersOf, eventsOf, ket, kubectl, root, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** A kustomization as a release: an overlay over a base and a file of a server, in a cluster that `ket up` keeps. */

const files: Readonly<Record<string, string>> = {
  'k8s/base/kustomization.yaml': 'resources: [web.yaml]\n',
  'k8s/base/web.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 3
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: shop/web
          command: [httpd, -f, -p, "8080", -h, /www]
          readinessProbe: { httpGet: { path: /said, port: 8080 }, periodSeconds: 1 }
          volumeMounts: [{ name: www, mountPath: /www }]
      volumes: [{ name: www, configMap: { name: www } }]
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }
`,
  'k8s/test/said': 'one {{ .Values.untouched }}',
  'broken/kustomization.yaml': 'resources: [gone.yaml]\n',
};
const overlay = (port: number): string => `
namespace: shop
resources: [../base, "http://127.0.0.1:${String(port)}/note.yaml"]
replicas: [{ name: web, count: 1 }]
images: [{ name: shop/web, newName: busybox, newTag: "1.36" }]
configMapGenerator: [{ name: www, files: [said] }]
`;
const note =
  'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: note, namespace: shop }\ndata: { from: elsewhere }\n';
const ketYaml = (releases: string, needs: string): string => `
tiers:
  stack:
    cluster: { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    releases: [${releases}]
    suites:
      - name: asks
        image: "busybox:1.36"
        command: 'echo "$(wget -qO- http://web:8080/said) $NOTE"'
        env: { NOTE: { from: release/shop/configmap/note/from } }
        needs: [${needs}]
        expectTests: false
`;

let box: Sandbox;
let folder = '';
const write = (file: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  fs.writeFileSync(path.join(folder, file), text);
};
let server: http.Server;
/** Where a file is served that a kustomization names by its address. */
let port = 0;
beforeEach(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [file, text] of Object.entries(files)) write(file, text);
  server = http.createServer((request, response) => {
    // Nothing ever comes of anything else.
    if (request.url === '/note.yaml') response.end(note);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve());
  });
  port = (server.address() as AddressInfo).port;
  write('k8s/test/kustomization.yaml', overlay(port));
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  box.remove();
});

test('is built, waited for, upgraded when what it builds has changed, and removed', async () => {
  write('ket.yaml', ketYaml('{ name: shop, kustomize: k8s/test }', 'shop'));
  const { name, kubeconfig } = await up('stack', folder, box);
  const lines: string[] = [];
  const run = (command: string): Promise<Ran> => {
    lines.length = 0;
    return ket({
      args: [command],
      cwd: folder,
      box,
      onEvent: (event) => {
        if (event.type === 'log') lines.push(event.line);
      },
    });
  };
  const unchanged = (ran: Ran): string[] =>
    eventsOf(ran, 'unchanged').flatMap(({ not, what }) => (not === 'upgraded' ? [what] : []));
  try {
    expect(kubectl(kubeconfig, '-n', 'shop', 'get', 'deployment', 'web', '-o', 'name')).toContain('web');
    const first = await run('run');
    expect(first).toMatchObject({ code: 0 });
    expect(lines).toEqual(['one {{ .Values.untouched }} elsewhere']);
    expect(unchanged(first)).toEqual(['release shop']);
    write('k8s/test/said', 'two');
    const second = await run('run');
    expect(second).toMatchObject({ code: 0 });
    expect(lines).toEqual(['two elsewhere']);
    expect(unchanged(second)).toEqual([]);
    write(
      'ket.yaml',
      ketYaml('', '')
        .replace(/ *env: .*\n/, '')
        .replace(/command: .*/, 'command: "true"'),
    );
    expect(await run('up')).toMatchObject({ code: 0 });
    expect(kubectl(kubeconfig, '-n', 'shop', 'get', 'deployments,services,configmaps', '-o', 'name')).toBe(
      'configmap/kube-root-ca.crt\n',
    );
    const runs = path.join(box.home, 'state', 'ket', 'runs');
    expect(fs.readdirSync(runs).filter((file) => file.includes('chart'))).toEqual([]);
  } finally {
    const down = await ket({ args: ['down'], cwd: folder, box });
    expect({ code: down.code, left: [box.states(), containersOf(name)] }).toEqual({
      code: 0,
      left: [[], []],
    });
  }
}, 500_000);

test('that does not build ends the run before there is a cluster, in the words of the tool', async () => {
  write('ket.yaml', ketYaml('{ name: shop, kustomize: broken }', 'shop'));
  const ran = await ket({ args: ['run'], cwd: folder, box });
  expect(ran.code).toBe(3);
  const ends = new Map(eventsOf(ran, 'task-ended').map((event) => [event.task, event]));
  expect(ends.get('prepare shop')?.error).toMatchObject({
    code: 'KET_RELEASE',
    message: 'the kustomization of release shop does not build',
    where: path.join(folder, 'broken'),
    details: [expect.stringContaining('gone.yaml')],
    next: expect.stringMatching(/^try it alone: .* \/.*\/broken$/),
  });
  expect(ends.get('cluster ready')?.outcome).not.toBe('done');
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(containersOf(ran.stdout)).toEqual([]);
  expect(box.states()).toEqual([]);
}, 120_000);

test('is refused where nothing can build it, before anything starts; doctor says the same', async () => {
  write('ket.yaml', ketYaml('{ name: shop, kustomize: k8s/test }', 'shop'));
  const bin = path.join(box.home, 'bin');
  fs.mkdirSync(bin);
  for (const program of ['sh', 'dirname', 'readlink', 'docker', 'kind', 'helm']) {
    const file = execFileSync('which', [program], { encoding: 'utf8' }).trim();
    fs.symlinkSync(file, path.join(bin, program));
  }
  const env = { PATH: bin };
  const ran = await ket({ args: ['run'], cwd: folder, box, env });
  expect(ran.code).toBe(2);
  const [error] = eventsOf(ran, 'task-ended').flatMap((event) => event.error ?? []);
  expect(error).toMatchObject({
    code: 'KET_TOOL',
    message: expect.stringContaining('neither kustomize nor kubectl in PATH'),
    next: expect.stringContaining('kubectl'),
  });
  expect(eventsOf(ran, 'task-started').map(({ task }) => task)).toEqual(['preflight']);
  expect(box.states()).toEqual([]);
  const doctor = await ket({ args: ['doctor'], cwd: folder, box, env });
  expect(doctor.code).toBe(2);
  expect(doctor.stdout).toContain('✗ kustomize: there is neither kustomize nor kubectl in PATH');
}, 60_000);

test('with a base that never comes is given up, and so is what fetches it', async () => {
  write('k8s/test/kustomization.yaml', `resources: ["http://127.0.0.1:${String(port)}/never.yaml"]\n`);
  const { chart: _chart, ...release } = aRelease;
  const began = Date.now();
  const work = buildKustomization(
    { exec, clock: realClock, env: process.env },
    {
      kustomize: findKustomize(process.env),
      release,
      folder: path.join(folder, 'k8s/test'),
      limitMs: 2000,
      signal: new AbortController().signal,
      awaiting: () => undefined,
    },
  );
  await expect(work).rejects.toMatchObject({
    message: 'the kustomization of release shop did not build within 2 s',
  });
  expect(Date.now() - began).toBeLessThan(15_000);
}, 30_000);
