import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { attemptOf, containersOf, ket, root, sandbox, type Sandbox } from './ket.ts';

/** A machine that reaches the outside only through a proxy, to servers of an authority that only it knows. */

let box: Sandbox;
let certificate = '';
let proxyUrl = '';
const tunnels: string[] = [];
const servers: (http.Server | https.Server)[] = [];

const listen = async (server: http.Server | https.Server, host: string): Promise<number> => {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as net.AddressInfo).port;
};

beforeAll(async () => {
  box = sandbox();
  const key = path.join(box.home, 'key.pem');
  certificate = path.join(box.home, 'certificate.pem');
  const form = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', '/CN=outside.example', '-addext', 'subjectAltName=DNS:outside.example'];
  execFileSync('openssl', ['req', '-x509', ...form, '-keyout', key, '-out', certificate, ...names], {
    stdio: 'ignore',
  });
  const tls = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) };
  const outside = https.createServer(tls, (request, response) => {
    response.statusCode = request.url === '/hello' ? 200 : 404;
    response.end('outside');
  });
  const far = await listen(outside, '127.0.0.1');
  const proxy = http.createServer((request, response) => {
    tunnels.push(request.url ?? '');
    response.writeHead(502).end();
  });
  proxy.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    tunnels.push(request.url ?? '');
    const server = net.connect(far, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      server.pipe(socket).pipe(server);
    });
    for (const end of [server, socket]) end.on('error', () => end.destroy());
  });
  // This machine, as containers of any network reach it.
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}';
  const argv = ['network', 'inspect', 'bridge', '--format', format];
  const gateway = execFileSync('docker', argv, { encoding: 'utf8' }).trim();
  proxyUrl = `http://${gateway}:${String(await listen(proxy, gateway))}`;
});
afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  box.remove();
});

const image = 'python:3.11-slim';

const chart = {
  'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'templates/all.yaml': JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
        spec: { selector: { app: 'web' }, ports: [{ port: 8000 }] },
      },
      {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          template: {
            metadata: { labels: { app: 'web' } },
            spec: {
              containers: [
                {
                  ...{
                    name: 'web',
                    image,
                    command: ['python', '-m', 'http.server', '8000', '-d', '/tmp'],
                  },
                  readinessProbe: { tcpSocket: { port: 8000 }, periodSeconds: 1 },
                },
              ],
            },
          },
        },
      },
    ],
  }),
};

const calls = `
import os, ssl, urllib.request as r
def status(url, **more):
    try:
        return r.urlopen(url, timeout=20, **more).status
    except Exception as error:
        return getattr(error, 'code', repr(error))
account = '/var/run/secrets/kubernetes.io/serviceaccount/'
api = ssl.create_default_context(cafile=account + 'ca.crt')
got = {
    'outside': status('https://outside.example/hello'),
    'beside': [status('http://web:8000/'), status('http://web.web:8000/'), status('http://web.web.svc.inside.example:8000/')],
    'api': [status('https://%s/version' % h, context=api) for h in ('kubernetes.default', os.environ['KUBERNETES_SERVICE_HOST'])],
}
print('got', got, flush=True)
want = {'outside': 200, 'beside': [200, 200, 200], 'api': [200, 200]}
case = '<testcase name="a"/>' if got == want else '<testcase name="a"><failure/></testcase>'
open('/results/junit.xml', 'w').write('<testsuite>' + case + '</testsuite>')
`;

test('downloads of nodes and pods go through the proxy and trust the authority; what is in the cluster is reached directly', async () => {
  const project = path.join(box.home, 'project');
  for (const [name, text] of Object.entries(chart)) {
    const file = path.join(project, 'chart', name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  const config = path.join(root, 'kind-configs', 'integration.yaml');
  const suite = { name: 'calls', image, command: ['python', '-c', calls], needs: ['web'] };
  const tier = {
    cluster: { config: 'kind.yaml' },
    images: [{ name: image }],
    releases: [{ name: 'web', namespace: 'web', chart: 'chart' }],
    // An image that no node has and no registry either.
    suites: [suite, { name: 'pulls', image: 'outside.example/none:1', command: 'true', needs: [] }],
  };
  // With a domain of its own, which has to be found out.
  const patch = 'kind: ClusterConfiguration\nnetworking: { dnsDomain: inside.example }\n';
  const kind = parse(fs.readFileSync(config, 'utf8')) as { kubeadmConfigPatches?: string[] };
  kind.kubeadmConfigPatches = [...(kind.kubeadmConfigPatches ?? []), patch];
  fs.writeFileSync(path.join(project, 'kind.yaml'), JSON.stringify(kind));
  fs.writeFileSync(path.join(project, 'ket.yaml'), JSON.stringify({ tiers: { outbound: tier } }));
  let said = '';
  const ran = await ket({
    args: ['run', '--tier', 'outbound'],
    cwd: project,
    box,
    env: { HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl, NODE_EXTRA_CA_CERTS: certificate },
    onEvent(event) {
      if (event.type === 'log' && event.line.startsWith('got ')) said = event.line;
    },
  });
  expect(ran.stderr).toBe('');
  expect(said).toBe("got {'outside': 200, 'beside': [200, 200, 200], 'api': [200, 200]}");
  expect(attemptOf(ran, 'calls').outcome).toBe('passed');
  // The registry was asked, over a connection that the node trusts, and does not have it.
  expect(attemptOf(ran, 'pulls')).toMatchObject({
    infraClass: 'image-pull',
    message: expect.stringMatching(/outside\.example\/none:1.*not found/),
  });
  expect([...new Set(tunnels)]).toEqual(['outside.example:443']);
  expect(tunnels.length).toBeGreaterThan(1);
  expect(box.states()).toEqual([]);
  expect(fs.readdirSync(path.join(box.home, 'state', 'ket', 'runs'))).toEqual([]);
  expect(containersOf(ran.stdout)).toEqual([]);
}, 300_000);
