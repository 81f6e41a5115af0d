/**
 * Adds a release to the version table, from lists of sums that were saved from at least two sources:
 *
 *   node scripts/add-version.ts --tool helm --version v4.2.4 \
 *     --list a.txt --source owner/repository@0123456789ab:path/of/a \
 *     --list b.txt --source other/repository@ba9876543210:path/of/b
 *
 * A line of a list counts when it has the name of the download and a SHA-256. Lists for kind may also have node images
 * (`kindest/node:…@sha256:…`); those in lists of two owners are taken. Lists that disagree are refused.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { pathOf } from '../src/tools/mirror.ts';
import {
  compareVersions,
  kubernetesOf,
  platforms,
  type ListedTool,
  type NodeImage,
  type Platform,
  type ToolRelease,
  type VersionTable,
} from '../src/tools/table.ts';
import { versions } from '../src/tools/versions.ts';
import { problemsOf } from './check-versions.ts';

export interface List {
  /** `owner/repository@commit:path`. */
  readonly source: string;
  readonly text: string;
}

export interface Wanted {
  readonly tool: ListedTool;
  readonly version: string;
}

/** The table with the release, or an error that says what disagrees or lacks. Pure. */
export function withRelease(table: VersionTable, wanted: Wanted, lists: readonly List[]): VersionTable {
  const { tool, version } = wanted;
  if (table[tool].some((release) => release.version === version))
    throw new Error(`${tool} ${version} is in the table already`);
  const release: ToolRelease = { version, ...agreedSums(wanted, lists) };
  const added = tool === 'kind' ? { ...release, images: agreedImages(lists) } : release;
  const all = [...table[tool], added].sort((a, b) => compareVersions(b.version, a.version));
  const next = { ...table, [tool]: all };
  const problems = problemsOf(next);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return next;
}

function agreedSums(wanted: Wanted, lists: readonly List[]): Pick<ToolRelease, 'sources' | 'sha256'> {
  const found = lists.map(({ source, text }) => ({ source, sums: sumsOf(text, wanted, source) }));
  for (const platform of platforms) {
    const different = new Set(found.flatMap(({ sums }) => sums.get(platform) ?? []));
    if (different.size > 1)
      throw new Error(
        `the sources disagree on ${platform}: ${found.map(({ source, sums }) => `${source} has ${sums.get(platform) ?? 'none'}`).join('; ')}`,
      );
  }
  const withSums = found.filter(({ sums }) => sums.size > 0);
  const offered = platforms.filter((platform) => withSums.every(({ sums }) => sums.has(platform)));
  return {
    sources: withSums.map(({ source }) => source),
    sha256: Object.fromEntries(offered.map((platform) => [platform, withSums[0]?.sums.get(platform) ?? ''])),
  };
}

/** The sums that a list has for a release; lines of other releases are passed over. */
export function sumsOf(
  text: string,
  { tool, version }: Wanted,
  source = 'the list',
): ReadonlyMap<Platform, string> {
  const sums = new Map<Platform, string>();
  for (const line of text.split('\n')) {
    const [sum, second] = line.match(/(?<![0-9A-Za-z])[0-9A-Fa-f]{64}(?![0-9A-Za-z])/g) ?? [];
    const named = /(?<![\w.])v?\d+\.\d+\.\d+(?![\w])/.exec(line)?.[0];
    if (sum === undefined || second !== undefined) continue;
    if (named !== undefined && named.replace(/^v?/, 'v') !== version) continue;
    // The name without folders, in which versions stand that mirrors and lists leave out.
    const platform = platforms.find((name) => {
      const file = pathOf(tool, version, name);
      const key = tool === 'kubectl' ? `${name}/kubectl` : (file.split('/').at(-1) ?? '');
      return new RegExp(`(?<![\\w.-])${key.replaceAll('.', '\\.')}(?![\\w-]|\\.(?!sha256))`).test(line);
    });
    if (platform === undefined) continue;
    const before = sums.get(platform);
    if (before !== undefined && before !== sum.toLowerCase())
      throw new Error(`${source} disagrees with itself on ${platform}`);
    sums.set(platform, sum.toLowerCase());
  }
  return sums;
}

function agreedImages(lists: readonly List[]): NodeImage[] {
  const images = new Map<string, string[]>();
  for (const { source, text } of lists)
    for (const image of new Set(text.match(/kindest\/node:v1\.\d+\.\d+@sha256:[0-9a-f]{64}/g)))
      images.set(image, [...(images.get(image) ?? []), source]);
  const byVersion = new Map<string, string>();
  for (const image of images.keys()) {
    const version = kubernetesOf(image) ?? '';
    const other = byVersion.get(version);
    if (other !== undefined)
      throw new Error(`the sources disagree on Kubernetes ${version}: ${other}, ${image}`);
    byVersion.set(version, image);
  }
  return [...images]
    .filter(([, sources]) => new Set(sources.map((source) => source.split('/')[0])).size >= 2)
    .map(([image, sources]) => ({ kubernetes: kubernetesOf(image) ?? '', image, sources }))
    .sort((a, b) => compareVersions(b.kubernetes, a.kubernetes));
}

/** The file of the table with other data. */
export async function tableText(current: string, table: VersionTable): Promise<string> {
  const mark = 'versions: VersionTable = ';
  const head = current.slice(0, current.indexOf(mark) + mark.length);
  const style = await resolveConfig(path.join(import.meta.dirname, '..', 'package.json'));
  return format(`${head}${JSON.stringify(table)};\n`, { ...style, parser: 'typescript' });
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      tool: { type: 'string' },
      version: { type: 'string' },
      list: { type: 'string', multiple: true, default: [] },
      source: { type: 'string', multiple: true, default: [] },
    },
  });
  const { tool, version, list, source } = values;
  if ((tool !== 'kind' && tool !== 'kubectl' && tool !== 'helm') || version === undefined)
    throw new Error('needs --tool kind|kubectl|helm and --version vX.Y.Z');
  if (list.length !== source.length) throw new Error('needs a --source for each --list');
  const lists = list.map((file, i) => ({ source: source[i] ?? '', text: readFileSync(file, 'utf8') }));
  const file = path.join(import.meta.dirname, '..', 'src/tools/versions.ts');
  const next = withRelease(versions, { tool, version }, lists);
  writeFileSync(file, await tableText(readFileSync(file, 'utf8'), next));
  const platformsAdded = next[tool].find((release) => release.version === version)?.sha256 ?? {};
  console.error(`${tool} ${version} is offered for ${Object.keys(platformsAdded).join(', ')}`);
}
