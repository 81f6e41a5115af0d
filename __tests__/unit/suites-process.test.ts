import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { Exec } from '../../src/model/deps.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import type { AttemptResult } from '../../src/suites/verdict/attempt-result.ts';
import { runProcess } from '../../src/suites/process.ts';
import { realClock } from '../../src/tools/clock.ts';
import { exec } from '../../src/tools/exec.ts';
import { folder, removeFolders } from './support/folder.ts';
import { fakeContext, fakeDeps, type FakeContext } from './support/phases.ts';
import { aProcessSuite } from './support/suites.ts';

afterEach(removeFolders);

const junit = (...cases: readonly string[]): string =>
  `<testsuite>${cases
    .map((name) =>
      name.startsWith('-')
        ? `<testcase name="${name.slice(1)}"><failure message="no"/></testcase>`
        : `<testcase name="${name}"/>`,
    )
    .join('')}</testsuite>`;

interface Ran {
  readonly result: AttemptResult;
  readonly root: string;
  readonly out: string;
  readonly context: FakeContext;
}

async function run(
  script: string,
  over: Partial<SuitePlan> = {},
  how: { readonly root?: string; readonly exec?: Exec; readonly signal?: AbortSignal } = {},
): Promise<Ran> {
  const root = how.root ?? folder();
  const out = path.join(folder(), 'attempt-1');
  const deps = { ...fakeDeps([]), exec: how.exec ?? exec, clock: realClock };
  const context = { ...fakeContext(deps, []), ...(how.signal === undefined ? {} : { signal: how.signal }) };
  const suite = aProcessSuite({
    command: script,
    results: [path.join(root, 'reports', '*.xml')],
    limitMs: 20_000,
    ...over,
  });
  const result = await runProcess(
    suite,
    { run: 'r', suite: 'unit', attempt: 1 },
    root,
    out,
    new Map([['TOKEN', 's3cret']]),
    context,
  );
  return { result, root, out, context };
}

const write = (text: string, file = 'junit.xml'): string =>
  `mkdir -p reports && printf '%s' '${text}' > reports/${file}`;

describe('a suite of the unit tier', () => {
  test('finds its secrets in the environment, and no others', async () => {
    const { out } = await run(`${write(junit('a'))}; echo "have $TOKEN"`, { secrets: ['TOKEN'] });
    expect(fs.readFileSync(path.join(out, 'console.log'), 'utf8')).toBe('have s3cret\n');
    const other = await run(`${write(junit('a'))}; echo "have $TOKEN"`);
    expect(fs.readFileSync(path.join(other.out, 'console.log'), 'utf8')).toBe('have \n');
  });

  test('passes with a JUnit file that it wrote itself; its output is kept and shown', async () => {
    const { result, out, context } = await run(`${write(junit('a', 'b'))}; echo done; echo and >&2`);
    expect(result.verdict).toEqual({ outcome: 'passed', message: '2 tests passed' });
    expect(fs.readFileSync(path.join(out, 'results', 'junit.xml'), 'utf8')).toBe(junit('a', 'b'));
    expect(fs.readFileSync(path.join(out, 'console.log'), 'utf8').split('\n').sort()).toEqual([
      '',
      'and',
      'done',
    ]);
    expect(
      context.events
        .filter((e) => e.type === 'log')
        .map((e) => e.line)
        .sort(),
    ).toEqual(['and', 'done']);
    expect(context.events[0]).toEqual({ type: 'attempt-started', suite: 'unit', attempt: 1 });
    expect(result.results.files).toHaveLength(1);
  });

  test('results by their plain names: a file is taken, a folder or what is not there is none', async () => {
    const root = folder();
    const named = (...names: string[]) => ({
      results: names.map((name) => path.join(root, 'reports', name)),
    });
    const both = await run(write(junit('a')), named('junit.xml', 'none.xml'), { root });
    expect(both.result.verdict.outcome).toBe('passed');
    expect(both.result.results.files).toHaveLength(1);
    const neither = await run('mkdir -p reports/folder.xml', named('folder.xml', 'none.xml'), { root });
    expect(neither.result.verdict.outcome).not.toBe('passed');
    expect(neither.result.results.files).toEqual([]);
  });

  test('a JUnit file of an earlier run proves nothing', async () => {
    const root = folder();
    fs.mkdirSync(path.join(root, 'reports'));
    const old = path.join(root, 'reports', 'junit.xml');
    fs.writeFileSync(old, junit('a'));
    const before = Date.now() / 1000 - 5;
    fs.utimesSync(old, before, before);
    const { result, out } = await run('true', {}, { root });
    expect(result.verdict).toMatchObject({ outcome: 'infra-error', infraClass: 'no-proof' });
    expect(result.verdict.message).toMatch(/older than the run \(results\/junit.xml\)/);
    // It is brought home all the same, with the time that tells.
    expect(fs.statSync(path.join(out, 'results', 'junit.xml')).mtimeMs).toBeLessThan(before * 1000 + 1000);
  });

  test('one old file among new ones proves nothing either', async () => {
    const root = folder();
    fs.mkdirSync(path.join(root, 'reports'));
    const old = path.join(root, 'reports', 'a-old.xml');
    fs.writeFileSync(old, junit('a'));
    fs.utimesSync(old, 1000, 1000);
    const { result } = await run(write(junit('b')), {}, { root });
    expect(result.verdict).toMatchObject({ outcome: 'infra-error', infraClass: 'no-proof' });
  });

  test.each<[string, string, Partial<SuitePlan>, object]>([
    ['no JUnit', 'true', {}, { outcome: 'infra-error', infraClass: 'no-proof' }],
    ['an empty one', write(''), {}, { outcome: 'infra-error', infraClass: 'no-proof' }],
    [
      'one that is cut',
      write(junit('a').slice(0, 25)),
      {},
      { outcome: 'infra-error', infraClass: 'no-proof' },
    ],
    [
      'too few cases',
      write(junit('a')),
      { expectTests: 2 },
      { outcome: 'infra-error', infraClass: 'no-proof' },
    ],
    ['a failed case', write(junit('a', '-b')), {}, { outcome: 'failed', cause: 'cases' }],
    ['an exit code', `${write(junit('a'))}; exit 3`, {}, { outcome: 'failed', cause: 'exit-code' }],
    ['an exit code, alone', 'exit 3', { expectTests: false }, { outcome: 'failed', cause: 'exit-code' }],
    ['exit code 0, alone', 'true', { expectTests: false }, { outcome: 'passed' }],
    ['a signal', `${write(junit('a'))}; kill -SEGV $$`, {}, { outcome: 'failed', cause: 'signal' }],
    [
      'its time limit',
      `${write(junit('a'))}; sleep 60`,
      { limitMs: 300 },
      { outcome: 'failed', cause: 'timeout' },
    ],
    [
      'a command that is not there',
      '',
      { command: ['/nowhere/at-all'] },
      { outcome: 'infra-error', infraClass: 'configuration' },
    ],
  ])('%s', async (_name, script, over, want) => {
    expect((await run(script, over)).result.verdict).toMatchObject(want);
  });

  test('a limit that is broken says what was printed last', async () => {
    const { result } = await run('echo waiting for godot; sleep 60', { limitMs: 300 });
    expect(result.verdict.message).toBe(
      'stopped after its time limit of 300 ms; last line: waiting for godot',
    );
    expect(result.record).toMatchObject({ timed_out: true, signal: 15 });
  });

  test('a cancel ends it, whatever it wrote', async () => {
    const cancel = new AbortController();
    const began = Date.now();
    const ran = run(`${write(junit('a'))}; sleep 60`, {}, { signal: cancel.signal });
    setTimeout(() => cancel.abort(new Error('stop')), 200);
    expect((await ran).result.verdict).toEqual({ outcome: 'cancelled', message: 'stop' });
    expect(Date.now() - began).toBeLessThan(20_000);
  });

  test('several files, one name: all are brought home; what a glob finds beside them is not followed', async () => {
    const root = folder();
    const results = [path.join(root, '**', 'junit.xml'), path.join(root, 'dangling')];
    fs.symlinkSync('/nowhere/at-all', path.join(root, 'dangling'));
    const script = `mkdir -p a b; printf '%s' '${junit('a')}' > a/junit.xml; printf '%s' '${junit('b')}' > b/junit.xml`;
    const { result, out } = await run(script, { results }, { root });
    expect(result.verdict.message).toBe('2 tests passed');
    expect(fs.readdirSync(path.join(out, 'results')).sort()).toEqual(['2-junit.xml', 'junit.xml']);
  });

  test('it may write into the results folder itself; it runs in its own folder, with its environment', async () => {
    const root = folder();
    fs.mkdirSync(path.join(root, 'sub'));
    const script = `printf '%s' '${junit('a')}' > "$KET_RESULTS/j.xml"; pwd; echo "$MINE $KET_SUITE $KET_ATTEMPT $KET_RUN_ID"`;
    const over = { env: { MINE: 'x' }, workingDir: path.join(root, 'sub'), results: [] };
    const { result, out } = await run(script, over, { root });
    expect(result.verdict.outcome).toBe('passed');
    const said = fs.readFileSync(path.join(out, 'console.log'), 'utf8');
    expect(said).toBe(`${path.join(root, 'sub')}\nx unit 1 r\n`);
  });
});
