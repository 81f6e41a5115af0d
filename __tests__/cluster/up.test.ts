import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { containersOf, eventsOf, ket, kubectl, sandbox, up, type Ran, type Sandbox } from './ket.ts';

/** What `ket up` made is made once: later runs do what has changed, and nothing else. */

const deployment = (name: string, spec: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} }, annotations: { note: "{{ .Values.note }}" } }
    spec: ${spec}
`;
const probe = 'readinessProbe: { httpGet: { path: /version, port: 8080 }, periodSeconds: 1 }';
const files: Readonly<Record<string, string>> = {
  Dockerfile: 'FROM busybox:1.36\nCOPY . /www\nCMD ["httpd", "-f", "-p", "8080", "-h", "/www"]\n',
  '.dockerignore': '*\n!version\n',
  version: 'one',
  'kind.yaml':
    'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{ role: control-plane, extraPortMappings: [{ containerPort: 30080, hostPort: "${UP_TEST_PORT}", listenAddress: 127.0.0.1 }] }, { role: worker }]\n',
  'web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'web/values.yaml': 'note: none\n',
  'web/templates/all.yaml': `${deployment('web', `{ containers: [{ name: web, image: "up-test:dev", ${probe} }] }`)}
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }
`,
  'agent/Chart.yaml': 'apiVersion: v2\nname: agent\nversion: 0.1.0\n',
  'agent/templates/all.yaml': `
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent }
spec:
  selector: { matchLabels: { app: agent } }
  template:
    metadata: { labels: { app: agent } }
    spec:
      tolerations: [{ operator: Exists }]
      containers: [{ name: agent, image: "busybox:1.36", command: [sh, -c, "trap exit TERM; while :; do sleep 1; done"] }]
`,
};
const ketYaml = (releases: string): string => `
tiers:
  stack:
    cluster: { config: kind.yaml }
    images: [{ name: "up-test:dev", build: . }, { name: "busybox:1.36" }]
    releases: [${releases}]
    suites:
      - name: asks
        image: "up-test:dev"
        command: 'echo "version $(wget -qO- http://web:8080/version)"'
        expectTests: false
        needs: [web]
`;
const both =
  '{ name: web, chart: web, values: [values.yaml], secrets: { token: UP_TEST_TOKEN } }, { name: agent, chart: agent }';
const webAlone = '{ name: web, chart: web, values: [values.yaml], secrets: { token: UP_TEST_TOKEN } }';

let box: Sandbox;
let folder = '';
let name = '';
let kubeconfig = '';
const write = (file: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
  fs.writeFileSync(path.join(folder, file), text);
};
const env = { UP_TEST_TOKEN: 'a-token-for-the-test-of-up', UP_TEST_PORT: '' };

/** One that nobody listens on now. */
const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });

beforeAll(async () => {
  box = sandbox();
  env.UP_TEST_PORT = String(await freePort());
  Object.assign(process.env, env);
  folder = path.join(box.home, 'repository');
  for (const [file, text] of Object.entries(files)) write(file, text);
  write('values.yaml', 'note: first\n');
  write('ket.yaml', ketYaml(both));
  ({ name, kubeconfig } = await up('stack', folder, box));
}, 400_000);
afterAll(async () => {
  const down = await ket({ args: ['down'], cwd: folder, box });
  const left = [box.states(), containersOf(name)];
  box.remove();
  expect({ code: down.code, left }).toEqual({ code: 0, left: [[], []] });
}, 120_000);

const lines: string[] = [];
const run = async (...args: string[]): Promise<Ran> => {
  lines.length = 0;
  return ket({
    args: args.length === 0 ? ['run'] : args,
    cwd: folder,
    box,
    env,
    onEvent: (event) => {
      if (event.type === 'log') lines.push(event.line);
    },
  });
};
/** What was left out, as `not built: image up-test:dev`. */
const unchangedIn = (ran: Ran): string[] =>
  eventsOf(ran, 'unchanged')
    .map(({ not, what }) => `not ${not}: ${what}`)
    .sort();
const revisions = (release: string): string[] =>
  kubectl(kubeconfig, 'get', 'secrets', '-A', '-l', `owner=helm,name=${release}`, '-o', 'name')
    .trim()
    .split('\n')
    .filter((line) => line !== '');
const all = [
  'not built: image up-test:dev',
  'not delivered: image busybox:1.36',
  'not delivered: image up-test:dev',
  'not upgraded: release agent',
  'not upgraded: release web',
];
const hasImage = (node: string, image: string): boolean => {
  const argv = ['exec', `${name}-${node}`, 'ctr', '-n', 'k8s.io', 'images', 'list', '-q', `name==${image}`];
  return execFileSync('docker', argv, { encoding: 'utf8' }).trim() === image;
};

describe('a cluster of ket up', () => {
  test('has each image on the nodes on which it may run, and on no other', () => {
    const images = ['docker.io/library/up-test:dev', 'docker.io/library/busybox:1.36'];
    const nodes = ['control-plane', 'worker'];
    expect(nodes.map((node) => images.map((image) => hasImage(node, image)))).toEqual([
      [false, true],
      [true, true],
    ]);
  });

  test('is left as it is by a run for which nothing has changed, and the run says so', async () => {
    const ran = await run();
    expect(ran).toMatchObject({ code: 0 });
    expect(lines).toEqual(['version one']);
    expect(unchangedIn(ran)).toEqual(all);
    expect(eventsOf(ran, 'delivered')).toEqual([]);
    expect([revisions('web').length, revisions('agent').length]).toEqual([1, 1]);
    const summary = fs.readFileSync(path.join(ran.folder, 'summary.md'), 'utf8');
    expect(summary).toContain('unchanged, not built: image up-test:dev');
    expect(summary).toContain('unchanged, not upgraded: release');
  }, 120_000);

  test('is left as it is by another ket up, which lists it once', async () => {
    const ran = await run('up');
    expect(ran).toMatchObject({ code: 0 });
    expect(unchangedIn(ran)).toEqual(all);
    expect(box.states()).toHaveLength(1);
    expect(containersOf(name)).toHaveLength(2);
  }, 120_000);

  test('is not touched by a file that the build never sees', async () => {
    write('notes.txt', 'left out by .dockerignore');
    expect(unchangedIn(await run())).toContain('not built: image up-test:dev');
  }, 120_000);

  test('gets the image anew whose file has changed, where it may run, and what runs it is upgraded', async () => {
    write('version', 'two');
    const ran = await run();
    expect(ran).toMatchObject({ code: 0 });
    expect(lines).toEqual(['version two']);
    expect(unchangedIn(ran)).toEqual(['not delivered: image busybox:1.36', 'not upgraded: release agent']);
    expect(eventsOf(ran, 'delivered')).toMatchObject([
      { image: 'up-test:dev', nodes: [`${name}-worker`], together: 1 },
    ]);
    const timings = JSON.parse(fs.readFileSync(path.join(ran.folder, 'timings.json'), 'utf8')) as {
      images: { mbPerSecond: number }[];
    };
    expect(timings.images).toHaveLength(1);
    expect(timings.images[0]?.mbPerSecond).toBeGreaterThan(0);
    expect(unchangedIn(await run())).toEqual(all);
  }, 240_000);

  test('gets the release upgraded whose values or secrets have changed, and no image', async () => {
    const before = revisions('web').length;
    write('values.yaml', 'note: second\n');
    const values = await run();
    expect(values).toMatchObject({ code: 0 });
    expect(unchangedIn(values)).toEqual(all.filter((text) => !text.includes('web')));
    expect(revisions('web').length).toBe(before + 1);
    const secret = await ket({
      args: ['run'],
      cwd: folder,
      box,
      env: { UP_TEST_TOKEN: 'another-token-of-the-test' },
    });
    expect(unchangedIn(secret)).toEqual(all.filter((text) => !text.includes('web')));
    expect(revisions('web').length).toBe(before + 2);
    const record = fs
      .readdirSync(path.join(box.home, 'state', 'ket', 'runs'))
      .find((file) => file.endsWith('.up'));
    const text = fs.readFileSync(path.join(box.home, 'state', 'ket', 'runs', record ?? ''), 'utf8');
    expect(text).not.toContain('another-token');
  }, 240_000);

  test('gets back what somebody removed by hand', async () => {
    expect((await run()).code).toBe(0);
    kubectl(kubeconfig, 'delete', 'deployment', 'web', '-n', 'web');
    const ran = await run();
    expect(ran).toMatchObject({ code: 0 });
    expect(unchangedIn(ran)).not.toContain('not upgraded: release web');
    expect(lines).toEqual(['version two']);
    // Pods for which the kubelets have figures by now.
    const uses = eventsOf(ran, 'release-use').flatMap(({ releases }) => releases);
    const agent = uses.find(({ release }) => release === 'agent');
    expect(agent?.requested).toEqual({ cpu: 0, memory: 0 });
    expect(agent?.memoryBytes).toBeGreaterThan(10_000);
    const page = fs.readFileSync(path.join(ran.folder, 'summary.md'), 'utf8');
    expect(page).toMatch(/used by releases at the end, of what they request: .*agent \d/);
  }, 240_000);

  test('loses the release that the tier has no more by ket up, and by no run', async () => {
    write('ket.yaml', ketYaml(webAlone));
    const ran = await run();
    expect(eventsOf(ran, 'notice').map(({ text }) => text)).toContain(
      'release agent is in the cluster and no more in the tier: ket up removes it',
    );
    expect(revisions('agent')).toHaveLength(1);
    expect((await run('up')).code).toBe(0);
    expect(revisions('agent')).toEqual([]);
    expect(kubectl(kubeconfig, 'get', 'daemonsets', '-n', 'agent', '-o', 'name')).toBe('');
  }, 240_000);

  test('of another Kind config is refused, and made anew when asked', async () => {
    write('kind.yaml', (files['kind.yaml'] ?? '').replace(', { role: worker }', ''));
    const refused = await run();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(
      `cluster ${name}, which ket up made for tier stack, was made from something else`,
    );
    expect(refused.stderr).toContain('"nodes" of the Kind config has changed');
    expect(refused.stderr).toContain('ket up --recreate');
    expect(containersOf(name)).toHaveLength(2);
    const again = await run('up', '--recreate');
    expect(again).toMatchObject({ code: 0 });
    expect(containersOf(name)).toEqual([]);
    expect(box.states()).toHaveLength(1);
    name = eventsOf(again, 'kept')[0]?.what.replace('cluster ', '') ?? '';
    expect(containersOf(name)).toHaveLength(1);
  }, 400_000);
});
