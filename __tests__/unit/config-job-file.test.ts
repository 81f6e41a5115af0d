import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../src/config/load.ts';
import { resolvePlan } from '../../src/config/plan.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import { folderWith, goodFiles, placed, said, unmarked } from './config-cases.ts';

const ketYaml = (suite: string, more = ''): string =>
  `${more}tiers: {t: {cluster: {config: kind.yaml}, suites: [{name: api, job: job.yaml${suite}}]}}\n`;

/** A Job with these containers, in the flow style. */
const job = (containers: string, more = ''): string =>
  `apiVersion: batch/v1\nkind: Job\nspec: {${more}template: {spec: {containers: [${containers}]}}}\n`;

const main = '{name: main, image: "i:1", command: [a]}';
const two = `{name: a, image: "i:1"}, {name: b, image: "i:1"}`;

/** [ket.yaml's keys, the Job, problems]; « marks the place in the one or the other. */
const problems: readonly (readonly [string, string, string, ...string[]])[] = [
  ['none', '', job(main)],
  ['two, one called as the suite', '', job(`{name: api, image: "i:1"}, {name: b, image: "i:1"}`)],
  ['two, one named', ', container: b', job(two)],
  [
    'two',
    '«',
    job(two),
    'job.yaml has several containers; say with "container" which runs the tests of suite "api"',
  ],
  ['a name that is none', ', container: «bb', job(two), 'job.yaml has no container "bb" → b'],
  [
    'no image',
    '«',
    job('{name: main}'),
    'container "main" of job.yaml has no image, and suite "api" names none',
  ],
  ['an image in ket.yaml', ', image: "i:1"', job('{name: main}')],
  [
    'another kind',
    '',
    'apiVersion: batch/v1\nkind: «CronJob\n',
    'is not a Job that ket takes: "kind" is "CronJob", not "Job"',
  ],
  [
    'another version',
    '',
    'apiVersion: «batch/v2\nkind: Job\n',
    'is not a Job that ket takes: "apiVersion" is "batch/v2", not "batch/v1"',
  ],
  ['a list', '', '«[]\n', 'is not a Job: it begins with "apiVersion: batch/v1" and "kind: Job"'],
  [
    'several documents',
    '',
    `${job(main)}«---\n${job(main)}`,
    'bad YAML: a second document begins here; only one is read',
  ],
  [
    'many pods',
    '',
    job(main, 'parallelism: «2, completions: «3, '),
    '"parallelism" is 2: an attempt of a suite is one pod, so leave it out',
    '"completions" is 3: an attempt of a suite is one pod, so leave it out',
  ],
  [
    'an index',
    '',
    job(main, 'completionMode: «Indexed, '),
    '"completionMode" is "Indexed": an attempt of a suite is one pod, so leave it out',
  ],
  [
    'no containers',
    '',
    'apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {containers: «[]}}}\n',
    '"spec.template.spec.containers" must be a list with a container',
  ],
  ['no name', '', job('«{image: "i:1"}'), 'item 1 of "containers" has no "name"'],
  [
    "ket's names",
    '',
    job(`${main}], volumes: [{name: «ket-state}], initContainers: [{name: «ket}`),
    '"ket-state" in "volumes" is a name that ket itself uses; rename it',
    '"ket" in "initContainers" is a name that ket itself uses; rename it',
  ],
  [
    "ket's folder",
    '',
    job('{name: main, image: "i:1", volumeMounts: [{name: v, mountPath: «/ket/bin}]}'),
    '"/ket/bin" lies in /ket, where ket mounts its helper',
  ],
];

describe("a suite's own Job", () => {
  test.each(problems)('%s', (_name, keys, text, ...wanted) => {
    const file = unmarked(
      keys.includes('«')
        ? ketYaml(keys)
            .replace('«', '')
            .replace(/job\.yaml|bb/, '«$&')
        : text,
    );
    const marked = keys.includes('«');
    const plain = keys.replace('«', '');
    const folder = folderWith({
      ...goodFiles,
      'ket.yaml': ketYaml(plain),
      'job.yaml': unmarked(text).text,
    });
    const checked = checkConfig('ket.yaml', folder);
    expect(checked.problems.map(said)).toEqual(wanted);
    expect(checked.problems.map(({ file: name }) => name)).toEqual(
      wanted.map(() => (marked ? 'ket.yaml' : 'job.yaml')),
    );
    if (!marked) expect(checked.problems.map(placed)).toEqual(file.places);
  });

  test('what contradicts it, or is nothing without it', () => {
    const folder = folderWith({
      ...goodFiles,
      'job.yaml': job(main),
      'ket.yaml': ketYaml(
        ', template: values.yaml}, {name: b, image: "i:1", container: c, profile: brwser',
        'profiles: {browser: {}}\n',
      ),
    });
    expect(checkConfig('ket.yaml', folder).problems.map(said)).toEqual([
      '"template" of suite "api" contradicts "job"; leave one of them out',
      '"container" of suite "b" needs "job", the Job that has it',
      'suite "b" has an unknown profile "brwser" → browser',
    ]);
  });
});

function suiteOf(yaml: string, files: Readonly<Record<string, string>> = {}): SuitePlan {
  const cwd = folderWith({ ...goodFiles, ...files, 'ket.yaml': yaml });
  const [suite] = resolvePlan({ cwd, env: {}, isTTY: false, ci: true }).suites;
  if (suite === undefined) throw new Error('no suite');
  const shown = JSON.stringify(suite).replaceAll(`${cwd}${path.sep}`, '');
  return JSON.parse(shown) as SuitePlan;
}

describe('the plan of a suite', () => {
  const amounts =
    '{name: main, image: "i:1", resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 2}}}';

  test('with a Job of its own: its image and resources, as far as ket.yaml says nothing', () => {
    expect(suiteOf(ketYaml(''), { 'job.yaml': job(amounts) })).toMatchObject({
      image: 'i:1',
      job: { file: 'job.yaml', container: 'main' },
      resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '2' } },
    });
    const said_ = ', image: "i:2", resources: {requests: {cpu: 100m}, limits: {memory: 2Gi}}';
    expect(suiteOf(ketYaml(said_), { 'job.yaml': job(amounts) })).toMatchObject({
      image: 'i:2',
      resources: { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '2', memory: '2Gi' } },
    });
    expect(suiteOf(ketYaml(''), { 'job.yaml': job(main) }).resources).toEqual({ requests: {}, limits: {} });
  });

  test('with a profile: what the suite does not say itself; both patches, its own last', () => {
    const yaml = (suite: string): string =>
      [
        'profiles:',
        '  browser:',
        '    template: values.yaml',
        '    shm: 1Gi',
        '    podSecurity: baseline',
        '    resources: {requests: {cpu: 500m}, limits: {memory: 2Gi}}',
        '    patch: {spec: {a: 1}}',
        `tiers: {t: {cluster: {config: kind.yaml}, suites: [{name: ui, image: "i:1", profile: browser${suite}}]}}`,
      ].join('\n');
    expect(suiteOf(yaml(''))).toMatchObject({
      template: 'values.yaml',
      shm: '1Gi',
      podSecurity: 'baseline',
      resources: { requests: { cpu: '500m', memory: '128Mi' }, limits: { memory: '2Gi' } },
      patches: [{ spec: { a: 1 } }],
    });
    const own =
      ', template: kind.yaml, shm: 2Gi, podSecurity: restricted, resources: {limits: {memory: 1Gi}}, patch: {spec: {b: 2}}';
    expect(suiteOf(yaml(own))).toMatchObject({
      template: 'kind.yaml',
      shm: '2Gi',
      podSecurity: 'restricted',
      resources: { requests: { cpu: '500m' }, limits: { memory: '1Gi' } },
      patches: [{ spec: { a: 1 } }, { spec: { b: 2 } }],
    });
    expect(suiteOf(yaml('').replace(', profile: browser', ''))).toMatchObject({
      podSecurity: 'restricted',
      patches: [],
    });
  });
});
