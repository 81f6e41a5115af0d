import { valueAt } from './issues.ts';
import type { SuiteConfig } from './schema.ts';
import type { ProblemMore, Source } from './source.ts';

/** Checks of a suite on this machine: what is of a pod has no meaning there. */

type Path = readonly (string | number)[];

interface Scope {
  readonly source: Source;
  readonly add: (at: Path, message: string, more?: ProblemMore) => void;
}

const ofPods = [
  ...['image', 'envFrom', 'files', 'resources', 'placement', 'podSecurity', 'ingress', 'shm', 'shards'],
  ...['replicas', 'profile', 'template', 'job', 'container', 'patch', 'pending', 'caps', 'allowChildOom'],
] as const;

export function hostProblems({ source, add }: Scope, suite: SuiteConfig, place: Path): void {
  const of = `of suite "${suite.name}"`;
  if (suite.command === undefined)
    add(
      place,
      `suite "${suite.name}" has no "command"; on this machine there is no image whose own one could run`,
    );
  for (const key of ofPods)
    if (valueAt(source.data, [...place, key]) !== undefined)
      add([...place, key], `"${key}" ${of} is of a pod, but it has "on: host"`, { key: true });
  for (const [name, value] of Object.entries(suite.env)) {
    if (typeof value !== 'string')
      add(
        [...place, 'env', name],
        `"env.${name}" ${of} is of a release, and "on: host" reads it by KUBECONFIG`,
        {
          key: true,
        },
      );
    if (name === 'KUBECONFIG')
      add([...place, 'env', name], `"KUBECONFIG" ${of} is set by ket itself`, { key: true });
  }
  for (const name of Object.keys(suite.forward)) {
    const at = [...place, 'forward', name];
    if (/^KET_/i.test(name) || name === 'KUBECONFIG')
      add(at, `"${name}" ${of} is reserved: ket itself sets it`, { key: true });
    if (Object.hasOwn(suite.env, name) || suite.secrets.includes(name))
      add(at, `"${name}" ${of} stands in "env" or "secrets" too`, { key: true });
  }
}
