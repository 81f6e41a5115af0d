import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/**
 * What release.yml needs to know of a tag. `node scripts/release.ts v1.2.3` ends with 1 and says why when the tag must
 * not become a release; else it prints outputs of a step: the commit, the notes, and which tag moves.
 */

const root = path.join(import.meta.dirname, '..');

export interface Facts {
  /** Of package.json. */
  readonly version: string;
  readonly changelog: string;
  /** Names of the branches at the origin. */
  readonly branches: readonly string[];
  readonly tags: readonly string[];
  /** The commit of the tag is part of the main branch. */
  readonly onMain: boolean;
}

export interface Release {
  readonly notes: string;
  /** The tag of the major version, when this is its newest release. */
  readonly major: string | undefined;
  /** It is the newest of all. */
  readonly latest: boolean;
}

/** The tag that the smoke run uses, so that `v1` moves only afterwards. */
export const candidate = 'candidate';

type Numbers = readonly [number, number, number];

function numbersOf(tag: string): Numbers | undefined {
  const found = /^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.exec(tag);
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3])];
}

const newer = (a: Numbers, b: Numbers): boolean => {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at >= 0 && (a[at] ?? 0) > (b[at] ?? 0);
};

/** The section of a version in CHANGELOG.md, without its title. */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1);
  const found = sections.find((text) => text.split(/\s/, 1)[0] === version);
  return found?.replace(/^.*\n/, '').trim() ?? '';
}

/** What a tag gives, or all that speaks against it. */
export function judge(
  tag: string,
  read: (tag: string) => Facts,
): Release | { readonly faults: readonly string[] } {
  const numbers = numbersOf(tag);
  if (numbers === undefined) return { faults: [`${tag} is not of the form v1.2.3`] };
  const facts = read(tag);
  const version = tag.slice(1);
  const major = `v${numbers[0]}`;
  const notes = notesOf(facts.changelog, version);
  const unreleased = notesOf(facts.changelog, 'Unreleased');
  const faults = [
    ...(facts.version === version ? [] : [`package.json has version ${facts.version}, not ${version}`]),
    ...(notes === '' ? [`CHANGELOG.md has no section "## ${version}" with entries`] : []),
    ...(unreleased === '' ? [] : ['CHANGELOG.md still has entries under "## Unreleased"']),
    ...(facts.onMain ? [] : [`the commit of ${tag} is not on the branch main`]),
    // GitHub resolves `uses: …@v1` to either of them.
    ...[tag, major, candidate]
      .filter((name) => facts.branches.includes(name))
      .map((name) => `there is a branch ${name}; a tag of that name would be mistaken for it`),
  ];
  if (faults.length > 0) return { faults };
  const rivals = facts.tags.map(numbersOf).filter((other) => other !== undefined);
  const isNewest = (among: readonly Numbers[]): boolean => !among.some((other) => newer(other, numbers));
  return {
    notes,
    major: isNewest(rivals.filter((other) => other[0] === numbers[0])) ? major : undefined,
    latest: isNewest(rivals),
  };
}

/** A value of any lines, as a step gives it to the jobs after it. */
const output = (name: string, value: string): string => {
  const end = `end-${crypto.randomUUID()}`;
  return `${name}<<${end}\n${value}\n${end}\n`;
};

function factsOf(tag: string): Facts {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trim();
  const names = (prefix: string): string[] =>
    git('for-each-ref', '--format=%(refname)', prefix)
      .split('\n')
      .map((name) => name.slice(prefix.length));
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as Facts;
  return {
    version,
    changelog: fs.readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8'),
    branches: names('refs/remotes/origin/'),
    tags: names('refs/tags/'),
    onMain:
      git('branch', '--remotes', '--contains', `refs/tags/${tag}^{commit}`, '--list', 'origin/main') !== '',
  };
}

if (import.meta.main) {
  const tag = process.argv[2] ?? '';
  const result = judge(tag, factsOf);
  if ('faults' in result) {
    process.stderr.write(`${tag} cannot be released:\n${result.faults.map((f) => `  ${f}\n`).join('')}`);
    process.exitCode = 1;
  } else {
    const commit = execFileSync('git', ['-C', root, 'rev-parse', `refs/tags/${tag}^{commit}`], {
      encoding: 'utf8',
    }).trim();
    process.stdout.write(
      output('commit', commit) +
        output('notes', result.notes) +
        output('major', result.major ?? '') +
        output('latest', String(result.latest)),
    );
  }
}
