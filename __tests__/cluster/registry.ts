import {
  execFileSync,
  spawn,
  type ChildProcess,
  type ExecFileSyncOptionsWithStringEncoding,
} from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { parse } from 'yaml';
import { root } from './ket.ts';

/**
 * A registry with a password: Debian's docker-registry, on the loopback of this machine, as `127.0.0.1:PORT`. Nodes
 * reach it under the same name, by a mirror in their Kind config and a forwarder on the network of the clusters.
 */
export interface Registry {
  readonly host: string;
  readonly username: string;
  readonly password: string;
  /** Builds an image of these files and pushes it; gives its digest. Docker has it under no name afterwards. */
  push(name: string, files: Readonly<Record<string, string>>): string;
  /** Packages the chart in a folder and pushes it to `charts/`. */
  pushChart(chart: string): void;
  /** Path of a Kind config whose nodes find the registry. */
  readonly kindConfig: string;
  /** Requests so far, one line each, as `GET /v2/…`. */
  requests(): readonly string[];
  stop(): void;
}

const quiet: ExecFileSyncOptionsWithStringEncoding = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] };
const docker = (args: readonly string[], env: NodeJS.ProcessEnv = process.env): string =>
  execFileSync('docker', args, { ...quiet, env }).trim();

const freePort = async (): Promise<number> => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
};

/** Debian's package, unpacked and not installed; gives the path of the program. */
export function programIn(folder: string): string {
  execFileSync('apt-get', ['download', '-o', 'APT::Sandbox::User=root', 'docker-registry'], {
    ...quiet,
    cwd: folder,
  });
  const [deb = ''] = fs.readdirSync(folder).filter((name) => name.endsWith('.deb'));
  execFileSync('dpkg-deb', ['-x', path.join(folder, deb), path.join(folder, 'unpacked')], quiet);
  return path.join(folder, 'unpacked', 'usr', 'bin', 'docker-registry');
}

/** The form in which the registry wants passwords. */
const bcrypt = (password: string): string =>
  execFileSync('perl', ['-e', 'print crypt($ENV{WORD}, q($2y$05$abcdefghijklmnopqrstuu))'], {
    ...quiet,
    env: { ...process.env, WORD: password },
  });

export async function startRegistry(folder: string): Promise<Registry> {
  fs.mkdirSync(folder, { recursive: true });
  const program = programIn(folder);
  const [username, password] = ['ci-robot', randomBytes(12).toString('hex')];
  const port = await freePort();
  const host = `127.0.0.1:${String(port)}`;
  fs.writeFileSync(path.join(folder, 'htpasswd'), `${username}:${bcrypt(password)}\n`);
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: path.join(folder, 'storage') } },
    http: { addr: host },
    auth: { htpasswd: { realm: 'test', path: path.join(folder, 'htpasswd') } },
  };
  fs.writeFileSync(path.join(folder, 'config.yml'), JSON.stringify(config));
  const log = path.join(folder, 'registry.log');
  const out = fs.openSync(log, 'w');
  const child: ChildProcess = spawn(program, ['serve', path.join(folder, 'config.yml')], {
    stdio: ['ignore', out, out],
  });
  fs.closeSync(out);
  const forwarder = await forward(port);
  const login = path.join(folder, 'login');
  fs.mkdirSync(login);
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  fs.writeFileSync(path.join(login, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  await answers(port);
  return {
    ...{ host, username, password },
    push(name, files) {
      const context = fs.mkdtempSync(path.join(folder, 'build-'));
      for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(context, file), text);
      const full = `${host}/${name}`;
      docker(['build', '--quiet', '--tag', full, context]);
      const env = { ...process.env, DOCKER_CONFIG: login };
      docker(['push', '--quiet', full], env);
      const digests = docker(['image', 'inspect', '--format', '{{json .RepoDigests}}', full]);
      const digest = (JSON.parse(digests) as string[])[0]?.split('@')[1] ?? '';
      docker(['rmi', '--force', docker(['image', 'inspect', '--format', '{{.Id}}', full])]);
      return digest;
    },
    pushChart(chart) {
      const target = fs.mkdtempSync(path.join(folder, 'chart-'));
      execFileSync('helm', ['package', chart, '--destination', target], quiet);
      const [archive = ''] = fs.readdirSync(target);
      const argv = ['push', '--plain-http', path.join(target, archive), `oci://${host}/charts`];
      const env = { ...process.env, HOME: target, HELM_REGISTRY_CONFIG: path.join(login, 'config.json') };
      execFileSync('helm', argv, { ...quiet, env });
    },
    kindConfig: kindConfigIn(folder, host, forwarder.address),
    requests: () =>
      [...fs.readFileSync(log, 'utf8').matchAll(/"((?:GET|HEAD) \/v2\/\S*)/g)].map(([, line = '']) => line),
    stop() {
      forwarder.stop();
      child.kill();
    },
  };
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      if ((await fetch(`http://127.0.0.1:${String(port)}/v2/`)).status === 401) return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error('the registry does not answer');
}

/** From the address of this machine on Docker's network, which nodes reach, to the loopback. */
async function forward(port: number): Promise<{ address: string; stop: () => void }> {
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}';
  const gateway = docker(['network', 'inspect', 'bridge', '--format', format]);
  const server = net.createServer((socket) => {
    const there = net.connect(port, '127.0.0.1');
    socket.pipe(there).pipe(socket);
    for (const end of [socket, there]) end.on('error', () => end.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, gateway, resolve));
  const { port: own } = server.address() as net.AddressInfo;
  return { address: `${gateway}:${String(own)}`, stop: () => server.close() };
}

function kindConfigIn(folder: string, host: string, address: string): string {
  const hosts = path.join(folder, 'hosts');
  fs.mkdirSync(path.join(hosts, host), { recursive: true });
  const mirror = `[host."http://${address}"]\n  capabilities = ["pull", "resolve"]\n`;
  fs.writeFileSync(path.join(hosts, host, 'hosts.toml'), `server = "http://${address}"\n${mirror}`);
  const file = path.join(root, 'kind-configs', 'integration.yaml');
  const kind = parse(fs.readFileSync(file, 'utf8')) as {
    nodes?: object[];
    containerdConfigPatches?: string[];
  };
  const mount = { hostPath: hosts, containerPath: '/etc/containerd/certs.d', readOnly: true };
  const patch = '[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n';
  const nodes = (kind.nodes ?? [{ role: 'control-plane' }]).map((node) => ({
    ...node,
    extraMounts: [mount],
  }));
  const patches = [...(kind.containerdConfigPatches ?? []), patch];
  const own = path.join(folder, 'kind.yaml');
  fs.writeFileSync(own, JSON.stringify({ ...kind, nodes, containerdConfigPatches: patches }));
  return own;
}
