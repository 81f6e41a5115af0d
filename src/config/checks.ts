import { helmTestChecks } from './helm-test-checks.ts';
import { checkProblems } from './check-checks.ts';
import { dependsChecks } from './depends.ts';
import { hostProblems } from './host-checks.ts';
import { existingChecks } from './existing-checks.ts';
import { versionsOf } from './plan-cluster.ts';
import { subject, valueAt, whereOf } from './issues.ts';
import { imageProblem } from './names.ts';
import { nearest, type Problem } from './problems.ts';
import { withProfile } from './profiles.ts';
import { registryChecks } from './registries.ts';
import { releaseChecks } from './release-checks.ts';
import { referenceChecks } from './release-objects.ts';
import { formatBytes, parseQuantity } from '../model/quantity.ts';
import type { KetConfig, SuiteConfig, TierConfig } from './schema.ts';
import type { ProblemMore, Source } from './source.ts';

/** Checks of fields against each other: what is well-formed and still cannot be meant. */

type Path = readonly (string | number)[];

/** What the checks of one tier work with. */
interface Scope {
  readonly profiles: KetConfig['profiles'];
  readonly tier: TierConfig;
  readonly at: Path;
  readonly source: Source;
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

export function fieldProblems(config: KetConfig, source: Source): Problem[] {
  const problems: Problem[] = [];
  const add: Scope['add'] = (at, message, more) => {
    problems.push(source.problem(at, message, more));
  };
  registryChecks(config.registries, add);
  for (const [name, tier] of Object.entries(config.tiers)) {
    const scope = { profiles: config.profiles, tier, at: ['tiers', name], source, add };
    uniqueNames(scope);
    dependsChecks(scope);
    releaseChecks(scope);
    imageChecks(scope);
    if (name === 'e2e' && tier.onUnhealthy === 'report')
      add(
        [...scope.at, 'onUnhealthy'],
        'tier "e2e" tests the whole: a broken release always ends it; leave "onUnhealthy" out',
      );
    if (tier.cluster === undefined) withoutCluster(scope);
    else withCluster(scope);
    checkProblems(scope);
    tier.suites.forEach((suite, index) => suiteChecks(scope, suite, [...scope.at, 'suites', index]));
  }
  const defaults = Object.entries(config.tiers).filter(([, tier]) => tier.default);
  for (const [name] of defaults.slice(1))
    add(
      ['tiers', name, 'default'],
      `tier "${defaults[0]?.[0] ?? ''}" is the default already; only one tier can be`,
      { key: true },
    );
  return problems;
}

/** Suites, releases and images are told apart by their names in commands, folders and reports. */
function uniqueNames({ tier, at, add }: Scope): void {
  for (const list of ['suites', 'releases', 'images', 'checks'] as const) {
    const seen = new Map<string, number>();
    tier[list].forEach(({ name }, index) => {
      const first = seen.get(name);
      if (first === undefined) seen.set(name, index);
      else {
        const word = list.slice(0, -1);
        const why = list === 'releases' ? ', and "needs" tells releases apart by their names alone' : '';
        add(
          [...at, list, index, 'name'],
          `${word} ${first + 1} of ${whereOf(at, {})} is called "${name}" too${why}`,
        );
      }
    });
  }
}

/** What only a build can mean stands beside a build; the digest of an image that is still to be built is not known. */
function imageChecks({ tier, at, source, add }: Scope): void {
  tier.images.forEach((image, index) => {
    const place = [...at, 'images', index];
    if (image.build !== undefined) {
      const problem = imageProblem(image.name, 'build');
      if (problem !== undefined) add([...place, 'name'], `"name" of image "${image.name}": ${problem}`);
      return;
    }
    if (image.digest !== undefined && image.name.includes('@'))
      add([...place, 'digest'], `image "${image.name}" has a digest in its name already; leave one out`, {
        key: true,
      });
    for (const key of ['dockerfile', 'target', 'args'] as const)
      if (valueAt(source.data, [...place, key]) !== undefined)
        add([...place, key], `"${key}" of image "${image.name}" needs "build", the folder to build from`, {
          key: true,
        });
  });
}

/** Options that would be silently without effect are refused: the reader of the file would believe in them. */
function withoutCluster({ tier, at, source, add }: Scope): void {
  const missing = `${whereOf(at, source.data)} has no "cluster"`;
  if (valueAt(source.data, [...at, 'preload']) !== undefined)
    add([...at, 'preload'], `"preload" needs a cluster, but ${missing}`, { key: true });
  if (valueAt(source.data, [...at, 'delivery']) !== undefined)
    add([...at, 'delivery'], `"delivery" needs a cluster, but ${missing}`, { key: true });
  for (const list of ['images', 'releases', 'checks'] as const)
    if (tier[list].length > 0) add([...at, list], `"${list}" need a cluster, but ${missing}`, { key: true });
  tier.suites.forEach((suite, index) => {
    const place = [...at, 'suites', index];
    if (suite.command === undefined)
      add(
        place,
        `suite "${suite.name}" has no "command"; without a cluster there is no image whose own one could run`,
      );
    for (const [name, value] of Object.entries(suite.env))
      if (typeof value !== 'string')
        add(
          [...place, 'env', name],
          `"env.${name}" of suite "${suite.name}" is of a release, which needs a cluster, but ${missing}`,
          { key: true },
        );
    for (const key of [
      'on',
      'forward',
      'image',
      'helmTest',
      'envFrom',
      'files',
      'needs',
      'isolation',
      'resources',
      'placement',
      'podSecurity',
      'ingress',
      'shm',
      'shards',
      'replicas',
      'api',
      'profile',
      'template',
      'job',
      'container',
      'patch',
      'pending',
      'caps',
      'allowChildOom',
    ] as const)
      if (valueAt(source.data, [...place, key]) !== undefined)
        add([...place, key], `"${key}" of suite "${suite.name}" needs a cluster, but ${missing}`, {
          key: true,
        });
  });
}

function withCluster(scope: Scope): void {
  const { tier, at, add } = scope;
  const releases = tier.releases.map((release) => release.name);
  tier.suites.forEach((suite, index) => {
    const place = [...at, 'suites', index];
    helmTestChecks(scope, suite, place);
    if (suite.on === 'host') {
      hostProblems(scope, suite, place);
      needs(scope, suite, place, releases);
      return;
    }
    if (valueAt(scope.source.data, [...place, 'forward']) !== undefined)
      add(
        [...place, 'forward'],
        `"forward" of suite "${suite.name}" goes with "on: host"; in the cluster the addresses work as they are`,
        { key: true },
      );
    if (suite.image === undefined && suite.job === undefined && suite.helmTest === undefined)
      add(place, `suite "${suite.name}" has no "image"; in a tier with a cluster it runs in a container`);
    suite.results.forEach((folder, at) => {
      const problem = resultFolderProblem(folder);
      if (problem !== undefined)
        add([...place, 'results', at], `"results" of suite "${suite.name}": ${problem}`);
    });
    for (const key of ['podSecurity', 'ingress'] as const)
      if (suite.placement === 'release' && valueAt(scope.source.data, [...place, key]) !== undefined)
        add(
          [...place, key],
          `"${key}" of suite "${suite.name}" is for a namespace of its own; with "placement: release" that of the release has its own rules`,
          { key: true },
        );
    if (suite.shards !== undefined && suite.replicas !== undefined)
      add(
        [...place, 'replicas'],
        `"replicas" of suite "${suite.name}" contradicts "shards": its pods do the same, or each does a part`,
        { key: true },
      );
    if (suite.workingDir !== undefined && !suite.workingDir.startsWith('/'))
      add(
        [...place, 'workingDir'],
        `"workingDir" of suite "${suite.name}" is a folder of the image and begins with "/"`,
      );
    needs(scope, suite, place, releases);
    referenceChecks(scope, suite, place);
    jobKeys(scope, suite, place);
    resources(scope, withProfile(suite, scope.profiles), place);
  });
  existingChecks(scope);
  versionsOf(tier.cluster).forEach((version, index, all) => {
    if (all.indexOf(version) !== index)
      add([...at, 'cluster', 'kubernetes', index], `"${version}" is there twice; each version is one run`);
  });
  if (tier.cluster?.nodeImage !== undefined && tier.cluster.kubernetes !== undefined)
    add(
      [...at, 'cluster', 'kubernetes'],
      '"kubernetes" contradicts "nodeImage", which is a version of Kubernetes already; leave one of them out',
      { key: true },
    );
}

/** A Job of the user's own has no template, and `container` is one of its containers. */
function jobKeys({ add, profiles }: Scope, suite: SuiteConfig, place: Path): void {
  if (suite.job !== undefined && suite.template !== undefined)
    add(
      [...place, 'template'],
      `"template" of suite "${suite.name}" contradicts "job"; leave one of them out`,
      {
        key: true,
      },
    );
  if (suite.job === undefined && suite.container !== undefined)
    add([...place, 'container'], `"container" of suite "${suite.name}" needs "job", the Job that has it`, {
      key: true,
    });
  const { profile } = suite;
  if (profile === undefined || Object.hasOwn(profiles, profile)) return;
  const known = Object.keys(profiles);
  const none = known.length === 0 ? '; this file has no "profiles"' : '';
  add([...place, 'profile'], `suite "${suite.name}" has an unknown profile "${profile}"${none}`, {
    allowed: known,
    suggestion: nearest(profile, known),
  });
}

/** A volume is mounted there: one folder, which is not ket's own and no part of the system. */
function resultFolderProblem(folder: string): string | undefined {
  if (!folder.startsWith('/') || /[*?[\]{}]/.test(folder))
    return `"${folder}" is not a folder of the container; write it like /app/reports`;
  const parts = folder.split('/').filter((part) => part !== '');
  if (parts.includes('..') || parts.includes('.')) return `"${folder}" has "." or ".." in it`;
  const [first = ''] = parts;
  if (['results', 'ket'].includes(first)) return `"${folder}" is collected already, or ket's own`;
  if (parts.length < 2 || ['proc', 'sys', 'dev', 'etc', 'usr', 'bin', 'lib'].includes(first))
    return `"${folder}" would hide a folder that the image needs; name one of its own for the files`;
  return undefined;
}

function needs({ add }: Scope, suite: SuiteConfig, place: Path, releases: readonly string[]): void {
  const wanted = suite.needs ?? releases;
  suite.needs?.forEach((name, index) => {
    const at = [...place, 'needs', index];
    if (!releases.includes(name)) {
      const none = releases.length === 0 ? '; this tier has no releases' : '';
      add(at, `suite "${suite.name}" needs an unknown release "${name}"${none}`, {
        allowed: releases,
        suggestion: nearest(name, releases),
      });
    } else if (suite.needs?.indexOf(name) !== index) add(at, `suite "${suite.name}" needs "${name}" twice`);
  });
  if (suite.isolation === 'release' && wanted.length === 0)
    add(
      [...place, 'isolation'],
      `suite "${suite.name}" needs no release, so there is nothing that it could have for itself`,
      { key: true },
    );
  if (suite.placement === 'release' && wanted.length !== 1) {
    const count = wanted.length === 0 ? 'it needs none' : `it needs ${wanted.length}: ${wanted.join(', ')}`;
    add(
      [...place, 'placement'],
      `suite "${suite.name}" is placed beside its release, so it needs exactly one, but ${count}`,
    );
  }
}

function suiteChecks({ add, source }: Scope, suite: SuiteConfig, place: Path): void {
  for (const name of Object.keys(suite.env))
    if (/^KET_/i.test(name))
      add(
        [...place, 'env', name],
        `"${name}" of suite "${suite.name}" is reserved: ket itself sets variables that begin with KET_`,
        { key: true },
      );
  suite.secrets.forEach((name, index) => {
    const problem = secretProblem(suite, name, index);
    if (problem !== undefined)
      add([...place, 'secrets', index], `secret "${name}" of suite "${suite.name}" ${problem}`);
  });
  if (
    suite.retry === 'failed-cases' &&
    (suite.expectTests === false || valueAt(source.data, [...place, 'expectTests']) === undefined)
  )
    add(
      [...place, 'retry'],
      `suite "${suite.name}" retries failed cases only, so "expectTests" must be the number of its cases: nothing else proves that the first attempt ran them all`,
    );
  if (suite.retry === 'failed-cases' && suite.replicas !== undefined)
    add(
      [...place, 'retry'],
      `suite "${suite.name}" has "replicas", which all run every case: retry the whole suite`,
    );
  if (suite.expectTests === false && suite.allowSkip)
    add(
      [...place, 'allowSkip'],
      `${subject([...place, 'allowSkip'], source.data)} contradicts "expectTests: false": judged by the exit code alone, nothing is known of skipped cases`,
      { key: true },
    );
}

function secretProblem(suite: SuiteConfig, name: string, index: number): string | undefined {
  if (/^KET_/i.test(name)) return 'is reserved: ket itself sets variables that begin with KET_';
  if (suite.secrets.indexOf(name) !== index) return 'is there twice';
  if (Object.hasOwn(suite.env, name)) return 'stands in "env" too, where everybody may read it';
  return undefined;
}

function resources({ add }: Scope, suite: SuiteConfig, place: Path): void {
  const { requests, limits } = suite.resources;
  for (const key of ['cpu', 'memory', 'ephemeral-storage'] as const) {
    const [request, limit] = [requests[key], limits[key]];
    if (request === undefined || limit === undefined) continue;
    const [least, most] = [parseQuantity(String(request)) ?? 0, parseQuantity(String(limit)) ?? 0];
    if (least <= most) continue;
    const cure = key === 'cpu' ? String(request) : formatBytes(least);
    add(
      [...place, 'resources', 'limits', key],
      `suite "${suite.name}" requests more ${key} (${request}) than its limit (${limit}); the limit is at least ${cure}`,
    );
  }
}
