import fs from 'node:fs';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { formatMs, plural } from '../model/format.ts';
import { addCounts, noCounts, type Verdict } from '../model/outcome.ts';
import type { Plan, SuitePlan } from '../model/plan.ts';
import type { HelmTest, HelmTestEnd, HookEnd } from '../model/run.ts';
import type { Task, TaskContext } from '../model/task.ts';
import { countCase, type JUnitCase } from '../results/junit-case.ts';
import { junitCase, junitEnd, junitHead, junitSuiteEnd, junitSuiteHead } from '../results/junit-write.ts';
import { withDependencies } from '../model/dependencies.ts';
import { lastLinesOf } from './collect/console.ts';
import { stoppedBy } from './pod/pod-end.ts';
import type { AttemptId } from './names.ts';
import { infraRetries } from './retry.ts';
import { runSuite, type SuiteReport } from './suite.ts';
import { endIfNotPassed, priorityOf, withStops, type SuiteSettings } from './settings.ts';
import type { SuiteNeeds } from './tasks.ts';
import type { AttemptResult } from './verdict/attempt-result.ts';
import { readResults } from './verdict/proof.ts';

/** The test hooks of a release as a suite: `helm test`, a case for each pod of a hook. */

/** For asking Helm, and for the rest of the logs. */
const graceMs = 120_000;

export function helmTestTask(
  settings: SuiteSettings,
  plan: Plan,
  suite: SuitePlan,
  needs: Pick<SuiteNeeds, 'cluster' | 'releases' | 'checks' | 'guard'> & {
    readonly tools: Task;
    /** Its pods may be of any image of the plan. */
    readonly images: readonly Task[];
  },
  helmTest: HelmTest,
): Task<SuiteReport> {
  const { admission } = settings;
  return {
    id: `suite ${suite.name}`,
    phase: 'suites',
    title: suite.name,
    needs: [
      needs.tools,
      needs.cluster,
      ...needs.images,
      ...suite.needs.flatMap((name) => needs.releases.get(name) ?? []),
      ...suite.checks.flatMap((name) => needs.checks.get(name) ?? []),
    ],
    limitMs: (suite.retries + 1 + infraRetries) * (suite.limitMs + graceMs),
    pool: admission,
    priority: priorityOf(suite),
    async run(outer) {
      const cluster = outer.output(needs.cluster);
      // Others that run beside it are let in by what it sees.
      admission.open(cluster.kube);
      const watched = withDependencies(suite.needs, plan.releases);
      const guards = watched.map((name) => needs.guard(name, cluster, outer));
      const context = withStops(outer, [admission.stopped, ...guards]);
      const run: Run = (options) => helmTest(suite.helmTest ?? '', cluster, options, context);
      const { report } = await runSuite(suite, settings.runId, settings.folder, context, (id, outDir) =>
        attempt(suite, id, outDir, context, run),
      );
      endIfNotPassed(plan, suite.name, report.outcome, admission);
      return report;
    },
  };
}

type Run = (options: Parameters<HelmTest>[2]) => Promise<HelmTestEnd>;

async function attempt(
  suite: SuitePlan,
  { attempt: number }: AttemptId,
  outDir: string,
  context: TaskContext,
  run: Run,
): Promise<AttemptResult> {
  const { clock } = context.deps;
  const began = clock.monotonic();
  const folder = path.join(outDir, 'results');
  await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 });
  const consoleFile = path.join(outDir, 'console.log');
  const console = fs.openSync(consoleFile, 'w', 0o600);
  const about = { suite: suite.name, attempt: number };
  context.emit({ type: 'attempt-started', ...about });
  let lines = 0;
  let end: HelmTestEnd | undefined;
  let stopped: ReturnType<typeof stoppedBy> | undefined;
  try {
    end = await run({
      limitMs: suite.limitMs,
      signal: context.signal,
      folder,
      onLine: (pod, line, printed) => {
        fs.writeSync(console, `${pod}: ${line}\n`);
        lines += 1;
        context.emit({ type: 'log', ...about, number: lines, line: `${pod}: ${line}`, printed });
      },
      room: () => context.room(),
      awaiting: (what) => context.awaiting(what),
      notice: (text) => context.emit({ type: 'notice', level: 'warning', text: `${suite.name}: ${text}` }),
    });
  } catch (error) {
    if (!context.signal.aborted) throw error;
    stopped = stoppedBy(context.signal);
  } finally {
    fs.closeSync(console);
  }
  const ms = clock.monotonic() - began;
  if (end !== undefined)
    await fs.promises.writeFile(path.join(folder, 'junit.xml'), junitOf(suite, end, ms), { mode: 0o600 });
  const results = await readResults(folder);
  return {
    verdict: end === undefined ? stoppedVerdict(stopped ?? {}) : verdictOfHooks(suite, end),
    results,
    lastLines: [...(end?.said ?? []), ...lastLinesOf(consoleFile, 20)],
    started: end?.hooks.some(({ phase }) => phase !== undefined && phase !== 'Pending') ?? true,
    ms,
  };
}

function stoppedVerdict({ cancelled, gaveUp, unhealthy }: ReturnType<typeof stoppedBy>): Verdict {
  if (unhealthy !== undefined) return { outcome: 'infra-error', infraClass: 'unhealthy', message: unhealthy };
  if (gaveUp !== undefined) return { outcome: 'infra-error', infraClass: 'lost-contact', message: gaveUp };
  return { outcome: 'cancelled', message: cancelled ?? 'cancelled' };
}

const noProof = (message: string): Verdict => ({ outcome: 'infra-error', infraClass: 'no-proof', message });

/** The verdict on a `helm test`: passed only when each hook has a pod that was seen to succeed. Pure. */
export function verdictOfHooks(suite: SuitePlan, { hooks, exitCode, timedOut, said }: HelmTestEnd): Verdict {
  const failed = hooks.filter(({ phase }) => phase === 'Failed');
  const passed = hooks.filter(({ phase }) => phase === 'Succeeded');
  const helm = said.length === 0 ? '' : `: ${said.join(' ').slice(0, 300)}`;
  if (hooks.length === 0)
    return noProof(`release ${suite.helmTest ?? ''} has no test hook: a Pod or Job with helm.sh/hook: test`);
  // A Job may have a pod that failed and another one that made it good.
  if (failed.length > 0 && exitCode !== 0) {
    const names = failed.slice(0, 3).map(({ name }) => name);
    return {
      outcome: 'failed',
      cause: 'cases',
      message: `${String(failed.length)} of ${String(hooks.length)} tests failed: ${names.join(', ')}`,
    };
  }
  const running = hooks.find(({ phase }) => phase === 'Running');
  if (timedOut && running !== undefined)
    return {
      outcome: 'failed',
      cause: 'timeout',
      message: `stopped after its time limit of ${formatMs(suite.limitMs)}, while ${running.name} ran`,
    };
  const pending = hooks.find(({ phase }) => phase === 'Pending');
  if (timedOut && pending !== undefined)
    return {
      outcome: 'infra-error',
      infraClass: /image|pull/i.test(pending.message ?? '') ? 'image-pull' : 'unschedulable',
      message: `test hook ${pending.name} did not start: ${pending.message ?? 'no reason given'}`,
    };
  if (exitCode !== 0)
    return noProof(`helm test ended with exit code ${String(exitCode)}, and no hook failed${helm}`);
  const unproved = hooks.find(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
  if (unproved !== undefined)
    return noProof(`helm test is content, but test hook ${unproved.name} was not seen to succeed`);
  const expected = suite.expectTests === false ? 1 : suite.expectTests;
  if (passed.length < expected)
    return noProof(
      `helm test is content, but only ${String(passed.length)} of at least ${String(expected)} hooks succeeded`,
    );
  return { outcome: 'passed', message: `${plural(passed.length, 'test')} passed` };
}

/** The JUnit of a `helm test`: a case per pod of a hook. */
export function junitOf(suite: SuitePlan, { hooks, exitCode }: HelmTestEnd, ms: number): string {
  const cases = hooks.map((hook) => caseOf(hook, exitCode));
  const counts = cases.reduce((sum, { status }) => addCounts(sum, countCase(noCounts, status)), noCounts);
  const name = `helm test ${suite.helmTest ?? ''}`;
  return [
    junitHead(suite.name, counts, ms),
    junitSuiteHead({ name, counts, ms, properties: [] }),
    ...cases.map((found) => junitCase(found, name)),
    junitSuiteEnd,
    junitEnd,
  ].join('');
}

function caseOf({ name, phase, ms, message, lastLines }: HookEnd, exitCode: number | null): JUnitCase {
  const base = { name, suites: [], ms, flaky: [], reruns: [], properties: [] };
  if (phase === 'Succeeded') return { ...base, status: 'passed' };
  if (phase === 'Failed' && exitCode === 0)
    return {
      ...base,
      status: 'skipped',
      message: 'this pod failed, and another one of its Job made it good',
    };
  if (phase === undefined) return { ...base, status: 'skipped', message: 'not run' };
  return {
    ...base,
    status: phase === 'Failed' ? 'failed' : 'error',
    message: message ?? `its pod ended as ${phase}`,
    ...(lastLines.length === 0 ? {} : { detail: lastLines.join('\n') }),
  };
}

/** A test of Helm's that nobody can take up. */
export const lostHelmTest = (suite: SuitePlan): KetError =>
  new KetError(
    'KET_STATE',
    `the driver died while helm test ran for ${suite.name}, which nobody can take up`,
    {
      next: 'run it again',
    },
  );
