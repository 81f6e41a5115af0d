import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { attemptOf, containersOf, eventsOf, ket, sandbox, type Ran, type Sandbox } from './ket.ts';
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
  const steps = eventsOf(ran, 'task-step').filter(({ task }) => task === 'deliver found images');
  expect(steps.at(-1)?.step).toBe('2 found, 2 of them brought to nodes');
  const tags = execFileSync('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}'], {
    encoding: 'utf8',
  });
  expect(tags).not.toContain(`ket.local/by-digest:${digest.slice(7, 40)}`);
  nothingTold(ran);
}, 300_000);

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
