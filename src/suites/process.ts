import fs from 'node:fs';
import path from 'node:path';
import os from 'node:os';
import { randomBytes } from 'node:crypto';
import type { SuitePlan } from '../model/plan.ts';
import type { TaskContext } from '../model/task.ts';
import { messageOf } from '../model/errors.ts';
import { findJUnit } from '../results/junit-find.ts';
import type { AttemptResult } from './verdict/attempt-result.ts';
import { lastLinesOf } from './collect/console.ts';
import { argvOf } from './job/argv.ts';
import { afterRetry, retryCasesKey, retryCasesText, type FailedCases } from './verdict/failed-cases.ts';
import { stoppedBy } from './pod/pod-end.ts';
import { suiteId, type AttemptId } from './names.ts';
import { readJUnitFiles } from './verdict/proof.ts';
import type { RunRecord } from './verdict/record.ts';
import type { Secrets } from './job/secrets.ts';
import { verdictOf } from './verdict/verdict.ts';

/** A file system may stamp files a little in the past (2 s on FAT, 10 ms by the kernel's tick elsewhere). */
const stampSlackMs = 50;

/** One attempt of a suite on this machine (`env`: what it gets beside its own): a process here, with the same limits, results and verdict as a Job. */
export async function runProcess(
  suite: SuitePlan,
  id: AttemptId,
  root: string,
  outDir: string,
  secrets: Secrets,
  context: TaskContext,
  failed?: FailedCases,
  env: Readonly<Record<string, string>> = {},
): Promise<AttemptResult> {
  const { clock } = context.deps;
  const resultsDir = path.join(outDir, 'results');
  fs.mkdirSync(resultsDir, { recursive: true, mode: 0o700 });
  const retryFile = path.join(outDir, retryCasesKey);
  if (failed !== undefined) fs.writeFileSync(retryFile, retryCasesText(failed), { mode: 0o600 });
  const consoleFile = path.join(outDir, 'console.log');
  const console = fs.openSync(consoleFile, 'w', 0o600);
  const nonce = randomBytes(16).toString('hex');
  const startedAt = clock.now();
  const began = clock.monotonic();
  context.emit({ type: 'attempt-started', suite: id.suite, attempt: id.attempt });
  context.awaiting(`${suite.name} to end`);
  let record: RunRecord | undefined;
  let number = 0;
  let startError: string | undefined;
  try {
    const result = await context.deps.exec({
      argv: argvOf(suite, undefined),
      cwd: suite.workingDir ?? root,
      env: {
        PYTHONUNBUFFERED: '1',
        KET_RUN_ID: id.run,
        KET_SUITE: id.suite,
        KET_ATTEMPT: String(id.attempt),
        KET_SUITE_ID: suiteId(id),
        KET_RESULTS: resultsDir,
        ...(failed === undefined ? {} : { KET_RETRY_CASES: retryFile }),
        ...env,
        ...suite.env,
        ...Object.fromEntries(suite.secrets.map((name) => [name, secrets.get(name) ?? ''])),
      },
      limitMs: suite.limitMs,
      measure: true,
      signal: context.signal,
      onLine: (line) => {
        number += 1;
        fs.writeSync(console, line + '\n');
        context.emit({
          type: 'log',
          suite: id.suite,
          attempt: id.attempt,
          number,
          line,
          printed: new Date(clock.now()).toISOString(),
        });
      },
    });
    const signal = result.signal === null ? null : os.constants.signals[result.signal];
    record = {
      v: 1,
      nonce,
      uid: nonce,
      started_ms: startedAt,
      ended_ms: clock.now(),
      duration_ms: Math.round(clock.monotonic() - began),
      exit_code: result.code ?? 128 + (signal ?? 0),
      signal,
      timed_out: result.timedOut,
      term_received: null,
      exec_error: null,
      oom_kills: null,
      memory_peak_bytes: result.memoryPeakBytes ?? null,
      cpu_usec: null,
      console_bytes: fs.fstatSync(console).size,
      console_error: null,
    };
  } catch (error) {
    if (!context.signal.aborted) startError = messageOf(error);
  } finally {
    fs.closeSync(console);
  }
  copyResults(suite, resultsDir);
  const own = await readJUnitFiles(await findJUnit(resultsDir), outDir, startedAt - stampSlackMs);
  const results = failed === undefined ? own : await afterRetry(failed, own);
  const lastLines = lastLinesOf(consoleFile, 20);
  const verdict = verdictOf({
    suite,
    ...(context.signal.aborted ? stoppedBy(context.signal) : {}),
    uid: nonce,
    nonce,
    podGone: false,
    junit: results.proof,
    lastLines,
    ...(record === undefined ? {} : { record }),
    ...(startError === undefined ? {} : { neverRan: { infraClass: 'configuration', message: startError } }),
  });
  return {
    verdict,
    results,
    lastLines,
    started: startError === undefined,
    ms: clock.monotonic() - began,
    ...(record === undefined ? {} : { record }),
  };
}

/** A name without any of these stands for itself, for which no memory has to be spent on a matcher. */
const wild = /[*?[\]{}()!+@\\]/;

const findFiles = (globs: readonly string[]): string[] =>
  globs
    .flatMap((glob) => (wild.test(glob) ? fs.globSync(glob) : [glob]))
    .filter((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true);

/**
 * Copies what `results:` names into the attempt's folder, time stamps and all: a file that was there before the start
 * must stay recognisable as old.
 */
function copyResults(suite: SuitePlan, resultsDir: string): void {
  for (const file of findFiles(suite.results)) {
    let target = path.join(resultsDir, path.basename(file));
    for (let n = 2; fs.existsSync(target); n++) target = path.join(resultsDir, `${n}-${path.basename(file)}`);
    const { atime, mtime } = fs.statSync(file);
    fs.copyFileSync(file, target);
    fs.utimesSync(target, atime, mtime);
  }
}
