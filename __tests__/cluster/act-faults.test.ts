import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { injected, variants } from '../unit/support/workflow-commands.ts';
import { act, filesIn, ketStep, repository, workflow } from './act.ts';
import { containersOf, kubectl, readEvents, root, sandbox, type Sandbox } from './ket.ts';

/** What the Action does when things go wrong, or when the tests mean harm; by act on this machine itself. */

let box: Sandbox;
let repo = '';
beforeEach(() => {
  box = sandbox();
  repo = path.join(box.home, 'shop');
});
afterEach(() => box.remove());

const image = 'busybox:1.36';
const junit = (text: string): string => `echo '${text}' > /results/junit.xml`;
const green = junit('<testsuite><testcase name="a"/></testsuite>');
const red = junit(
  '<testsuite><testcase name="a"/><testcase name="b"><failure message="no"/></testcase></testsuite>',
);

/** A repository whose tier has one cluster of one node and these suites. */
function withSuites(
  suites: readonly object[],
  steps: Parameters<typeof workflow>[0],
  tier = 'act',
  more: { readonly tier?: object; readonly files?: Readonly<Record<string, string>> } = {},
): void {
  repository(repo, {
    ...more.files,
    'ket.yaml': JSON.stringify({
      tiers: {
        [tier]: {
          cluster: { config: 'kind.yaml' },
          images: [{ name: image }],
          suites: suites.map((suite) => ({ image, ...suite })),
          ...more.tier,
        },
        unit: { suites: [{ name: 'unit', command: 'true', expectTests: false }] },
      },
    }),
    'kind.yaml': fs.readFileSync(path.join(root, 'kind-configs', 'integration.yaml'), 'utf8'),
    '.github/workflows/tests.yml': workflow(steps),
  });
}

const echoOutputs = {
  if: 'always()',
  env: { OUTCOME: '${{ steps.ket.outputs.outcome }}', FAILED: '${{ steps.ket.outputs.failed }}' },
  run: 'echo "then $OUTCOME, $FAILED failed"',
};

test('a failing suite: the step fails, outputs are set and everything is uploaded', async () => {
  withSuites([{ name: 'red', command: `${red}; echo said; exit 1` }], {
    a: [ketStep({ tier: 'act' }), echoOutputs],
  });
  const ran = await act({ repo, box });
  expect(ran.code).toBe(1);
  expect(ran.log).toContain('then failed, 1 failed');
  expect(ran.log).toMatch(/Failure - Main org\/ket-action/);
  const [folder = ''] = ran.artifacts.values();
  const files = filesIn(folder);
  expect(files.get('suites/red/attempt-1/console.log')?.toString()).toBe('said\n');
  expect(files.get('junit.xml')?.toString()).toContain('failures="1"');
  expect(containersOf(ran.log)).toEqual([]);
}, 300_000);

test.each([
  [{ tier: 'unti' }, /did you mean "?unit/],
  [{ tier: 'act', retries: 'many' }, /input retries/],
  [{ tier: 'act', suits: 'a' }, /did you mean "?suites/],
])(
  'a wrong input %j fails within 3 s, before any cluster',
  async (inputs, says) => {
    withSuites([{ name: 'a', command: green }], { a: [ketStep(inputs)] });
    const ran = await act({ repo, box });
    expect(ran.code).toBe(1);
    expect(ran.log).toMatch(says);
    const [, took = ''] = /Failure - Main org\/ket-action@v1 \[([\d.a-zµ]+)\]/.exec(ran.log) ?? [];
    expect(took).toMatch(/^(\d{1,3}(\.\d+)?ms|[0-2](\.\d+)?s)$/);
    expect(ran.log).not.toContain('start 1 node');
  },
  60_000,
);

test('commands that a pod prints are not heeded, though they are when nobody guards', async () => {
  const text = variants
    .map((variant) => variant.pieces.join(''))
    // One word of an environment takes 128 KiB at most.
    .filter((piece) => piece.length < 2000)
    .join('');
  fs.mkdirSync(repo, { recursive: true });
  fs.writeFileSync(path.join(repo, 'commands'), text);
  const after = {
    if: 'always()',
    env: { GOT: `\${{ steps.ket.outputs.${injected} }}` },
    run: 'echo "environment [$KET_INJECTED] output [$GOT]"; echo "path $PATH"; echo "every letter e"',
  };
  const command = `echo "$COMMANDS" | base64 -d; ${green}`;
  withSuites([{ name: 'prints', command, env: { COMMANDS: Buffer.from(text).toString('base64') } }], {
    guarded: [ketStep({ tier: 'act' }), after],
    control: [{ id: 'ket', run: `cat commands; echo "::set-output name=${injected}::1"` }, after],
  });
  const ran = await act({ repo, box });
  const of = (job: string): string[] => ran.log.split('\n').filter((line) => line.includes(`/${job}]`));
  const heeded = /(⚙|❗|❓|🚧|💬).*(injected|INJECTED|add-mask|add-path|set-env)/;
  expect(of('control').filter((line) => heeded.test(line)).length).toBeGreaterThan(2);
  expect(of('guarded').filter((line) => heeded.test(line))).toEqual([]);
  expect(of('guarded').join('\n')).toContain('environment [] output []');
  expect(of('guarded').join('\n')).toContain('every letter e');
  expect(of('guarded').find((line) => line.includes('| path '))).not.toContain(injected);
  expect(of('guarded').some((line) => line.includes('set-output name'))).toBe(true);
  expect(ran.log).toMatch(/Success - Main org\/ket-action/);
}, 300_000);

test('secrets are in no log, summary or artifact', async () => {
  const canaries = { SECRET: 'canary-Fhq7/+x', token: 'canary-Tok9.zz', released: 'canary-Rel3*q' };
  const leaks = [
    'for s in "$SECRET" "$RELEASED"; do echo "$s"; echo "$s" | base64; echo "x$s" | base64; printf "%s" "$s" >&2; done',
    'echo "<testsuite><testcase name=\\"$SECRET\\"><failure message=\\"$RELEASED\\">$SECRET</failure></testcase></testsuite>" > /results/junit.xml',
    'echo "$SECRET $RELEASED" > /results/plain.txt; printf "\\\\000$SECRET" > /results/binary.bin; printf "\\\\000$RELEASED" > /results/released.bin',
    'exit 1',
  ].join('; ');
  const words = {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'words' } },
    stringData: { word: '{{ b64dec .Values.word }}' },
  };
  withSuites(
    [
      {
        ...{ name: 'leaks', command: leaks, secrets: ['SECRET'] },
        env: { RELEASED: { from: 'release/words/secret/words/word' } },
      },
    ],
    {
      a: [
        ketStep(
          { tier: 'act', token: canaries.token, 'check-run': 'false' },
          { env: { SECRET: canaries.SECRET } },
        ),
      ],
    },
    'act',
    {
      tier: { releases: [{ name: 'words', chart: 'words' }] },
      files: {
        'words/Chart.yaml': 'apiVersion: v2\nname: words\nversion: 0.1.0\n',
        'words/values.yaml': `word: ${btoa(canaries.released)}\n`,
        'words/templates/secret.yaml': JSON.stringify(words),
      },
    },
  );
  const ran = await act({ repo, box });
  expect(ran.code).toBe(1);
  expect(ran.log).toContain('leaks: failed');
  const forms = Object.values(canaries).flatMap((value) => [
    value,
    btoa(value).slice(0, -4),
    btoa(`x${value}`).slice(4, -4),
  ]);
  for (const form of forms) expect(ran.log).not.toContain(form);
  const [folder = ''] = ran.artifacts.values();
  const files = filesIn(folder);
  for (const [name, bytes] of files)
    for (const form of forms) expect({ name, has: bytes.includes(form) }).toEqual({ name, has: false });
  expect(files.get('suites/leaks/attempt-1/results/plain.txt')?.toString()).toBe('*** ***\n');
  for (const name of ['binary.bin', 'released.bin']) {
    expect(files.has(`suites/leaks/attempt-1/results/${name}`)).toBe(false);
    expect(files.get('manifest.json')?.toString()).toContain(name);
  }
}, 300_000);

describe('a step that is cancelled', () => {
  const when = {
    'the start of the nodes': /start 1 node/,
    'the start of Kubernetes': /start Kubernetes in cluster/,
    'a suite': /long │ ready/,
  };
  const cases = (['SIGINT', 'SIGTERM', 'SIGKILL'] as const).flatMap((signal) =>
    Object.keys(when).map((phase) => ({ signal, phase: phase as keyof typeof when })),
  );
  test.each(cases)(
    '$signal during $phase: nothing is left, and what there was is kept',
    async ({ signal, phase }) => {
      withSuites(
        [{ name: 'long', command: `${green}; echo ready; sleep 120` }],
        {
          a: [ketStep({ tier: 'cancel', 'log-level': 'info' })],
        },
        'cancel',
      );
      let sent = false;
      const ran = await act({
        repo,
        box,
        onLine(line, pid) {
          if (sent || !when[phase].test(line)) return;
          sent = true;
          setTimeout(() => process.kill(pid, signal), 700);
        },
      });
      expect(sent).toBe(true);
      // act that is killed takes nobody along: then ket hears a hang-up and ends by itself.
      for (let i = 0; i < 90 && box.states().length > 0; i++)
        await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(box.states()).toEqual([]);
      expect(containersOf(ran.log)).toEqual([]);
      if (signal === 'SIGKILL') {
        const caches = path.join(box.home, 'cache', 'act');
        const [events] = fs.globSync(`${caches}/*/hostexecutor/ket-results/*/events.ndjson`);
        expect(readEvents(path.dirname(events ?? '')).at(-1)).toMatchObject({
          type: 'run-ended',
          outcome: 'cancelled',
        });
        return;
      }
      // By SIGTERM act ends its artifact server before the post step.
      const saved = fs.globSync(path.join(box.home, 'state', 'ket', 'results', '*'));
      const [folder = saved[0] ?? ''] = ran.artifacts.values();
      const files = filesIn(folder);
      expect([...files.keys()]).toEqual(expect.arrayContaining(['events.ndjson', 'summary.md']));
      if (phase === 'a suite')
        expect(
          [...files].find(([name]) => /suites\/long\/attempt-1\/.*log/.test(name))?.[1].toString(),
        ).toContain('ready');
    },
    240_000,
  );
});

test('one job after another and two at once on one runner', async () => {
  const suites = [{ name: 'a', command: green }];
  withSuites(suites, {
    one: [ketStep({ tier: 'act' })],
    two: [ketStep({ tier: 'act' })],
    three: [ketStep({ tier: 'unit' })],
  });
  const file = path.join(repo, '.github', 'workflows', 'tests.yml');
  const parsed = JSON.parse(fs.readFileSync(file, 'utf8')) as { jobs: Record<string, { needs?: string[] }> };
  parsed.jobs['three'] = { ...parsed.jobs['three'], needs: ['one', 'two'] };
  fs.writeFileSync(file, JSON.stringify(parsed));
  const ran = await act({ repo, box });
  expect({ code: ran.code, log: ran.code === 0 ? '' : ran.log.slice(-4000) }).toEqual({ code: 0, log: '' });
  expect(ran.artifacts.size).toBe(3);
  expect(ran.log).not.toMatch(/left by run|could not remove/);
  expect(box.states()).toEqual([]);
  expect(containersOf(ran.log)).toEqual([]);
}, 400_000);

describe('a cluster that plain kind made', () => {
  const name = `plain-${process.pid}`;
  let kubeconfig = '';
  beforeAll(() => {
    kubeconfig = path.join(fs.mkdtempSync(path.join(sandboxFolder(), 'kind-')), 'kubeconfig');
    const nodeImage = process.env['KET_NODE_IMAGE'];
    const image = nodeImage === undefined ? [] : ['--image', nodeImage];
    execFileSync('kind', ['create', 'cluster', '--name', name, '--kubeconfig', kubeconfig, ...image], {
      stdio: 'ignore',
    });
  }, 300_000);
  afterAll(() => {
    execFileSync('kind', ['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig], {
      stdio: 'ignore',
    });
    fs.rmSync(path.dirname(path.dirname(kubeconfig)), { recursive: true, force: true });
  }, 120_000);

  test('is used, and left as it was', async () => {
    const namespaces = (): string => kubectl(kubeconfig, 'get', 'namespaces', '-o', 'name');
    const before = namespaces();
    withSuites([{ name: 'a', command: green }], {
      a: [
        ketStep({ tier: 'act', cluster: name }),
        { run: 'echo "in $C"', env: { C: '${{ steps.ket.outputs.cluster-name }}' } },
      ],
    });
    const ran = await act({ repo, box });
    expect({ code: ran.code, log: ran.code === 0 ? '' : ran.log.slice(-4000) }).toEqual({ code: 0, log: '' });
    expect(ran.log).toContain(`in ${name}`);
    for (let i = 0; i < 60 && namespaces() !== before; i++)
      await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(namespaces()).toBe(before);
    expect(containersOf(ran.log)).toEqual([]);
  }, 240_000);
});

/** Not in the sandbox of a test: this cluster is older than each. */
function sandboxFolder(): string {
  const { home } = sandbox();
  return home;
}
