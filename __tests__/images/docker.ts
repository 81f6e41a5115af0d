import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { JUnitCase } from '../../src/results/junit-case.ts';
import { findJUnit } from '../../src/results/junit-find.ts';
import { readJUnit } from '../../src/results/junit-read.ts';
import { runCommand, type Ended } from '../run-command.ts';
import { blocksOf } from '../unit/support/markdown.ts';

/** Images for tests: how they are built, run as a cluster would run them, and removed. */

export const root = path.join(import.meta.dirname, '..', '..');
const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
const own = String(process.pid);

/** One call of docker, to its end. */
export function docker(argv: readonly string[]): Promise<Ended> {
  return runCommand(['docker', ...argv], { cwd: root, limitMs: 10 * 60_000 });
}

const built: string[] = [];

export interface Build {
  readonly context?: string;
  readonly file: string;
  readonly args?: Readonly<Record<string, string>>;
  /** More build contexts by their names. */
  readonly contexts?: Readonly<Record<string, string>>;
}

/** Builds an image under a name that is this process's own, and returns that. */
export async function build(name: string, { context = '.', file, args, contexts }: Build): Promise<string> {
  const tag = `trial-runner/${name}:${own}`;
  const options = [
    ...Object.entries(args ?? {}).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...Object.entries(contexts ?? {}).flatMap(([key, value]) => ['--build-context', `${key}=${value}`]),
  ];
  built.push(tag);
  const { code, said } = await docker(['build', '--tag', tag, '--file', file, ...options, context]);
  if (code !== 0) throw new Error(`${file} does not build:\n${said}`);
  return tag;
}

export async function removeImages(): Promise<void> {
  for (const tag of built.splice(0).reverse()) await docker(['image', 'rm', '--force', tag]);
}

export async function sizeOf(image: string): Promise<number> {
  return Number((await docker(['image', 'inspect', '--format', '{{.Size}}', image])).said);
}

export const isThere = (image: string): boolean =>
  spawnSync('docker', ['image', 'inspect', image], { stdio: 'ignore' }).status === 0;

/** The published base where Docker has it, else a stand-in that is made of what this machine has. */
export async function baseFor(name: string, standIn: () => Promise<string>): Promise<string> {
  if (isThere(name)) return name;
  process.stderr.write(`a stand-in for ${name}, which Docker does not have\n`);
  return standIn();
}

/** What a command prints: where a program or its files are. */
export const printed = (command: string, ...args: string[]): string =>
  spawnSync(command, args, { encoding: 'utf8' }).stdout.trim();

/** A Dockerfile of docs/images.md, on the image that was built here. */
export function shownDockerfile(image: string, bases: Readonly<Record<string, string>>): string {
  const blocks = blocksOf(fs.readFileSync(path.join(root, 'docs', 'images.md'), 'utf8'));
  const found = blocks.filter(({ info, text }) => info === 'dockerfile' && text.includes(`/${image}:`));
  const [block] = found;
  if (block === undefined || found.length > 1)
    throw new Error(`docs/images.md has ${found.length} Dockerfiles for ${image}`);
  return block.text.replaceAll(/^FROM (\S+)/gm, (_, name: string) => {
    const base = Object.entries(bases).find(([known]) => name === known || name.includes(`/${known}:`))?.[1];
    if (base === undefined) throw new Error(`no image for ${name}`);
    return `FROM ${base}`;
  });
}

const folders: string[] = [];

/** A folder with these files, for everybody to read. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-images-'));
  folders.push(folder);
  fs.chmodSync(folder, 0o755);
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
}

export interface Run {
  readonly image: string;
  readonly user?: number;
  readonly options?: readonly string[];
  readonly args?: readonly string[];
}

export interface Ran extends Ended {
  readonly cases: readonly JUnitCase[];
  /** `classname.name`. */
  readonly names: readonly string[];
  /** File names of /results by the user who owns them. */
  readonly results: Readonly<Record<string, number>>;
  readonly folder: string;
}

/** As Pod Security `restricted` has it, on a root file system that nobody can write to. */
const restricted = [
  '--read-only',
  '--cap-drop',
  'ALL',
  '--security-opt',
  'no-new-privileges',
  '--network',
  'none',
];
/** What a suite has as HOME and TMPDIR in the pod; /tmp is not writable then. */
const home = ['--tmpfs', '/ket/home:exec,mode=1777', '--env', 'HOME=/ket/home', '--env', 'TMPDIR=/ket/home'];

/** Runs an image to its end as a suite's pod does, and reads what it left. */
export async function run({ image, user, options = [], args = [] }: Run): Promise<Ran> {
  const folder = folderWith({});
  fs.chmodSync(folder, 0o777);
  const ended = await docker([
    ...['run', '--rm', ...restricted, ...home, '--volume', `${folder}:/results`],
    ...(user === undefined ? [] : ['--user', `${user}:${user}`]),
    ...[...options, image, ...args],
  ]);
  const cases: JUnitCase[] = [];
  for (const file of await findJUnit(folder)) cases.push(...(await readJUnit(file)).cases);
  const owner = (name: string): number => fs.statSync(path.join(folder, name)).uid;
  return {
    ...ended,
    cases,
    names: cases.map(({ classname, name }) => `${classname ?? ''}.${name}`),
    results: Object.fromEntries(fs.readdirSync(folder).map((name) => [name, owner(name)])),
    folder,
  };
}

/** What ket gives to a shard of a suite. */
export const shardOptions = (shard: number, shards: number): string[] => [
  ...['--volume', `${path.join(root, 'dist', 'ket-run', `ket-run-${arch}`)}:/ket/bin/ket-run:ro`],
  ...['--env', `KET_SHARD=${shard}`, '--env', `KET_SHARDS=${shards}`],
  ...['--env', 'KET_DURATIONS=/dev/null', '--env', 'KET_RESULTS=/results'],
];
