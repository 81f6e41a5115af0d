import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { attemptOf, containersOf, eventsOf, ket, kubectl, sandbox, type Ran, type Sandbox } from './ket.ts';
import { startRegistry, type Registry } from './registry.ts';

/** Images that ket does not build, and a registry that wants a password. */

let box: Sandbox;
let registry: Registry;

beforeAll(async () => {
  box = sandbox();
  registry = await startRegistry(path.join(box.home, 'registry'));
}, 120_000);
afterAll(() => {
  registry.stop();
  box.remove();
});

const web = (version: string): Record<string, string> => ({
  Dockerfile:
    'FROM busybox:1.36\nCOPY version /www/version\nCMD ["httpd", "-f", "-p", "8080", "-h", "/www"]\n',
  version,
});

const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'values.yaml': 'image: none\n',
  'templates/all.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - { name: web, image: {{ .Values.image | quote }}, readinessProbe: { httpGet: { path: /version, port: 8080 }, periodSeconds: 1 } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }
`,
};

/** A folder with a chart and a ket.yaml. */
function project(name: string, config: object, more: Readonly<Record<string, string>> = {}): string {
  const folder = path.join(box.home, name);
  const files = {
    ...Object.fromEntries(Object.entries(chart).map(([file, text]) => [`chart/${file}`, text])),
    'ket.yaml': JSON.stringify(config),
    ...more,
  };
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text);
  }
  return folder;
}

const asks = (image: string, version: string): object => ({
  name: 'asks',
  image,
  command: `test "$(wget -qO- http://web:8080/version)" = "${version}"`,
  expectTests: false,
  needs: ['web'],
});

/** Nothing that a run is not to tell stands in anything that it wrote or printed, or stays on this machine. */
function nothingTold(ran: Ran): void {
  const secrets = [
    registry.password,
    Buffer.from(`${registry.username}:${registry.password}`).toString('base64'),
  ];
  const files = fs.readdirSync(ran.folder, { recursive: true, withFileTypes: true });
  const texts = files
    .filter((file) => file.isFile())
    .map((file) => fs.readFileSync(path.join(file.parentPath, file.name), 'latin1'));
  expect(texts.length).toBeGreaterThan(3);
  for (const secret of secrets)
    for (const text of [ran.stdout, ran.stderr, ...texts]) expect(text).not.toContain(secret);
  const state = path.join(box.home, 'state', 'ket', 'runs');
  expect(fs.readdirSync(state)).toEqual([]);
  expect(containersOf(ran.stdout)).toEqual([]);
}

test('images that are found in a chart and a suite are pulled once here and brought to the nodes, by digest too', async () => {
  const digest = registry.push('team/web:1', web('one'));
  const tools = `${registry.host}/team/tools:1`;
  registry.push('team/tools:1', web('tools'));
  const before = registry.requests().length;
  const folder = project('preload', {
    tiers: {
      images: {
        cluster: { config: registry.kindConfig },
        releases: [{ name: 'web', chart: 'chart', set: { image: `${registry.host}/team/web:1@${digest}` } }],
        suites: [asks(tools, 'one')],
      },
    },
  });
  // Docker's own login, as after `docker login`.
  const env = { DOCKER_CONFIG: dockerLogin() };
  const ran = await ket({ args: ['run'], cwd: folder, box, env });
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect(attemptOf(ran, 'asks').outcome).toBe('passed');
  // The nodes have no login here: had they pulled anything, the pods would not have started.
  expect(eventsOf(ran, 'node-pulls')).toEqual([]);
  const manifests = registry
    .requests()
    .slice(before)
    .filter((line) => /^GET .*\/manifests\//.test(line));
  expect(manifests.filter((line) => line.includes('/team/web/')).length).toBeGreaterThan(0);
  const brought = eventsOf(ran, 'delivered').filter(({ task }) => task === 'deliver found images');
  expect(brought).toHaveLength(2);
  const tags = execFileSync('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}'], {
    encoding: 'utf8',
  });
  expect(tags).not.toContain(`ket.local/by-digest:${digest.slice(7, 40)}`);
  nothingTold(ran);
}, 300_000);

test('an image that is not to be had keeps no other from going, and one that never comes holds releases for three minutes', async () => {
  const digest = registry.push('team/web:4', web('four'));
  // A registry whose manifests never come. One that says nothing at all Docker gives up by itself within half a minute.
  const deaf = http.createServer(({ url }, response) => {
    if (url === '/v2/') response.end('{}');
  });
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  const never = `127.0.0.1:${String((deaf.address() as AddressInfo).port)}/never:1`;
  const none = `${registry.host}/team/none:1`;
  // No pod of it is made.
  const unused = (name: string, image: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 0
  selector: { matchLabels: { app: ${name} } }
  template: { metadata: { labels: { app: ${name} } }, spec: { containers: [{ name: main, image: "${image}" }] } }
`;
  const chartOf = { name: 'web', chart: 'chart', set: { image: `${registry.host}/team/web:4@${digest}` } };
  const folder = project(
    'not-to-be-had',
    {
      tiers: {
        images: {
          cluster: { config: registry.kindConfig },
          releases: [chartOf, { name: 'odd', manifests: ['odd.yaml'] }],
          suites: [
            asks('busybox:1.36', 'four'),
            { ...asks('busybox:1.36', 'four'), name: 'late', needs: ['odd', 'web'] },
          ],
        },
      },
    },
    { 'odd.yaml': [unused('none', none), unused('never', never)].join('---') },
  );
  const times = new Map<string, number>();
  const ran = await ket({
    args: ['run'],
    cwd: folder,
    box,
    env: { DOCKER_CONFIG: dockerLogin() },
    onEvent: (event) => {
      if (event.type === 'task-started' || event.type === 'task-ended')
        times.set(`${event.type} ${event.task}`, Date.now());
    },
  });
  deaf.closeAllConnections();
  deaf.close();
  expect(ran.code).toBe(0);
  const waited =
    (times.get('task-started install odd') ?? NaN) - (times.get('task-started pull found images') ?? NaN);
  expect(waited).toBeGreaterThan(170_000);
  expect(waited).toBeLessThan(210_000);
  for (const name of ['asks', 'late']) expect(attemptOf(ran, name).outcome).toBe('passed');
  const notices = eventsOf(ran, 'notice').map(({ text }) => text);
  for (const image of [none, never])
    expect(notices.filter((text) => text.includes(image))).toEqual([
      expect.stringMatching(/could not be pulled here, so nodes that lack it pull it themselves/),
    ]);
  const brought = eventsOf(ran, 'delivered').map(({ image }) => image);
  expect(brought.sort()).toEqual([`${registry.host}/team/web@${digest}`, 'busybox:1.36'].sort());
  nothingTold(ran);
}, 420_000);

const logins = (): object => ({
  registries: [{ host: registry.host, username: 'REGISTRY_USER', password: 'REGISTRY_PASSWORD' }],
});

test('a wrong password ends the run before anything is made, by the name of the registry', async () => {
  const folder = project('wrong', {
    ...logins(),
    tiers: { images: { cluster: { config: registry.kindConfig }, suites: [asks('busybox:1.36', 'one')] } },
  });
  const wrong = 'not-the-password-of-it';
  const env = { REGISTRY_USER: registry.username, REGISTRY_PASSWORD: wrong };
  const config = path.join(folder, 'ket.yaml');
  fs.writeFileSync(config, fs.readFileSync(config, 'utf8').replace('"needs":["web"]', '"needs":[]'));
  const ran = await ket({ args: ['run'], cwd: folder, box, env });
  expect(ran.code).toBe(2);
  const [ended] = eventsOf(ran, 'run-ended');
  expect(ended?.error).toMatchObject({
    code: 'KET_PREREQUISITE',
    message: `registry ${registry.host} refuses the login of REGISTRY_USER and REGISTRY_PASSWORD`,
  });
  const started = eventsOf(ran, 'task-started').map(({ task }) => task);
  expect(started).toEqual(['preflight', 'log in']);
  expect(ran.ms).toBeLessThan(20_000);
  for (const text of [ran.stdout, ran.stderr]) expect(text).not.toContain(wrong);
  nothingTold(ran);
}, 60_000);

test('the right password reaches Helm, pods of releases, checks and suites, which nodes then pull', async () => {
  const [shop, tools] = [`${registry.host}/team/web:2`, `${registry.host}/team/tools:2`];
  registry.push('team/web:2', web('two'));
  registry.push('team/tools:2', web('tools two'));
  const folder = project('right', {
    ...logins(),
    tiers: {
      images: {
        cluster: { config: registry.kindConfig },
        preload: 'off',
        releases: [{ name: 'web', chart: `oci://${registry.host}/charts/web`, set: { image: shop } }],
        checks: [{ name: 'up', http: 'http://web:8080/version', body: 'two' }],
        suites: [asks(tools, 'two')],
      },
    },
  });
  registry.pushChart(path.join(folder, 'chart'));
  const env = { REGISTRY_USER: registry.username, REGISTRY_PASSWORD: registry.password };
  const ran = await ket({ args: ['run'], cwd: folder, box, env });
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect(attemptOf(ran, 'asks').outcome).toBe('passed');
  const [pulls] = eventsOf(ran, 'node-pulls');
  expect(pulls?.pulls.map(({ image }) => image).sort()).toEqual([tools, shop]);
  expect(pulls?.pulls.every(({ pullMs, nodes }) => pullMs > 0 && nodes === 1)).toBe(true);
  const summary = fs.readFileSync(path.join(ran.folder, 'summary.md'), 'utf8');
  expect(summary).toContain('pulled by nodes themselves');
  nothingTold(ran);
}, 300_000);

test('production mode: nothing is built or loaded, and what runs has the digests of the plan', async () => {
  const [shop, tools] = [`${registry.host}/team/web:3`, `${registry.host}/team/tools:3`];
  const digests = [
    registry.push('team/web:3', web('three')),
    registry.push('team/tools:3', web('tools three')),
  ];
  const folder = project(
    'production',
    {
      registries: [{ host: registry.host }],
      tiers: {
        images: {
          cluster: { config: registry.kindConfig },
          images: [
            { name: shop, build: '.', digest: digests[0] },
            { name: tools, digest: digests[1] },
          ],
          releases: [{ name: 'web', chart: 'chart', set: { image: shop } }],
          suites: [asks(tools, 'three')],
        },
      },
    },
    { Dockerfile: 'FROM busybox:1.36\nRUN false\n' },
  );
  // The login comes from a helper program of Docker.
  const login = dockerLogin();
  const helper = path.join(login, 'bin', 'docker-credential-kettest');
  const answer = { ServerURL: registry.host, Username: registry.username, Secret: registry.password };
  fs.mkdirSync(path.dirname(helper));
  fs.writeFileSync(
    helper,
    `#!/bin/sh\nread host\n[ "$1 $host" = "get ${registry.host}" ] || { echo credentials not found in native keychain; exit 1; }\necho '${JSON.stringify(answer)}'\n`,
    { mode: 0o755 },
  );
  const config = { credHelpers: { [registry.host]: 'kettest' } };
  fs.writeFileSync(path.join(login, 'config.json'), JSON.stringify(config));
  const PATH = `${path.dirname(helper)}:${process.env['PATH'] ?? ''}`;
  // Times of events have whole seconds here, and the pushes are no part of the run.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const began = Math.floor(Date.now() / 1000);
  let running: string[] = [];
  const ran = await ket({
    args: ['run'],
    cwd: folder,
    box,
    env: { PRODUCTION_MODE: 'true', DOCKER_CONFIG: login, PATH },
    onEvent: (event) => {
      if (event.type !== 'task-ended' || event.task !== 'install web') return;
      const states = path.join(box.home, 'state', 'ket', 'runs');
      const [kubeconfig = ''] = fs.readdirSync(states).filter((name) => name.endsWith('.kubeconfig'));
      const format = 'jsonpath={.items[*].status.containerStatuses[*].imageID}';
      running = kubectl(path.join(states, kubeconfig), 'get', 'pods', '-n', 'web', '-o', format).split(' ');
    },
  });
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect(attemptOf(ran, 'asks').outcome).toBe('passed');
  expect(running).toEqual([`${registry.host}/team/web@${digests[0] ?? ''}`]);
  const pod = fs.readFileSync(path.join(ran.folder, 'suites', 'asks', 'attempt-1', 'pod.yaml'), 'utf8');
  expect(pod).toContain(`${registry.host}/team/tools@${digests[1] ?? ''}`);
  const tasks = eventsOf(ran, 'task-started').map(({ task }) => task);
  expect(tasks.filter((task) => /^(build|pull|deliver) /.test(task))).toEqual([]);
  const times = ['--since', String(began), '--until', String(Math.ceil(Date.now() / 1000))];
  const events = execFileSync('docker', ['events', ...times, '--format', '{{json .}}'], { encoding: 'utf8' });
  // Others may use the same Docker; whatever is done with an image of this registry names it.
  expect(events.split('\n').filter((line) => line.includes(`${registry.host}/`))).toEqual([]);
  for (const name of [shop, tools])
    expect(() => execFileSync('docker', ['image', 'inspect', name], { stdio: 'pipe' })).toThrow();
  nothingTold(ran);
}, 300_000);

test('production mode without a digest ends with the name of the image', async () => {
  const suite = { ...asks('busybox:1.36', 'one'), needs: [] };
  const tier = {
    cluster: { config: registry.kindConfig },
    images: [{ name: 'shop-api:1', build: '.' }],
    suites: [suite],
  };
  const folder = project('no-digest', { tiers: { images: tier } }, { Dockerfile: 'FROM busybox:1.36\n' });
  const ran = await ket({ args: ['run', '--production'], cwd: folder, box });
  expect(ran.code).toBe(2);
  expect(ran.stderr).toContain('production mode needs the digest of shop-api:1');
  expect([ran.folder, box.states()]).toEqual(['', []]);
}, 60_000);

/** A configuration of Docker with the login of the registry, and the plug-ins of this machine. */
function dockerLogin(): string {
  const folder = fs.mkdtempSync(path.join(box.home, 'docker-'));
  const own = process.env['DOCKER_CONFIG'];
  if (own !== undefined && fs.existsSync(path.join(own, 'cli-plugins')))
    fs.symlinkSync(path.join(own, 'cli-plugins'), path.join(folder, 'cli-plugins'));
  const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
  fs.writeFileSync(
    path.join(folder, 'config.json'),
    JSON.stringify({ auths: { [registry.host]: { auth } } }),
  );
  return folder;
}
