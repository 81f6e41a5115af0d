import type { Reference } from '../model/plan.ts';
import { nearest } from './problems.ts';
import type { ProblemMore } from './source.ts';

/** References of suites to Secrets and ConfigMaps of releases: `release/RELEASE/secret/NAME` or `…/NAME/KEY`. */

const kinds = { secret: 'Secret', configmap: 'ConfigMap' } as const;
const kindNames = Object.keys(kinds);

/** What a place takes: a whole object, one key of it, or either. */
export type Takes = 'object' | 'key' | 'either';

const object = 'release/[^/]+/(secret|configmap)/[a-z0-9]([a-z0-9.-]*[a-z0-9])?';
const key = '/[-._A-Za-z0-9]+';

/** The form of a reference for editors; what ket says of a wrong one is in `referenceProblem`. */
export const referencePattern = (takes: Takes): string =>
  `^${object}${{ object: '', key, either: `(${key})?` }[takes]}$`;

/** Whether a text that could be the path of a file is meant as a reference. */
export const isReference = (text: string): boolean => text.startsWith('release/');

/** What is wrong with the form of a reference. */
export function referenceProblem(text: string, takes: Takes): string | undefined {
  const [first, release = '', kind = '', name = '', keyName, ...more] = text.split('/');
  const form = { object: '/NAME', key: '/NAME/KEY', either: '/NAME, with /KEY for one of its keys' }[takes];
  const wanted = `write release/RELEASE/secret${form}, or configmap in place of secret`;
  if (first !== 'release' || release === '' || name === '' || more.length > 0)
    return `"${text}" names no object of a release; ${wanted}`;
  if (!kindNames.includes(kind)) {
    const near = nearest(kind, kindNames);
    const cure = near === undefined ? '' : `; write "${text.replace(`/${kind}/`, `/${near}/`)}"`;
    return `"${kind}" in "${text}" is neither secret nor configmap${cure}`;
  }
  if (!new RegExp(`^${object}$`).test(`release/${release}/${kind}/${name}`) || name.length > 253)
    return `"${name}" in "${text}" is not the name of an object: lower-case letters, digits, "-" and "." inside`;
  if (keyName === undefined)
    return takes === 'key'
      ? `"${text}" names no key, and a variable holds one; add /KEY, or take all keys by "envFrom"`
      : undefined;
  if (takes === 'object')
    return `"${text}" names a key, and "envFrom" takes all; write env: {NAME: {from: ${text}}} for one`;
  return new RegExp(`^${key}$`).test(`/${keyName}`) && keyName.length <= 253
    ? undefined
    : `"${keyName}" in "${text}" is not the name of a key: letters, digits, "-", "_" and "."`;
}

/** The fields of a suite in ket.yaml that hold references. */
interface Fields {
  readonly name: string;
  readonly env: Readonly<Record<string, string | { readonly from: string }>>;
  readonly envFrom: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly needs?: readonly string[] | undefined;
}

/** The references of a suite whose forms are right. */
export function referencesOf({ env, envFrom, files }: Fields): Reference[] {
  return [
    ...envFrom.map((text) => parse(text)),
    ...Object.entries(env).flatMap(([variable, value]) =>
      typeof value === 'string' ? [] : [{ ...parse(value.from), variable }],
    ),
    ...Object.entries(files).map(([folder, text]) => ({ ...parse(text), folder })),
  ];
}

/** A reference whose form is right. */
export function parse(text: string): Reference {
  const [, release = '', kind = '', name = '', keyName] = text.split('/');
  return {
    text,
    release,
    kind: kinds[kind as keyof typeof kinds],
    name,
    ...(keyName === undefined ? {} : { key: keyName }),
  };
}

type Path = readonly (string | number)[];

interface Scope {
  readonly tier: {
    readonly cluster?: unknown;
    readonly releases: readonly { readonly name: string }[];
  };
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

/** Checks of a suite's references against its tier, and of the folders that its files go to. */
export function referenceChecks({ tier, add }: Scope, suite: Fields, place: Path): void {
  const releases = tier.releases.map((release) => release.name);
  const check = (at: Path, text: string): void => {
    const { release } = parse(text);
    if (!releases.includes(release)) {
      const none = releases.length === 0 ? '; this tier has no releases' : '';
      const near = nearest(release, releases);
      add(at, `suite "${suite.name}" takes "${text}" of an unknown release "${release}"${none}`, {
        allowed: releases,
        suggestion: near === undefined ? undefined : text.replace(`/${release}/`, `/${near}/`),
      });
    } else if (suite.needs?.includes(release) === false)
      add(
        at,
        `suite "${suite.name}" takes "${text}" and does not need release "${release}"; add it to "needs"`,
      );
  };
  suite.envFrom.forEach((text, index) => {
    const at = [...place, 'envFrom', index];
    if (suite.envFrom.indexOf(text) === index) check(at, text);
    else add(at, `"envFrom" of suite "${suite.name}" has "${text}" twice`);
  });
  for (const [name, value] of Object.entries(suite.env))
    if (typeof value !== 'string') check([...place, 'env', name, 'from'], value.from);
  for (const [folder, text] of Object.entries(suite.files)) {
    const at = [...place, 'files', folder];
    check(at, text);
    const problem = folderProblem(folder);
    if (problem !== undefined) add(at, `"files" of suite "${suite.name}": ${problem}`, { key: true });
  }
}

/** A volume is mounted there: one folder of its own. */
function folderProblem(folder: string): string | undefined {
  const parts = folder.split('/').filter((part) => part !== '');
  if (parts.includes('..') || parts.includes('.')) return `"${folder}" has "." or ".." in it`;
  const [first = ''] = parts;
  if (['results', 'ket'].includes(first)) return `"${folder}" is for results, or ket's own`;
  if (parts.length < 2 || ['proc', 'sys', 'dev'].includes(first))
    return `"${folder}" would hide a folder that the image needs; name one of its own, such as /etc/${parts.at(-1) ?? 'shop'}-files`;
  return undefined;
}
