import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { parseInputs, readKindConfig } from '../../src/config/index.ts';
import { validateSource } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { parseSource } from '../../src/config/source.ts';
import { blocksOf } from './support/markdown.ts';

/** Workflows: those of the documents, the examples, and the project's own. */

const root = path.join(import.meta.dirname, '..', '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const within = (folder: string, ending: string): string[] =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`);

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly permissions?: object;
  readonly 'timeout-minutes'?: number;
  readonly strategy?: { readonly matrix?: { readonly tier?: readonly string[] } };
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly on: unknown;
  readonly permissions?: object;
  readonly jobs: Readonly<Record<string, Job>>;
}
type Case = readonly [name: string, workflow: Workflow, text: string];

const asCase = (name: string, text: string): Case => [name, parse(text) as Workflow, text];
const blocks = ['README.md', ...within('docs', '.md')].flatMap((file) =>
  blocksOf(read(file)).map((block) => ({ ...block, name: `${file}:${block.line}` })),
);
const shown = blocks
  .filter(({ info }) => info === 'yaml workflow')
  .map(({ name, text }) => asCase(name, text));
const examples = within('examples/workflows', '.yml').map((file) => asCase(file, read(file)));
const own = within('.github/workflows', '.yml').map((file) => asCase(file, read(file)));
/** Steps of a document, as the steps of a job. */
const fragments = blocks
  .filter(({ info }) => info === 'yaml steps')
  .map(({ name, text }): Case => [name, { on: 'push', jobs: { a: { steps: parse(text) as Step[] } } }, text]);
const images = '.github/workflows/images.yml';
const whole = [...shown, ...examples, ...own];
const all = [...whole, ...fragments];

const action = parse(read('action.yml')) as { readonly inputs: object; readonly outputs: object };
const stepsOf = ({ jobs }: Workflow): Step[] => Object.values(jobs).flatMap(({ steps }) => steps);
const isKet = ({ uses = '' }: Step): boolean => uses.startsWith('org/ket-action@') || uses === './';

test('there are workflows of every kind', () => {
  expect(shown.map(([name]) => name)).toEqual([expect.stringMatching(/^README.md:/)]);
  expect(examples.map(([name]) => path.basename(name, '.yml'))).toEqual([
    ...['after-kind-action', 'forks', 'matrix', 'staging'],
  ]);
  expect(own.map(([name]) => path.basename(name, '.yml'))).toEqual(['ci', 'images', 'release']);
});

describe('the Action in a workflow', () => {
  // The images are no Action.
  test.each(all.filter(([name]) => name !== images))(
    '%s: only inputs and outputs that action.yml has, with values that it takes',
    (_, workflow, text) => {
      const kets = stepsOf(workflow).filter(isKet);
      expect(kets.length).toBeGreaterThan(0);
      const inputs = kets.flatMap((step) => Object.keys(step.with ?? {}));
      expect(inputs.filter((input) => !(input in action.inputs))).toEqual([]);
      for (const step of kets) {
        const known = Object.entries(step.with ?? {}).map(([name, value]) => [name, String(value)] as const);
        expect(() =>
          parseInputs(Object.fromEntries(known.filter(([, value]) => !value.includes('${{')))),
        ).not.toThrow();
      }
      const ids = kets.map(({ id }) => id);
      const outputs = [...text.matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)].filter(([, id]) =>
        ids.includes(id ?? ''),
      );
      expect(outputs.map(([, , output]) => output ?? '').filter((name) => !(name in action.outputs))).toEqual(
        [],
      );
    },
  );

  test.each([...shown, ...examples])('%s: once, by its major version', (_, workflow) => {
    const kets = stepsOf(workflow).filter(isKet);
    expect(kets.map(({ uses }) => uses)).toEqual(['org/ket-action@v1']);
  });

  test.each(examples)('%s: tiers that the example has', (_, workflow) => {
    const { tiers } = parse(read('examples/fastapi-postgres/ket.yaml')) as { readonly tiers: object };
    const named = Object.values(workflow.jobs).flatMap(({ strategy, steps }) => [
      ...(strategy?.matrix?.tier ?? []),
      ...steps.filter(isKet).map((step) => String(step.with?.['tier'])),
    ]);
    const names = named.filter((tier) => tier !== '${{ matrix.tier }}');
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((tier) => !(tier in tiers))).toEqual([]);
  });

  test('the README has the core of examples/workflows/matrix.yml, for the tiers of the ket.yaml below it', () => {
    const [[, readme] = []] = shown;
    const [, matrix] = examples.find(([name]) => name.endsWith('/matrix.yml')) ?? [];
    const { strategy, steps, ...job } = readme?.jobs['ket'] ?? { steps: [] };
    const core = matrix?.jobs['ket'] ?? { steps: [] };
    expect(core).toMatchObject(job);
    expect(core.steps.slice(0, steps.length)).toEqual(steps);
    expect({ ...matrix, jobs: {} }).toEqual({ ...readme, jobs: {} });
    const config = blocks.find(({ info, name }) => info === 'yaml ket.yaml' && name.startsWith('README.md'));
    const { tiers } = parse(config?.text ?? '') as { readonly tiers: object };
    expect(strategy?.matrix?.tier).toEqual(Object.keys(tiers));
    expect(core.strategy?.matrix?.tier).toEqual(expect.arrayContaining(Object.keys(tiers)));
  });
});

describe('workflows are safe to copy', () => {
  test.each(all)('%s pins every other action by commit, with its version', (name, _, text) => {
    const uses = text.split('\n').filter((line) => /\buses: (?!org\/ket-action@(v1|candidate)$)/.test(line));
    const pinned = /uses: [\w.-]+\/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
    const allowed = name.startsWith('.github/') ? /uses: \.\/ # zizmor: ignore\[self-repository\] \w/ : /$^/;
    expect(uses.filter((line) => !pinned.test(line) && !allowed.test(line))).toEqual([]);
  });

  test('each action has one and the same pin everywhere', () => {
    const pins = all.flatMap(([, , text]) =>
      [...text.matchAll(/uses: ([\w./-]+)@([0-9a-f]{40} # \S+)/g)].map(([, used = '', pin = '']) => [
        used,
        pin,
      ]),
    );
    const byName = Object.groupBy(pins, ([used = '']) => used);
    expect(Object.keys(byName).sort()).toEqual(['actions/checkout', 'actions/setup-go', 'helm/kind-action']);
    for (const found of Object.values(byName)) expect(new Set(found?.map(([, pin]) => pin)).size).toBe(1);
  });

  test.each(whole)('%s gives nothing by itself, and to each job what it says', (_, { permissions, jobs }) => {
    expect(permissions).toEqual({});
    for (const job of Object.values(jobs)) {
      expect(job.permissions).toBeDefined();
      expect(job['timeout-minutes']).toBeGreaterThan(0);
    }
  });

  test.each(all)('%s keeps the token out of the workspace and expressions out of scripts', (_, workflow) => {
    const steps = stepsOf(workflow);
    const checkouts = steps.filter(({ uses = '' }) => uses.startsWith('actions/checkout@'));
    for (const step of checkouts) expect(step.with?.['persist-credentials']).toBe(false);
    expect(steps.filter(({ run = '' }) => run.includes('${{'))).toEqual([]);
    expect(JSON.stringify(workflow.on)).not.toMatch(/pull_request_target|workflow_run/);
  });
});

describe('release.yml', () => {
  const text = read('.github/workflows/release.yml');
  const { jobs } = parse(text) as Workflow;
  const script = jobs['smoke']?.steps.find(({ run = '' }) => run.includes('cat > ket.yaml'))?.run ?? '';
  const file = (name: string): string =>
    new RegExp(`cat > ${name} <<'END'\\n([\\s\\S]*?)^END$`, 'm').exec(script)?.[1] ?? '';

  test('the repository of its smoke run is right', () => {
    const { problems } = validateSource(parseSource(file('ket.yaml'), 'ket.yaml'));
    expect(renderProblems(problems)).toEqual([]);
    const folder = mkdtempSync(path.join(tmpdir(), 'ket-docs-'));
    writeFileSync(path.join(folder, 'kind.yaml'), file('kind.yaml'));
    const kind = readKindConfig([path.join(folder, 'kind.yaml')]);
    rmSync(folder, { recursive: true });
    expect(kind.problems).toEqual([]);
    expect(kind.nodes).toHaveLength(1);
  });

  test('the smoke run comes after the release, and v1 after the smoke run', () => {
    const order = Object.fromEntries(
      Object.entries(jobs).map(([name, job]) => [name, (job as Job & { needs?: string | string[] }).needs]),
    );
    expect(order).toEqual({ check: undefined, publish: 'check', smoke: 'publish', move: ['check', 'smoke'] });
    expect(jobs['smoke']?.steps.filter(isKet).map(({ uses }) => uses)).toEqual(
      Array.from({ length: 3 }, () => 'org/ket-action@candidate'),
    );
  });
});

describe('images.yml', () => {
  const { on, jobs } = parse(read(images)) as Workflow;
  const matrixOf = (name: string): readonly string[] =>
    (jobs[name]?.strategy?.matrix as { readonly image?: readonly string[] } | undefined)?.image ?? [];

  test('publishes by the tag of a release alone, and every image that there is', () => {
    expect(on).toEqual((parse(read('.github/workflows/release.yml')) as Workflow).on);
    const folders = readdirSync(path.join(root, 'images'));
    for (const job of ['build', 'publish']) expect([...matrixOf(job)].sort()).toEqual(folders.sort());
  });

  test('what may push runs docker alone, after the images were tried', () => {
    const pushing = Object.keys(jobs).filter((name) => 'packages' in (jobs[name]?.permissions ?? {}));
    expect(pushing).toEqual(['build', 'publish']);
    const steps = pushing.flatMap((name) => jobs[name]?.steps ?? []);
    expect(steps.filter(({ run = '' }) => /\b(npm|node|make|go)\s/.test(run))).toEqual([]);
    const needs = Object.values(jobs).map((job) => (job as Job & { needs?: string | string[] }).needs);
    expect(needs).toEqual([undefined, 'check', 'try', ['check', 'build']]);
  });

  test('pulls the bases that the images are built on', () => {
    const pull = jobs['try']?.steps.find(({ run = '' }) => run.includes('docker pull'))?.run ?? '';
    const bases = readdirSync(path.join(root, 'images')).map(
      (name) => /^ARG BASE=(\S+)$/m.exec(read(`images/${name}/Dockerfile`))?.[1],
    );
    expect(/ in ([^;]*);/.exec(pull)?.[1]?.split(' ').sort()).toEqual(bases.sort());
  });
});
