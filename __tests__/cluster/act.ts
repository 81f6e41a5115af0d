import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { root, type Sandbox } from './ket.ts';

/** How tests run workflows: by act on this machine itself, the Action taken from this checkout. */

/** A repository with one commit. */
export function repository(folder: string, files: Readonly<Record<string, string>> = {}): string {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  const git = (...args: string[]): void => {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@localhost'];
    execFileSync('git', ['-C', folder, ...identity, ...args], { stdio: 'ignore' });
  };
  git('init', '--quiet', '--initial-branch=main');
  git('remote', 'add', 'origin', 'https://github.com/someone/shop.git');
  git('add', '--all');
  git('commit', '--quiet', '--message=first');
  return folder;
}

/** The example as a repository of its own, as a user would have it. */
export function exampleFiles(folder: string): void {
  fs.cpSync(path.join(root, 'examples', 'fastapi-postgres'), folder, {
    recursive: true,
    filter: (from) =>
      !/ket-results|reports|__pycache__|\.pytest_cache|\.venv/.test(path.relative(root, from)),
  });
  fs.cpSync(path.join(root, 'kind-configs'), path.join(folder, 'kind-configs'), { recursive: true });
  const config = path.join(folder, 'ket.yaml');
  fs.writeFileSync(
    config,
    fs.readFileSync(config, 'utf8').replaceAll('../../kind-configs/', 'kind-configs/'),
  );
}

/** A workflow with the jobs that are given, each with a checkout before its steps. */
export function workflow(jobs: Readonly<Record<string, readonly object[]>>, more: object = {}): string {
  const checkout = { uses: 'actions/checkout@v7', with: { 'persist-credentials': false } };
  return JSON.stringify({
    on: 'push',
    jobs: Object.fromEntries(
      Object.entries(jobs).map(([name, steps]) => [
        name,
        { 'runs-on': 'ubuntu-latest', steps: [checkout, ...steps], ...more },
      ]),
    ),
  });
}

/** The step that this is all about. */
export const ketStep = (inputs: Readonly<Record<string, string>>, more: object = {}): object => ({
  id: 'ket',
  uses: 'org/ket-action@v1',
  with: inputs,
  ...more,
});

/** All files beneath a folder, by relative path. */
export const filesIn = (folder: string): Map<string, Buffer> =>
  new Map(
    fs
      .readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const file = path.join(entry.parentPath, entry.name);
        return [path.relative(folder, file), fs.readFileSync(file)];
      }),
  );

export interface ActRun {
  readonly code: number | null;
  readonly log: string;
  readonly ms: number;
  /** Artifacts by name, unpacked: a folder each. */
  readonly artifacts: ReadonlyMap<string, string>;
}

export interface ActOptions {
  readonly repo: string;
  readonly box: Sandbox;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Called for each line, with the process of act. */
  readonly onLine?: (line: string, pid: number) => void;
  readonly limitMs?: number;
}

/** Runs the workflows of a repository to their end. */
export async function act(options: ActOptions): Promise<ActRun> {
  const { box, repo } = options;
  const began = Date.now();
  const server = fs.mkdtempSync(path.join(box.home, 'artifacts-'));
  // Without a file of its own act asks which images it may use.
  fs.writeFileSync(path.join(box.home, '.actrc'), '-P ubuntu-latest=-self-hosted\n');
  const argv = [
    'push',
    '--no-cache-server',
    ...['--artifact-server-path', server, '--artifact-server-addr', '127.0.0.1'],
    ...['--artifact-server-port', String(await freePort())],
    ...['--local-repository', `org/ket-action@v1=${published(box)}`],
    ...(options.args ?? []),
  ];
  const node = path.join(root, 'node_modules', '.bin');
  const child = spawn('act', argv, {
    cwd: repo,
    env: {
      ...process.env,
      ...box.env,
      // act takes node of the PATH for `using: node24`.
      PATH: `${node}${path.delimiter}${process.env['PATH'] ?? ''}`,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  let rest = '';
  const read = (chunk: Buffer): void => {
    // act gives each step a terminal, so there are colours.
    const text = stripVTControlCharacters(chunk.toString());
    log += text;
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) options.onLine?.(line, child.pid ?? 0);
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 600_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', (c) => resolve(c)));
  clearTimeout(timer);
  return { code, log, ms: Date.now() - began, artifacts: unpacked(server) };
}

/** The files of this checkout as a tag would have them: act copies the whole folder for each job. */
function published(box: Sandbox): string {
  const folder = path.join(box.home, 'ket-action');
  if (fs.existsSync(folder)) return folder;
  const parts = ['action.yml', 'package.json', 'dist', 'templates', 'kind-configs', 'bin'];
  for (const part of parts) fs.cpSync(path.join(root, part), path.join(folder, part), { recursive: true });
  return folder;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function unpacked(server: string): ReadonlyMap<string, string> {
  const zips = fs
    .readdirSync(server, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.zip'));
  return new Map(
    zips.map((name) => {
      const folder = `${path.join(server, name)}.d`;
      execFileSync('python3', ['-m', 'zipfile', '-e', path.join(server, name), folder]);
      return [path.basename(name, '.zip'), folder];
    }),
  );
}
