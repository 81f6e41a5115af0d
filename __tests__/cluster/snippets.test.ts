import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ket, kubectl, root, sandbox, up, type Sandbox } from './ket.ts';

/** What the Kind configs to merge are for, on one cluster that has all of them: each by what it does. */

const image = 'busybox:1.36';
const mirrored = 'mirrored.example:5000';
let box: Sandbox;
let folder = '';
let cluster = { name: '', kubeconfig: '' };
let registry: { readonly address: string; readonly asked: string[]; end(): void };

beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  registry = await registryOf(path.join(box.home, 'image'));
  const hosts = path.join(folder, 'registry-hosts', mirrored);
  fs.mkdirSync(hosts, { recursive: true });
  fs.writeFileSync(
    path.join(hosts, 'hosts.toml'),
    `server = "http://127.0.0.1:1"\n[host."${registry.address}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  fs.mkdirSync(path.join(folder, 'testdata'));
  fs.writeFileSync(path.join(folder, 'testdata', 'orders.txt'), 'of this machine\n');
  const snippets = ['integration', 'ingress', 'feature-gates', 'local-storage', 'registry-mirror'];
  const configs = snippets.map((name) => path.join(root, 'kind-configs', `${name}.yaml`));
  const mount = '{ hostPath: testdata, containerPath: /testdata, readOnly: true }';
  fs.writeFileSync(
    path.join(folder, 'mounts.yaml'),
    `kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{ role: control-plane, extraMounts: [${mount}] }]\n`,
  );
  fs.writeFileSync(
    path.join(folder, 'ket.yaml'),
    `tiers:
  all:
    cluster: { config: ${JSON.stringify([...configs, 'mounts.yaml'])} }
    images: [{ name: "${image}" }]
    suites: [{ name: none, image: "${image}", command: "true", expectTests: false }]
`,
  );
  cluster = await up('all', folder, box, {
    INGRESS_HTTP_PORT: '0',
    INGRESS_HTTPS_PORT: '0',
    VOLUMES_FOLDER: path.join(folder, 'volumes'),
    REGISTRY_HOSTS: path.join(folder, 'registry-hosts'),
  });
}, 300_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  registry.end();
  box.remove();
}, 120_000);

const apply = (...objects: readonly object[]): void => {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  execFileSync('kubectl', ['--kubeconfig', cluster.kubeconfig, 'apply', '-f', '-'], { input });
};

/** A pod of one container, by default of the image that the cluster has. */
const pod = (name: string, command: string, container: object = {}, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    restartPolicy: 'Never',
    containers: [{ name: 'main', image, command: ['/bin/sh', '-c', command], ...container }],
    ...spec,
  },
});

/** What the kubelet says of a pod that does not get there is in the error. */
/** Without standing in the way of the registry, which answers in this process. */
const waitFor = async (name: string, condition: string): Promise<void> => {
  const argv = ['--kubeconfig', cluster.kubeconfig, 'wait', '--timeout=60s', `--for=${condition}`];
  try {
    await promisify(execFile)('kubectl', [...argv, `pod/${name}`]);
  } catch (error) {
    const events = kubectl(cluster.kubeconfig, 'events', '--for', `pod/${name}`);
    throw new Error(`pod ${name} is not ${condition} within 60 s\n${events}`, { cause: error });
  }
};
const succeeded = 'jsonpath={.status.phase}=Succeeded';

test('ingress: what listens on port 80 of the labelled node is reached from this machine', async () => {
  const served =
    'mkdir /tmp/www && echo through the ingress > /tmp/www/index.html && exec httpd -f -p 80 -h /tmp/www';
  apply(
    pod(
      'ingress',
      served,
      {
        ports: [{ containerPort: 80, hostPort: 80 }],
        readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 },
      },
      { nodeSelector: { 'ingress-ready': 'true' } },
    ),
  );
  await waitFor('ingress', 'condition=Ready');
  const node = `${cluster.name}-control-plane`;
  const address = execFileSync('docker', ['port', node, '80/tcp'], { encoding: 'utf8' }).trim();
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  const answer = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(10_000) });
  expect(await answer.text()).toBe('through the ingress\n');
}, 90_000);

test('feature gates: a policy of the API that is off by default changes an object', async () => {
  const resources = {
    apiGroups: [''],
    apiVersions: ['v1'],
    operations: ['CREATE'],
    resources: ['configmaps'],
  };
  const expression = 'Object{metadata: Object.metadata{labels: {"marked": "yes"}}}';
  const of = { apiVersion: 'admissionregistration.k8s.io/v1beta1', metadata: { name: 'mark' } };
  apply(
    {
      ...of,
      kind: 'MutatingAdmissionPolicy',
      spec: {
        matchConstraints: { resourceRules: [resources] },
        failurePolicy: 'Fail',
        reinvocationPolicy: 'Never',
        mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
      },
    },
    { ...of, kind: 'MutatingAdmissionPolicyBinding', spec: { policyName: 'mark' } },
  );
  const labels = (): string =>
    kubectl(
      cluster.kubeconfig,
      ...['create', 'configmap', 'any', '--dry-run=server', '-o', 'jsonpath={.metadata.labels.marked}'],
    );
  // The API server takes a moment until it heeds a new policy.
  for (let tries = 30; tries > 0 && labels() === ''; tries--) await sleep(1000);
  expect(labels()).toBe('yes');
}, 90_000);

test('local storage: a volume of the standard class is a folder of this machine', async () => {
  apply(
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
    },
    pod(
      'writes',
      'echo kept > /data/file',
      { volumeMounts: [{ name: 'data', mountPath: '/data' }] },
      { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
    ),
  );
  await waitFor('writes', succeeded);
  const volumes = path.join(folder, 'volumes');
  const [volume = ''] = fs.readdirSync(volumes).filter((name) => name.endsWith('_default_data'));
  expect(fs.readFileSync(path.join(volumes, volume, 'file'), 'utf8')).toBe('kept\n');
}, 90_000);

test('extra mounts: a folder of this machine is in the node, and in a pod that asks for it', async () => {
  apply(
    pod(
      'reads',
      'cat /testdata/orders.txt',
      { volumeMounts: [{ name: 'testdata', mountPath: '/testdata' }] },
      { volumes: [{ name: 'testdata', hostPath: { path: '/testdata', type: 'Directory' } }] },
    ),
  );
  await waitFor('reads', succeeded);
  expect(kubectl(cluster.kubeconfig, 'logs', 'reads')).toBe('of this machine\n');
}, 90_000);

test('mirrors: what nodes pull comes from the mirror', async () => {
  const name = `${mirrored}/ket-test/mirrored:1`;
  apply(pod('pulled', 'echo came', { image: name }));
  await waitFor('pulled', succeeded);
  expect(registry.asked).toContain('/v2/ket-test/mirrored/manifests/1');
  expect(kubectl(cluster.kubeconfig, 'get', 'pod', 'pulled', '-o', 'jsonpath={..image}')).toContain(name);
}, 90_000);

/** A registry that has one image under every name: what `docker save` writes, read by the nodes over HTTP. */
async function registryOf(into: string): Promise<typeof registry> {
  fs.mkdirSync(into, { recursive: true });
  const saved = execFileSync('docker', ['save', image], { maxBuffer: 1e9 });
  execFileSync('tar', ['-x', '-f', '-', '-C', into], { input: saved });
  const blob = (digest: string): Buffer =>
    fs.readFileSync(path.join(into, 'blobs', ...digest.split(':').slice(0, 2)));
  const index = JSON.parse(fs.readFileSync(path.join(into, 'index.json'), 'utf8')) as {
    manifests: { digest: string; mediaType: string }[];
  };
  const [manifest] = index.manifests;
  if (manifest === undefined) throw new Error(`docker save wrote no manifest of ${image}`);
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://registry').pathname;
    asked.push(url);
    const [, kind, reference = ''] = /^\/v2\/.*\/(manifests|blobs)\/(.*)$/.exec(url) ?? [];
    if (kind === undefined) {
      response.writeHead(url === '/v2/' ? 200 : 404).end();
      return;
    }
    const digest = kind === 'manifests' && !reference.startsWith('sha256:') ? manifest.digest : reference;
    const body = blob(digest);
    const type = digest === manifest.digest ? manifest.mediaType : 'application/octet-stream';
    response.writeHead(200, {
      'content-type': type,
      'content-length': body.length,
      'docker-content-digest': digest,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  // This machine, as containers of any network reach it.
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}';
  const argv = ['network', 'inspect', 'bridge', '--format', format];
  const gateway = execFileSync('docker', argv, { encoding: 'utf8' }).trim();
  await new Promise<void>((resolve) => server.listen(0, gateway, resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    address: `http://${gateway}:${String(port)}`,
    asked,
    end() {
      server.closeAllConnections();
      server.close();
    },
  };
}
