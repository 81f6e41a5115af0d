import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { selfSigned, signed } from '../unit/support/certificates.ts';
import { attemptOf, eventsOf, ket, kubectl, namespacesBut, root, sandbox, up } from './ket.ts';
import type { Ran, Sandbox } from './ket.ts';

/** Suites on this machine against a cluster of one node, and checks of TLS and gRPC servers in it. */

const busybox = 'busybox:1.36';
const python = 'python:3.11-slim';
const agnhost = 'registry.k8s.io/e2e-test-images/agnhost:2.56';

const deployment = (
  name: string,
  image: string,
  command: readonly string[],
  ports: readonly number[],
): object[] => [
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              ...{ name: 'server', image, command, imagePullPolicy: 'IfNotPresent' },
              readinessProbe: { tcpSocket: { port: ports[0] }, periodSeconds: 1 },
              volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
            },
          ],
          volumes: [{ name: 'tls', secret: { secretName: 'tls' } }],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: ports.map((port) => ({ name: `p${String(port)}`, port })) },
  },
];

const serveTls = `
import http.server, ssl, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"all is well")
for port, name in ((8443, "good"), (8444, "expired"), (8445, "other"), (8446, "self")):
    server = http.server.ThreadingHTTPServer(("", port), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tls/" + name + ".pem", "/tls/" + name + ".key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()
`;
const serveBig =
  'mkdir /tmp/www && cd /tmp/www && dd if=/dev/urandom of=big bs=1M count=2 && sha256sum big > sum && hostname > id && exec httpd -f -p 8080 -h /tmp/www';
const grpc = ['/agnhost', 'grpc-health-checking', '--port=5000', '--http-port=8080'];

/** 50 connections at once, 2 MiB over each; then the pod is replaced. */
const load = `
import http from 'node:http';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
const base = process.env.API_URL;
const get = (path) => new Promise((resolve, reject) => {
  http.get(base + path, { agent: false }, (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('error', reject);
  }).on('error', reject);
});
const [sum] = String(await get('/sum')).split(' ');
const began = Date.now();
const all = await Promise.all(Array.from({ length: 50 }, () => get('/big')));
const bytes = all.reduce((total, one) => total + one.length, 0);
console.log('bytes', bytes, 'right', all.filter((one) => createHash('sha256').update(one).digest('hex') === sum).length, 'ms', Date.now() - began);
const before = String(await get('/id')).trim();
execFileSync('kubectl', ['delete', 'pod', before, '--wait=true']);
for (let n = 0; n < 300; n += 1) {
  const now = await get('/id').then((id) => String(id).trim(), () => before);
  if (now !== before) { console.log('replaced', before, 'by', now); process.exit(0); }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
process.exit(1);
`;

const common = (suites: string, checks = ''): string => `
    cluster: { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    images: [{ name: "${busybox}" }, { name: "${python}" }, { name: "${agnhost}" }]
    releases: [{ name: shop, manifests: [k8s] }]
    checks: [${checks}]
    suites: [${suites}]
`;
const secure = `
      { name: good, http: 'https://shop-tls:8443/', body: well, ca: release/shop/secret/tls/authority.pem },
      { name: by-file, http: 'https://shop-tls.shop:8443/', ca: authority.pem },
      { name: accepted, http: 'https://shop-tls:8446/', insecure: true },
      { name: serving, grpc: 'shop-grpc:5000' },
      { name: expired, http: 'https://shop-tls:8444/', ca: authority.pem, limit: 3s },
      { name: other, http: 'https://shop-tls:8445/', ca: authority.pem, limit: 3s },
      { name: stranger, http: 'https://shop-tls:8443/', limit: 3s },
      { name: no-tls, http: 'https://shop-api:8080/', limit: 3s },
      { name: not-serving, grpc: 'shop-sick:5000', limit: 3s },
      { name: no-grpc, grpc: 'shop-api:8080', limit: 3s }`;
const node = process.execPath;
const ketYaml = `
tiers:
  all: ${common(
    `
      { name: load, on: host, command: ["${node}", load.mjs], expectTests: false, forward: { API_URL: 'http://shop-api:8080' }, requires: { checks: [good, serving] } },
      { name: admin, on: host, command: 'kubectl config get-contexts -o name && kubectl get nodes -o name && stat -c %a "$KUBECONFIG"', expectTests: false, requires: { checks: [] } },
      { name: none, on: host, api: none, command: 'echo "config $KUBECONFIG"', expectTests: false, requires: { checks: [] } },
      { name: sad, on: host, command: 'true', expectTests: false, requires: { checks: [expired] } }`,
    secure,
  )}
  rights: ${common(`
      { name: rights, on: host, expectTests: false, command: 'kubectl get pods -o name && kubectl auth can-i get secrets; kubectl auth can-i list nodes; kubectl auth whoami -o jsonpath={.status.userInfo.username}' }`)}
  lost: ${common(
    `
      { name: here, on: host, expectTests: false, command: 'echo ready; sleep 200' },
      { name: there, image: "${busybox}", expectTests: false, command: 'sleep 200' },
      { name: free, on: host, expectTests: false, command: 'sleep 45', requires: { checks: [] } }`,
    "{ name: up, http: 'http://shop-api:8080/id', limit: 5s }, { name: not-during, tcp: 'shop-api:8080', limit: 5s, during: false }",
  )}
  told: ${common(
    `{ name: here, on: host, expectTests: false, command: 'echo ready; for i in $(seq 900); do test -f back && exit 0; sleep 0.1; done; exit 1' }`,
    "{ name: up, tcp: 'shop-api:8080', limit: 5s }",
  )}    onUnhealthy: report
  slow: ${common(`
      { name: slow, on: host, expectTests: false, forward: { API: 'shop-api:8080' }, command: 'echo "pid $$ file $KUBECONFIG api $API"; sleep 300' }`)}
`;

let box: Sandbox;
let folder = '';
let cluster = { name: '', kubeconfig: '' };
beforeAll(async () => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  fs.mkdirSync(path.join(folder, 'k8s'), { recursive: true });
  selfSigned(folder, 'authority');
  signed(folder, 'good', ['shop-tls', 'shop-tls.shop']);
  signed(folder, 'expired', ['shop-tls'], true);
  signed(folder, 'other', ['shop-web']);
  selfSigned(folder, 'self', 'shop-tls');
  const pems = fs.readdirSync(folder).filter((name) => /\.(pem|key)$/.test(name));
  const data = Object.fromEntries(
    pems.map((name) => [name, fs.readFileSync(path.join(folder, name)).toString('base64')]),
  );
  const objects = [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tls' }, data },
    ...deployment('shop-api', busybox, ['/bin/sh', '-c', serveBig], [8080]),
    ...deployment('shop-tls', python, ['python3', '-c', serveTls], [8443, 8444, 8445, 8446]),
    ...deployment('shop-grpc', agnhost, grpc, [5000]),
    ...deployment('shop-sick', agnhost, [...grpc, '--delay-unhealthy-sec=0'], [5000]),
  ];
  fs.writeFileSync(
    path.join(folder, 'k8s', 'all.yaml'),
    objects.map((one) => JSON.stringify(one)).join('\n---\n'),
  );
  fs.writeFileSync(path.join(folder, 'load.mjs'), load);
  fs.writeFileSync(path.join(folder, 'ket.yaml'), ketYaml);
  cluster = await up('all', folder, box);
}, 500_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  box.remove();
}, 120_000);

const scale = (replicas: number): string =>
  kubectl(cluster.kubeconfig, '-n', 'shop', 'scale', 'deployment/shop-api', `--replicas=${String(replicas)}`);

const consoleOf = (ran: Ran, suite: string): string =>
  fs.readFileSync(path.join(ran.folder, 'suites', suite, 'attempt-1', 'console.log'), 'utf8');
const checkOf = (ran: Ran, name: string) =>
  eventsOf(ran, 'task-ended').find(({ task }) => task === `check ${name}`);
/** Files with keys beside that of the cluster itself. */
const keys = (): string[] => {
  const runs = path.join(box.home, 'state', 'ket', 'runs');
  return fs
    .readdirSync(runs)
    .filter((name) => name.endsWith('.kubeconfig') && path.join(runs, name) !== cluster.kubeconfig);
};
const nothingIsLeft = async (ran: Ran): Promise<void> => {
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(await namespacesBut(cluster.kubeconfig, 'shop')).toEqual([]);
  expect(keys()).toEqual([]);
};

describe('suites on this machine', () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await ket({ args: ['run', '--tier', 'all'], cwd: folder, box });
  }, 240_000);

  test('50 connections at once bring 100 MiB, and the port leads to the new pod when the old one is gone', () => {
    expect(attemptOf(ran, 'load')).toMatchObject({ outcome: 'passed' });
    const said = consoleOf(ran, 'load');
    expect(said).toContain(`bytes ${String(50 * 2 * 2 ** 20)} right 50 `);
    expect(said).toMatch(/replaced shop-api-\S+ by shop-api-\S+/);
  });

  test("have the rights of the administrator of ket's own cluster, by a file of their own", () => {
    expect(attemptOf(ran, 'admin')).toMatchObject({ outcome: 'passed' });
    expect(consoleOf(ran, 'admin')).toMatch(/^ket\nnode\/\S+\n600\n$/);
  });

  test('have none with `api: none`, not even those of who runs ket', () =>
    expect(consoleOf(ran, 'none')).toBe('config /dev/null\n'));

  test('one whose check fails is skipped with the reason, the others run, and nothing is left', async () => {
    expect(eventsOf(ran, 'suite-ended').find(({ suite }) => suite === 'sad')).toMatchObject({
      outcome: 'skipped',
      message: 'not run: check expired failed',
    });
    expect(ran.code).toBe(3);
    await nothingIsLeft(ran);
  }, 60_000);

  test('in a cluster that is not of ket have the rights of a suite in it', async () => {
    const other = await ket({
      args: ['run', '--tier', 'rights', '--cluster', cluster.name],
      cwd: folder,
      box,
    });
    const said = consoleOf(other, 'rights');
    expect(said).toMatch(/^pod\/shop-api-\S+\n/);
    expect(said.match(/^(yes|no)$/gm)).toEqual(['no', 'no']);
    expect(said).toMatch(/\nsystem:serviceaccount:ket-\S+-rights-1:ket-\S+-rights-1\n$/);
    await nothingIsLeft(other);
  }, 180_000);

  test('of a ket that is killed leave no process and no key, once the next has looked', async () => {
    let said = '';
    await ket({
      args: ['run', '--tier', 'slow', '--cluster', cluster.name],
      ...{ cwd: folder, box },
      onEvent: (event, pid) => {
        if (event.type !== 'log' || said !== '') return;
        said = event.line;
        process.kill(pid, 'SIGKILL');
      },
    });
    const [, pid = '', file = ''] = /^pid (\d+) file (\S+) api 127\.0\.0\.1:\d+$/.exec(said) ?? [];
    expect(fs.existsSync(file)).toBe(true);
    expect(() => process.kill(Number(pid), 0)).not.toThrow();
    const swept = await ket({ args: ['cleanup'], cwd: folder, box });
    expect(swept.stderr).not.toContain('could not');
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
    expect(keys()).toEqual([]);
    expect(await namespacesBut(cluster.kubeconfig, 'shop')).toEqual([]);
  }, 240_000);
});

describe('a check that does not hold any more while suites run', () => {
  const runOn = (tier: string, onEvent: (event: Ran['events'][number]) => void): Promise<Ran> =>
    ket({ args: ['run', '--tier', tier, '--cluster', cluster.name], cwd: folder, box, onEvent });

  test('ends those that require it, with the reason, and no others', async () => {
    const ran = await runOn('lost', (event) => {
      if (event.type === 'log' && event.line === 'ready') scale(0);
    });
    scale(1);
    for (const suite of ['here', 'there']) {
      const { outcome, infraClass, message } = attemptOf(ran, suite);
      expect([outcome, infraClass]).toEqual(['infra-error', 'unhealthy']);
      expect(message).toMatch(
        /^check up did not hold for 5 s while suites ran: pod probe-1-1 on node \S+ → http:\/\/shop-api:8080\/id: expected status 200, seen: .+; likely: .+; no pod of Service shop\/shop-api/,
      );
    }
    expect(attemptOf(ran, 'free')).toMatchObject({ outcome: 'passed' });
    expect(ran.code).toBe(3);
    await nothingIsLeft(ran);
  }, 240_000);

  test('is told, and that it holds again, with `onUnhealthy: report`', async () => {
    const told: string[] = [];
    const ran = await runOn('told', (event) => {
      if (event.type === 'log' && event.line === 'ready') scale(0);
      if (event.type !== 'notice' || !event.text.startsWith('check up ')) return;
      told.push(event.text);
      if (told.length === 1) scale(1);
      else fs.writeFileSync(path.join(folder, 'back'), '');
    });
    expect(told).toEqual([
      expect.stringMatching(/^check up did not hold for 5 s while suites ran: /),
      'check up holds again',
    ]);
    expect(attemptOf(ran, 'here')).toMatchObject({ outcome: 'passed' });
    expect(ran.code).toBe(0);
    await nothingIsLeft(ran);
  }, 240_000);
});

describe('checks of TLS and gRPC', () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await ket({ args: ['check', '--tier', 'all'], cwd: folder, box });
  }, 240_000);

  test.each(['good', 'by-file', 'accepted', 'serving'])('%s holds', (name) =>
    expect(checkOf(ran, name)).toMatchObject({ outcome: 'done' }),
  );

  test.each([
    [
      'expired',
      /→ https:\/\/shop-tls:8444\/: .* a certificate that expired on Jan {1,2}2 00:00:00 2020 GMT; likely: it was not renewed/,
    ],
    ['other', /seen: a certificate for shop-web, not for shop-tls; likely: the name of the Service lacks/],
    ['stranger', /seen: a certificate of an unknown authority, authority; likely: give the check `ca`/],
    ['no-tls', /seen: an answer that is not TLS; likely: the port speaks no TLS/],
    [
      'not-serving',
      /→ grpc:\/\/shop-sick:5000: expected SERVING, seen: NOT_SERVING; likely: the server is up/,
    ],
    ['no-grpc', /likely: the port speaks another protocol/],
  ])('%s fails, and says why', (name, message) => {
    const { outcome, error } = checkOf(ran, name) ?? {};
    expect([outcome, error?.code]).toEqual(['failed', 'KET_CHECK']);
    expect(error?.message).toMatch(message);
  });

  test('what was accepted is said', () =>
    expect(eventsOf(ran, 'notice').map(({ text }) => text)).toContain(
      'check accepted: it accepts a certificate of an unknown authority, self (`insecure: true`)',
    ));

  test('nothing is left', () => nothingIsLeft(ran), 60_000);
});
