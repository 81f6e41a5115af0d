import { statSync } from 'node:fs';
import path from 'node:path';
import { mainContainerIn, readJobFile } from './job-file.ts';
import { readKindConfig } from './kind-config.ts';
import { manifestFiles, manifestProblems } from './manifest-files.ts';
import { nearest, type Problem } from './problems.ts';
import { isReference } from './release-objects.ts';
import type { KetConfig, SuiteConfig, TierConfig } from './schema.ts';
import { shownPath, type Source } from './source.ts';
import { placesIn, spreadProblem } from './spread.ts';

/** Checks of ket.yaml against the files that it names: all there, and of the right kind. */

export interface Folders {
  /** Folder of ket.yaml. */
  readonly root: string;
  /** What people see paths relative to. */
  readonly cwd: string;
}

type Path = readonly (string | number)[];
type Kind = 'file' | 'folder';

export function fileProblems(config: KetConfig, source: Source, folders: Folders): Problem[] {
  const profiles = Object.entries(config.profiles).flatMap(([name, { template }]): Problem[] => {
    if (template === undefined || kindOf(path.resolve(folders.root, template)) === 'file') return [];
    const shown = shownPath(path.resolve(folders.root, template), folders.cwd);
    return [
      source.problem(
        ['profiles', name, 'template'],
        `the Job template of profile "${name}" is no file: ${shown}`,
      ),
    ];
  });
  const tiers = Object.entries(config.tiers).flatMap(([name, tier]) =>
    tierFiles(tier, ['tiers', name], source, folders),
  );
  return [...profiles, ...tiers];
}

function tierFiles(tier: TierConfig, at: Path, source: Source, folders: Folders): Problem[] {
  const problems: Problem[] = [];
  /** Whether the file is there; if not, that is a problem. */
  const has = (where: Path, what: string, file: string, kind: Kind, suggestion?: string): boolean => {
    const found = kindOf(path.resolve(folders.root, file));
    if (found === kind) return true;
    const fault = found === undefined ? 'does not exist' : `is a ${found}, not a ${kind}`;
    const shown = shownPath(path.resolve(folders.root, file), folders.cwd);
    problems.push(source.problem(where, `${what} ${fault}: ${shown}`, { suggestion }));
    return false;
  };

  // A kubeconfig is looked for when it is needed: those who run the other tiers may have none.
  if (tier.cluster?.config !== undefined) {
    const { config } = tier.cluster;
    const configs = [config].flat();
    const there = configs.map((file, index) => {
      const where = [...at, 'cluster', 'config', ...(config === file ? [] : [index])];
      if (configs.indexOf(file) === index) return has(where, 'the Kind config', file, 'file');
      problems.push(source.problem(where, `the Kind config ${file} is there twice`));
      return false;
    });
    if (!there.includes(false)) {
      const files = configs.map((file) => path.resolve(folders.root, file));
      const shown = (file: string): string => shownPath(file, folders.cwd);
      const kind = readKindConfig(files, { shown });
      problems.push(...kind.problems);
      const places = placesIn({ nodes: kind.nodes, kindConfig: kind.data });
      if (kind.problems.length === 0)
        tier.releases.forEach((release, index) => {
          const fault = spreadProblem(release, places, configs.join(' + '));
          if (fault !== undefined) problems.push(source.problem([...at, 'releases', index, 'spread'], fault));
        });
    }
  }
  tier.images.forEach((image, index) => {
    const place = [...at, 'images', index];
    if (image.build === undefined) return;
    if (!has([...place, 'build'], `the folder to build image "${image.name}" from`, image.build, 'folder'))
      return;
    const where = image.dockerfile === undefined ? 'build' : 'dockerfile';
    const inside = path.join(image.build, image.dockerfile ?? '');
    const suggestion = kindOf(path.resolve(folders.root, inside)) === 'file' ? inside : undefined;
    has(
      [...place, where],
      `the Dockerfile of image "${image.name}"`,
      dockerfileOf(image.build, image.dockerfile),
      'file',
      suggestion,
    );
  });
  tier.releases.forEach((release, index) => {
    const place = [...at, 'releases', index];
    const what = `of release "${release.name}"`;
    release.values.forEach((file, position) =>
      has([...place, 'values', position], `the values file ${what}`, file, 'file'),
    );
    release.manifests?.forEach((pattern, position) => {
      const files = manifestFiles([pattern], folders.root);
      if (files.length === 0)
        problems.push(
          source.problem([...place, 'manifests', position], `there are no manifests ${what}: ${pattern}`),
        );
      const namespace = release.namespace ?? release.name;
      for (const file of files)
        problems.push(...manifestProblems(file, shownPath(file, folders.cwd), namespace));
    });
    if (release.kustomize !== undefined) {
      const at = [...place, 'kustomize'];
      const where = path.resolve(folders.root, release.kustomize);
      const folder = kustomizationNames.includes(path.basename(where))
        ? path.dirname(release.kustomize)
        : undefined;
      if (
        has(at, `the folder of the kustomization ${what}`, release.kustomize, 'folder', folder) &&
        !kustomizationNames.some((name) => kindOf(path.join(where, name)) === 'file')
      )
        problems.push(
          source.problem(
            at,
            `the kustomization ${what} does not exist: there is no ${kustomizationNames.join(', ')} in ${shownPath(where, folders.cwd)}`,
          ),
        );
    }
    if (release.chart === undefined || release.repo !== undefined || isRemoteChart(release.chart)) return;
    if (/\.tgz$/.test(release.chart)) has([...place, 'chart'], `the chart ${what}`, release.chart, 'file');
    else if (has([...place, 'chart'], `the chart folder ${what}`, release.chart, 'folder'))
      has([...place, 'chart'], `the Chart.yaml ${what}`, path.join(release.chart, 'Chart.yaml'), 'file');
  });
  tier.checks.forEach(({ name, ca }, index) => {
    if (ca !== undefined && !isReference(ca))
      has([...at, 'checks', index, 'ca'], `the file of authorities of check "${name}"`, ca, 'file');
  });
  tier.suites.forEach((suite, index) => {
    const place = [...at, 'suites', index];
    if (suite.template !== undefined)
      has([...place, 'template'], `the Job template of suite "${suite.name}"`, suite.template, 'file');
    if (
      suite.job !== undefined &&
      has([...place, 'job'], `the Job of suite "${suite.name}"`, suite.job, 'file')
    )
      problems.push(...jobProblems(suite, suite.job, place, source, folders));
    if (
      (tier.cluster === undefined || suite.on === 'host') &&
      suite.image === undefined &&
      suite.workingDir !== undefined
    )
      has(
        [...place, 'workingDir'],
        `the folder that suite "${suite.name}" runs in`,
        suite.workingDir,
        'folder',
      );
  });
  return problems;
}

/** What is wrong with a suite's own Job, and whether it is clear which container runs the tests. */
function jobProblems(
  suite: SuiteConfig,
  file: string,
  place: Path,
  source: Source,
  folders: Folders,
): readonly Problem[] {
  const whole = path.resolve(folders.root, file);
  const shown = shownPath(whole, folders.cwd);
  const { containers, problems } = readJobFile(whole, shown);
  if (problems.length > 0 || containers.length === 0) return problems;
  const main = mainContainerIn(containers, suite.container, suite.name);
  const names = containers.map(({ name }) => name);
  if (main === undefined && suite.container === undefined)
    return [
      source.problem(
        [...place, 'job'],
        `${shown} has several containers; say with "container" which runs the tests of suite "${suite.name}"`,
        { allowed: names },
      ),
    ];
  if (main === undefined)
    return [
      source.problem([...place, 'container'], `${shown} has no container "${suite.container ?? ''}"`, {
        allowed: names,
        suggestion: nearest(suite.container ?? '', names),
      }),
    ];
  if (main.image === undefined && suite.image === undefined)
    return [
      source.problem(
        [...place, 'job'],
        `container "${main.name}" of ${shown} has no image, and suite "${suite.name}" names none`,
      ),
    ];
  return [];
}

/** The names that kustomize knows. */
const kustomizationNames = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'];

/** A chart that Helm fetches; a name in a repository that this machine's Helm happens to know is not one. */
export const isRemoteChart = (chart: string): boolean => /^(oci|https?):\/\//.test(chart);

/** A Dockerfile's path is relative to ket.yaml when it is given, and in the build folder when it is not. */
export const dockerfileOf = (build: string, dockerfile: string | undefined): string =>
  dockerfile ?? path.join(build, 'Dockerfile');

function kindOf(file: string): Kind | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: false });
  if (stat === undefined) return undefined;
  return stat.isDirectory() ? 'folder' : 'file';
}
