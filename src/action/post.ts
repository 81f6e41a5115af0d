import fs from 'node:fs';
import path from 'node:path';
import * as core from '@actions/core';
import { cleanup } from '../cli/clusters.ts';
import { messageOf } from '../model/errors.ts';
import { writeReports } from '../report/write-reports.ts';
import type { CommandGuard } from './command-guard.ts';
import { eventsOf, saveUnderAct, say, upload } from './publish.ts';
import { states } from './states.ts';
import { readStep } from './read-step.ts';

/** act gives all of post five minutes; GitHub ends it with the job. */
const partMs = 120_000;

/**
 * After the job, whatever became of it: what a main step that was killed could not do. First its results so far are
 * brought to safety, then what it made is removed. Nothing here turns a job red: what is left is named.
 */
export async function post(guard: CommandGuard): Promise<number> {
  const warn = (what: string, error: unknown): void =>
    guard.own(() => core.warning(`${what}: ${messageOf(error)}`));
  const folder = states.cutShort();
  if (folder !== undefined && fs.existsSync(folder))
    await limited('the results so far', warn, () => rescue(guard, folder));
  await limited('the removal of what the step left', warn, async () => {
    if ((await cleanup(false)) !== 0)
      throw new Error(
        'not all could be removed; the lines above name what is left, the next run tries again',
      );
  });
  return 0;
}

async function rescue(guard: CommandGuard, folder: string): Promise<void> {
  await writeReports(folder, eventsOf(folder));
  const step = readStep(guard);
  const { plan } = step;
  if (plan.suites.every(({ references }) => references.every(({ kind }) => kind !== 'Secret'))) {
    await upload(guard, step, folder, path.basename(folder));
    return;
  }
  say(
    step,
    `the results so far are not uploaded: only the step that was ended knew the secrets of releases that its suites had; they are in ${folder}`,
  );
  saveUnderAct(step, folder, path.basename(folder));
}

async function limited(
  what: string,
  warn: (what: string, error: unknown) => void,
  body: () => Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${partMs / 1000} s`)), partMs);
  });
  try {
    await Promise.race([body(), late]);
  } catch (error) {
    warn(what, error);
  } finally {
    clearTimeout(timer);
  }
}
