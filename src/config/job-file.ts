import type { Problem } from './problems.ts';
import { readSource, type Source } from './source.ts';

/** What the plan must know of a user's own Job; all else is the API server's to check. */
export interface JobFile {
  readonly containers: readonly JobContainer[];
  readonly problems: readonly Problem[];
}

export interface JobContainer {
  readonly name: string;
  readonly image?: string;
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
}

type Fields = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];

/** Reads a Job manifest; `shown` is its name in messages. */
export function readJobFile(file: string, shown = file): JobFile {
  return jobFileOf(readSource(file, shown));
}

/** Names that ket gives to what it adds. */
const isOurs = (list: string, name: string): boolean =>
  list === 'volumes' ? name.startsWith('ket-') : name === 'ket';

export function jobFileOf(source: Source): JobFile {
  const problems: Problem[] = [...source.problems];
  const { data } = source;
  if (data === undefined) return { containers: [], problems };
  const add = (at: Path, message: string): void => {
    problems.push(source.problem(at, message));
  };
  if (!isFields(data)) {
    add([], 'is not a Job: it begins with "apiVersion: batch/v1" and "kind: Job"');
    return { containers: [], problems };
  }
  for (const [key, wanted] of [
    ['apiVersion', 'batch/v1'],
    ['kind', 'Job'],
  ] as const)
    if (data[key] !== wanted)
      add([key], `is not a Job that ket takes: "${key}" is ${said(data[key])}, not "${wanted}"`);
  if (problems.length > 0) return { containers: [], problems };

  onePod(data, add);
  const pod = ['spec', 'template', 'spec'];
  const spec = fieldsAt(data, pod);
  const found = listOf(spec['containers']);
  if (found.length === 0)
    add([...pod, 'containers'], '"spec.template.spec.containers" must be a list with a container');
  for (const list of ['containers', 'initContainers', 'volumes'])
    listOf(spec[list]).forEach((item, index) => {
      const { name } = isFields(item) ? item : {};
      const at = [...pod, list, index, 'name'];
      if (typeof name !== 'string' || name === '')
        add(at, `item ${String(index + 1)} of "${list}" has no "name"`);
      else if (isOurs(list, name))
        add(at, `"${name}" in "${list}" is a name that ket itself uses; rename it`);
    });
  found.forEach((item, index) =>
    listOf(isFields(item) ? item['volumeMounts'] : undefined).forEach((mount, place) => {
      const where = isFields(mount) ? mount['mountPath'] : undefined;
      if (typeof where === 'string' && /^\/ket(\/|$)/.test(where))
        add(
          [...pod, 'containers', index, 'volumeMounts', place, 'mountPath'],
          `"${where}" lies in /ket, where ket mounts its helper`,
        );
    }),
  );
  return { containers: found.flatMap(containerOf), problems };
}

function onePod(data: Fields, add: (at: Path, message: string) => void): void {
  const spec = fieldsAt(data, ['spec']);
  for (const key of ['parallelism', 'completions'])
    if (spec[key] !== undefined && spec[key] !== 1)
      add(['spec', key], `"${key}" is ${said(spec[key])}: an attempt of a suite is one pod, so leave it out`);
  if (spec['completionMode'] !== undefined && spec['completionMode'] !== 'NonIndexed')
    add(
      ['spec', 'completionMode'],
      `"completionMode" is ${said(spec['completionMode'])}: an attempt of a suite is one pod, so leave it out`,
    );
}

function containerOf(item: unknown): JobContainer[] {
  if (!isFields(item) || typeof item['name'] !== 'string') return [];
  const { name, image } = item;
  const amounts = (key: string): Record<string, string> =>
    Object.fromEntries(Object.entries(fieldsAt(item, ['resources', key])).map(([k, v]) => [k, String(v)]));
  return [
    {
      name,
      ...(typeof image === 'string' && image !== '' ? { image } : {}),
      requests: amounts('requests'),
      limits: amounts('limits'),
    },
  ];
}

/** The container that runs the tests: the one that is named, the only one, or the one called as the suite. */
export function mainContainerIn(
  containers: readonly JobContainer[],
  named: string | undefined,
  suite: string,
): JobContainer | undefined {
  const of = (name: string): JobContainer | undefined => containers.find((one) => one.name === name);
  if (named !== undefined) return of(named);
  return containers.length === 1 ? containers[0] : of(suite);
}

const said = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value));

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? (value as readonly unknown[]) : [];

function fieldsAt(data: unknown, path: readonly string[]): Fields {
  let value = data;
  for (const key of path) value = isFields(value) ? value[key] : undefined;
  return isFields(value) ? value : {};
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
