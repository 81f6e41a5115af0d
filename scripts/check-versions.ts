/** Checks the form of the version table: two sources of different owners beside every figure, no copy of another line. */
import {
  compareVersions,
  minorOf,
  platforms,
  type KindRelease,
  type ToolRelease,
  type VersionTable,
} from '../src/tools/table.ts';
import { versions } from '../src/tools/versions.ts';

const full = /^v\d+\.\d+\.\d+$/;
/** `owner/repository@commit:path`; a tag in place of a commit where it names the release itself. */
const source = /^[\w.-]+\/[\w.-]+@([0-9a-f]{12}|v\d+\.\d+\.\d+):\S+$/;
const sum = /^[0-9a-f]{64}$/;
const image = /^kindest\/node:(v1\.\d+\.\d+)@(sha256:[0-9a-f]{64})$/;

/** What is wrong with a table, one line each. */
export function problemsOf(table: VersionTable): string[] {
  const releases = (['kind', 'kubectl', 'helm'] as const).flatMap((tool) => [
    ...order(
      tool,
      table[tool].map(({ version }) => version),
    ),
    ...table[tool].flatMap((release) => releaseProblems(`${tool} ${release.version}`, release)),
  ]);
  const sums = [...table.kind, ...table.kubectl, ...table.helm].flatMap(({ sha256 }) =>
    Object.values(sha256),
  );
  return [
    ...releases,
    ...table.kind.flatMap(imageProblems),
    // A sum that stands twice was copied to a wrong line.
    ...twice(sums).map((value) => `the sum ${value} stands twice`),
    ...twice(table.kind.flatMap(({ images }) => images.map((node) => node.image))).map(
      (value) => `${value} stands twice`,
    ),
    ...defaultProblems(table),
  ];
}

function order(what: string, list: readonly string[]): string[] {
  const problems = list
    .filter((version) => !full.test(version))
    .map((v) => `${what}: "${v}" is no full version`);
  for (const [index, version] of list.entries()) {
    const next = list[index + 1];
    if (next !== undefined && compareVersions(version, next) <= 0)
      problems.push(`${what}: ${version} does not stand after the newer ${next}`);
  }
  return problems;
}

function releaseProblems(what: string, { sources, sha256 }: ToolRelease): string[] {
  const entries = Object.entries(sha256);
  return [
    ...sourceProblems(what, sources),
    ...(entries.length === 0 ? [`${what}: no platform`] : []),
    ...entries.flatMap(([platform, value]) => [
      ...(platforms.some((name) => name === platform) ? [] : [`${what}: there is no platform ${platform}`]),
      ...(sum.test(value) ? [] : [`${what}, ${platform}: "${value}" is no SHA-256`]),
    ]),
  ];
}

function sourceProblems(what: string, sources: readonly string[]): string[] {
  const owners = new Set(sources.map((text) => text.split('/')[0]));
  return [
    ...sources
      .filter((text) => !source.test(text))
      .map((text) => `${what}: the source "${text}" is no repository@commit:path`),
    ...(owners.size < 2 ? [`${what}: its sources are not of two owners`] : []),
  ];
}

function imageProblems({ version, images }: KindRelease): string[] {
  const what = `kind ${version}`;
  return [
    ...(images.length === 0 ? [`${what}: no node image`] : []),
    ...order(
      `${what}, images`,
      images.map(({ kubernetes }) => kubernetes),
    ),
    ...twice(images.map(({ kubernetes }) => minorOf(kubernetes))).map(
      (minor) => `${what}: two images of Kubernetes ${minor}`,
    ),
    ...images.flatMap((node) => [
      ...sourceProblems(`${what}, Kubernetes ${node.kubernetes}`, node.sources),
      ...(image.exec(node.image)?.[1] === node.kubernetes
        ? []
        : [`${what}: "${node.image}" is not the image of ${node.kubernetes} with a digest`]),
    ]),
  ];
}

function defaultProblems({ defaults, kind, helm }: VersionTable): string[] {
  const release = kind.find(({ version }) => version === defaults.kind);
  return [
    ...(release === undefined ? [`the default kind ${defaults.kind} is not listed`] : []),
    ...(release?.images.some(({ kubernetes }) => minorOf(kubernetes) === defaults.kubernetes) === false
      ? [`the default kind has no image of the default Kubernetes ${defaults.kubernetes}`]
      : []),
    ...(helm.some(({ version }) => version === defaults.helm)
      ? []
      : [`the default Helm ${defaults.helm} is not listed`]),
  ];
}

const twice = (list: readonly string[]): string[] =>
  list.filter((value, index) => list.indexOf(value) < index);

if (import.meta.main) {
  const problems = problemsOf(versions);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
