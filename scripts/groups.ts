import fs from 'node:fs';
import path from 'node:path';

/** One group of tests that runs alone. */
export interface TestGroup {
  readonly name: string;
  readonly what: string;
  /** Part of `make test`. */
  readonly inTest: boolean;
  /** In `make test` a third of its tests, chosen by the hash of its inputs; the others are counted as skipped. */
  readonly thirdInTest?: true;
  /** What the machine must have: the argument of `testbed up --for`. */
  readonly setUp?: 'demo' | 'test' | 'versions' | 'all' | 'ingress';
  /** argv lists; `node` is this Node, `{report}` a file for jest's JSON. */
  readonly commands: readonly (readonly string[])[];
  /** Paths whose content decides whether it must run again. */
  readonly inputs: readonly string[];
  readonly limitMinutes: number;
}

const jest = (...args: string[]): string[] => [
  ...['node', '--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'],
  ...['--json', '--outputFile', '{report}', ...args],
];

/** On one cluster after another: two at once would fight for two cores. */
const cluster = (
  name: string,
  what: string,
  inTest: boolean,
  file: string,
  more: readonly string[] = [],
): TestGroup => ({
  name,
  what,
  inTest,
  setUp: 'test',
  commands: [jest('--selectProjects', 'cluster', '--runInBand', '--testPathPatterns', `cluster/${file}`)],
  inputs: [...product, ...testFiles(file), 'testbed', ...more],
  limitMinutes: 20,
});

/** Of the tests on a cluster those of one group, and what all of them share. */
function testFiles(file: string): string[] {
  const folder = '__tests__/cluster';
  const own = new RegExp(`cluster/${file}`);
  const entries = fs.readdirSync(path.join(import.meta.dirname, '..', folder), { withFileTypes: true });
  const isShared = (entry: fs.Dirent): boolean =>
    entry.isDirectory() ? entry.name === 'fixture' : !entry.name.endsWith('.test.ts');
  return entries
    .filter((entry) => isShared(entry) || own.test(`cluster/${entry.name}`))
    .map(({ name }) => `${folder}/${name}`);
}

/** Faults that a seed chooses, on a cluster that stays. The seed is fixed, so that every run is the same. */
const injector = (name: string, inTest: boolean, rounds: number, limitMinutes: number): TestGroup => ({
  name,
  what: `promises 1 to 3: ${rounds} rounds of faults against suites whose truth is known`,
  inTest,
  setUp: 'test',
  commands: [['node', '__tests__/injector/main.ts', '--seed', '10', '--rounds', String(rounds)]],
  inputs: [
    ...product,
    '__tests__/injector',
    '__tests__/cluster/ket.ts',
    '__tests__/cluster/fixture',
    'testbed',
  ],
  limitMinutes,
});

const product = ['src', 'bin', 'dist', 'templates', 'kind-configs', 'package-lock.json'];

export const groups: readonly TestGroup[] = [
  {
    name: 'unit',
    what: 'pure code',
    inTest: true,
    commands: [jest('--selectProjects', 'unit')],
    // The documents are tested too, against nearly everything.
    inputs: ['.'],
    limitMinutes: 10,
  },
  {
    name: 'dist',
    what: 'the committed bundles and programs are what the sources give',
    inTest: true,
    commands: [
      ['node', 'scripts/build.ts', '--check'],
      ['native/ket-run/build.sh', '--check'],
    ],
    inputs: ['src', 'dist', 'native', 'scripts/build.ts', 'package-lock.json'],
    limitMinutes: 10,
  },
  {
    name: 'workflows',
    what: 'actionlint and zizmor find nothing in the workflows, the examples of them and action.yml',
    inTest: true,
    commands: [['node', 'scripts/check-workflows.ts']],
    inputs: [
      ...['.github', 'examples/workflows', 'action.yml', 'README.md', 'docs'],
      ...['scripts/check-workflows.ts', 'scripts/workflow-files.ts', 'scripts/requirements', 'src/config'],
    ],
    limitMinutes: 10,
  },
  {
    name: 'ket-run',
    what: 'the helper in the pod: behaviour, sanitizers, fuzzing',
    inTest: false,
    commands: [
      ['python3', 'native/ket-run/test/test_ket_run.py'],
      ['native/ket-run/fuzz.sh', '20'],
    ],
    inputs: ['native', 'dist/ket-run'],
    limitMinutes: 15,
  },
  cluster('verdicts', 'promises 1, 2 and 5: every end of a suite on a real cluster', true, 'verdicts'),
  cluster('shared', 'promises 2 and 4: runs on a cluster that stays', true, '(shared-cluster|stale-image)'),
  cluster(
    'own',
    "promises 3, 5 and 6: cancel, kill, a cluster that never gets ready, keep, the user's kubeconfig",
    true,
    '(own-cluster|users-machine)',
  ),
  {
    ...cluster(
      'faults',
      'promises 1, 2 and 3: what goes wrong around a suite, one fault at a time',
      true,
      'faults-shared',
      ['__tests__/cluster/faults'],
    ),
    thirdInTest: true,
    limitMinutes: 30,
  },
  {
    ...cluster('fault-nodes', 'kubelet stopped, worker paused, control plane lost', false, 'faults-nodes', [
      '__tests__/cluster/faults',
    ]),
    limitMinutes: 40,
  },
  cluster('silence', 'a suite that says nothing for six minutes', false, 'faults-silence', [
    '__tests__/cluster/faults',
  ]),
  cluster('example', 'promise 6: the example on one and on three nodes', true, 'example\\.', ['examples']),
  cluster(
    'sigkill',
    'promise 3: ket killed at 21 points of a run, and what the next run removes',
    false,
    'sigkill',
  ),
  cluster('broken', 'the example with everything wrong that its tier `broken` has', false, 'example-broken', [
    'examples',
  ]),
  cluster(
    'outbound',
    'nodes and suites behind a proxy and with authorities of the machine',
    false,
    'outbound',
  ),
  {
    ...cluster(
      'act-matrix',
      'under act: the workflow of the README, and a matrix of unit, integration and e2e',
      false,
      'act-matrix',
      ['examples', 'README.md', 'action.yml'],
    ),
    setUp: 'all',
  },
  {
    ...cluster(
      'act-faults',
      'under act: wrong inputs, hostile output, secrets, cancellation, other jobs and clusters',
      false,
      'act-faults',
      ['action.yml'],
    ),
    setUp: 'all',
  },
  cluster(
    'many',
    'many suites on one node: room, priority, queue, fail-fast; what suites and tiers can ask for; data of their own',
    false,
    '(admission|options|isolation)',
    ['examples', '__tests__/unit/support/merge-cases.ts'],
  ),
  cluster(
    'suites',
    'shards, replicas; secrets and copies of releases; Jobs of their own, retries, caps',
    false,
    '(shards|references|jobs)',
    ['examples'],
  ),
  injector('injector', true, 5, 10),
  injector('injector-50', false, 50, 45),
  {
    name: 'injector-bugs',
    what: 'ten planted bugs, each found by rounds of the fixed seed',
    inTest: false,
    setUp: 'test',
    commands: [['node', '__tests__/injector-bugs/main.ts']],
    inputs: [
      ...product,
      '__tests__/injector',
      '__tests__/injector-bugs',
      '__tests__/cluster/ket.ts',
      'testbed',
      'scripts',
    ],
    limitMinutes: 45,
  },
  cluster('volume', 'two million lines; 2 GiB of results with a cut', false, 'volume', [
    '__tests__/injector',
    '__tests__/cluster/volume',
  ]),
  {
    ...cluster(
      'attach',
      'promise 2: ket killed at 13 points of a run and attached; namespaces that do not go',
      false,
      '(attach|terminating)',
    ),
    limitMinutes: 40,
  },
  cluster(
    'releases',
    'releases of each kind, in order, with values from everywhere; a cordoned worker',
    false,
    '(releases|spread|checks)',
  ),
  cluster(
    'host',
    'suites on this machine against a cluster; checks of TLS and gRPC; checks while suites run',
    false,
    'host-suites',
    ['__tests__/unit/support/certificates.ts'],
  ),
  cluster(
    'existing',
    'a cluster that is there already: rights, releases that are installed, what is removed and what is not',
    false,
    'existing',
  ),
  cluster('throwaway', 'the settings of clusters that live for one run', false, 'throwaway'),
  {
    ...cluster(
      'versions',
      'the oldest Kubernetes that ket supports: beside the newest as one run, and every verdict on it alone',
      false,
      '(versions|verdicts)',
    ),
    setUp: 'versions',
    commands: [
      [
        // The image of the testbed would go before the version.
        ...['env', 'KET_NODE_IMAGE=', 'KET_KUBERNETES_VERSION=1.29'],
        ...jest('--selectProjects', 'cluster', '--runInBand', '--testPathPatterns', 'cluster/verdicts'),
      ],
      jest('--selectProjects', 'cluster', '--runInBand', '--testPathPatterns', 'cluster/versions'),
    ],
  },
  cluster('snippets', 'the Kind configs to merge, each by what it does', false, 'snippets'),
  {
    // The controller is compiled for this group alone.
    ...cluster('ingress', 'an application behind an ingress controller', false, 'ingress', [
      'examples/ingress',
    ]),
    setUp: 'ingress',
  },
  cluster(
    'bad-input',
    'what cannot come to anything is said at once, and nothing is left',
    false,
    'bad-input',
  ),
  cluster(
    'soak',
    'suites that are repeated, a CronJob and its rights, several tiers of one command, over budget',
    false,
    'soak',
  ),
  cluster(
    'pulls',
    'images that ket does not build, a registry with a password, production mode, large images by a registry of the run, Docker with its containerd image store (the mirrors of Debian)',
    false,
    '((large-)?images\\.|containerd-store)',
  ),
  cluster('kube', 'the API client against a real API server', false, 'kube'),
  {
    name: 'recipes',
    what: 'shards with pytest, jest, mocha, go test and Maven, each by its own runner (registries for their packages)',
    inTest: false,
    commands: [jest('--selectProjects', 'recipes', '--runInBand')],
    inputs: [
      'examples/recipes',
      '__tests__/recipes',
      '__tests__/run-command.ts',
      'dist/ket-run',
      'src/pipeline',
      'src/results',
    ],
    limitMinutes: 15,
  },
  {
    name: 'images',
    what: 'the images to run suites in: built, and run as a pod would run them (registries for their packages)',
    inTest: false,
    setUp: 'test',
    commands: [jest('--selectProjects', 'images', '--runInBand')],
    inputs: [
      ...[
        'images',
        '__tests__/images',
        '__tests__/run-command.ts',
        'docs/images.md',
        'examples/recipes',
        'dist/ket-run',
      ],
      ...['examples/fastapi-postgres/requirements', 'src/results', 'package-lock.json', 'testbed'],
    ],
    limitMinutes: 20,
  },
  {
    name: 'sanitizers',
    what: 'the helper in the pod under address and undefined-behaviour sanitizers',
    inTest: false,
    commands: [['native/ket-run/test/sanitize.sh']],
    inputs: ['native'],
    limitMinutes: 15,
  },
  {
    name: 'testbed',
    what: 'plain Kind clusters of one and three nodes on what the testbed made; its rules for NetworkPolicies',
    inTest: false,
    setUp: 'test',
    commands: [
      // Built like the program, so that what it was built from is compiled already.
      [
        ...['env', 'CGO_ENABLED=0', 'GOWORK=off', 'go', '-C', 'testbed/go/hyperkube'],
        ...['test', '-trimpath', '-buildvcs=false', './cniagent/policy'],
      ],
      ['node', 'testbed/selftest.ts', '1', '3'],
    ],
    inputs: ['testbed'],
    limitMinutes: 15,
  },
  {
    name: 'mutations',
    what: 'each broken promise turns a test red',
    inTest: false,
    setUp: 'test',
    commands: [['node', 'scripts/mutations.ts']],
    inputs: ['src', 'templates', 'native', '__tests__', 'scripts', 'package-lock.json'],
    limitMinutes: 30,
  },
];
