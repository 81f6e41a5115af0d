import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { groups, type TestGroup } from './groups.ts';

/**
 * How a group of tests ended with inputs of a hash. On the machine where it ran in `.cache/stamps`; in the
 * repository in `.ci/green.json`, so that what took an hour on one machine need not be done again on another.
 * `node scripts/stamps.ts [FOLDER…]` puts those of this checkout, and of clones of it, into the repository: each whose
 * inputs are as they are here.
 */
export interface Stamp {
  readonly hash: string;
  /** Tests; 0 where it was red, which counts before what the repository says. */
  readonly passed: number;
}

const root = path.join(import.meta.dirname, '..');
const committed = path.join(root, '.ci', 'green.json');
const fileIn = (folder: string, name: string): string => path.join(folder, '.cache', 'stamps', name);

/** Of the content of all files that git knows or would add, below the group's paths; not of the stamps themselves. */
export function hashOf(group: Pick<TestGroup, 'inputs'>): string {
  const paths = [...group.inputs, ':!.ci/green.json'];
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...paths];
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0');
  const hash = createHash('sha256');
  for (const name of [...new Set(files)].sort()) {
    const file = path.join(root, name);
    if (name === '' || !fs.existsSync(file) || !fs.statSync(file).isFile()) continue;
    hash.update(name).update('\0').update(fs.readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/** Undefined unless the group was green with its inputs as they are, the last time that it ran here or elsewhere. */
export function stampOf(group: TestGroup): Stamp | undefined {
  return green([read(fileIn(root, group.name)), inRepository()[group.name]], hashOf(group));
}

function green(known: readonly (Stamp | undefined)[], hash: string): Stamp | undefined {
  const last = known.find((stamp) => stamp?.hash === hash);
  return last === undefined || last.passed === 0 ? undefined : last;
}

/** How a group ended on this machine. */
export function keep(group: TestGroup, stamp: Stamp): void {
  const file = fileIn(root, group.name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify(stamp));
}

function read(file: string): Stamp | undefined {
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as Stamp) : undefined;
}

const inRepository = (): Readonly<Record<string, Stamp>> =>
  fs.existsSync(committed)
    ? (JSON.parse(fs.readFileSync(committed, 'utf8')) as Readonly<Record<string, Stamp>>)
    : {};

function publish(folders: readonly string[]): void {
  const before = inRepository();
  const now = groups.flatMap((group) => {
    const known = folders.map((folder) => read(fileIn(folder, group.name)));
    const stamp = green([...known, before[group.name]], hashOf(group));
    process.stdout.write(
      `${group.name}: ${stamp === undefined ? 'not green with these inputs' : String(stamp.passed)}\n`,
    );
    return stamp === undefined ? [] : [[group.name, stamp] as const];
  });
  fs.writeFileSync(committed, `${JSON.stringify(Object.fromEntries(now), null, 2)}\n`);
}

if (process.argv[1] === import.meta.filename) publish([root, ...process.argv.slice(2)]);
