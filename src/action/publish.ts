import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as core from '@actions/core';
import { eventsIn } from '../pipeline/event-file.ts';
import { outputTexts, type Outputs } from '../config/index.ts';
import { messageOf } from '../model/errors.ts';
import type { RunEvent } from '../model/events.ts';
import type { RunEnd } from '../pipeline/run-options.ts';
import { annotationProperties, annotationsOf, locator, stepAnnotations } from '../report/annotations.ts';
import { viewOf } from '../report/model.ts';
import { writeReports, type WriteOptions } from '../report/write-reports.ts';
import { uploadArtifact, type Uploaded } from './artifact.ts';
import { endCheck, type Check } from './check.ts';
import type { CommandGuard } from './command-guard.ts';
import type { Step } from './read-step.ts';
import { saveCopy } from './saved-results.ts';
import { makeUploadFolder } from './upload-folder.ts';

/**
 * What the workflow shows of a run: summary, annotations, artifact, check run, outputs. None of it can change the
 * verdict: what fails is one notice.
 */
export async function publish(guard: CommandGuard, step: Step, end: RunEnd, check: Check): Promise<void> {
  const { masker, plan } = step;
  // From events, which are masked: a page made of them needs no more.
  const events = eventsOf(end.folder);
  const view = viewOf(events);
  const workspace = process.env['GITHUB_WORKSPACE'] ?? process.cwd();
  const roots = [workspace, plan.root];
  const annotations = annotationsOf(view, locator({ workspace, roots, exists: fs.existsSync }));
  let uploaded: Uploaded | undefined;
  await part(step, 'the artifact', async () => {
    uploaded = await upload(guard, step, end.folder, end.runId);
  });
  const artifact = uploaded === undefined ? {} : { artifact: uploaded };
  await part(step, 'the summary', () => addSummary(step, end.folder, events, artifact));
  await part(step, 'the annotations', () =>
    guard.own(() => {
      for (const one of stepAnnotations(annotations)) core[one.level](one.message, annotationProperties(one));
    }),
  );
  await part(step, 'the check run', async () => {
    const notice = await endCheck(check, view, { annotations, folder: end.folder, ...artifact });
    if (notice !== undefined) say(step, notice);
  });
  await part(step, 'the outputs', () => {
    for (const [name, text] of Object.entries(outputTexts(outputsOf(end, uploaded))))
      core.setOutput(name, text);
  });
  if (end.exitCode !== 0)
    guard.own(() =>
      core.setFailed(masker.mask(`tier ${plan.tier}: ${end.outcome}; results are in ${end.folder}`)),
    );
}

/** Does one part; what is wrong with it is said and ends nothing. */
async function part(step: Step, what: string, body: () => Promise<void> | void): Promise<void> {
  try {
    await body();
  } catch (error) {
    say(step, `${what}: ${messageOf(error)}`);
  }
}

export function say({ masker }: Pick<Step, 'masker'>, text: string): void {
  process.stderr.write(`notice: ${masker.mask(text)}\n`);
}

/** GitHub and act give a file for it; without one there is nowhere to write. */
async function addSummary(
  { masker }: Step,
  folder: string,
  events: Iterable<RunEvent>,
  options: WriteOptions,
): Promise<void> {
  if ((process.env['GITHUB_STEP_SUMMARY'] ?? '') === '') return;
  // Once more: what the run wrote knows of no artifact.
  await writeReports(folder, events, options);
  await core.summary.addRaw(masker.mask(fs.readFileSync(path.join(folder, 'summary.md'), 'utf8'))).write();
}

/** Uploads a masked copy of a run's folder; undefined where nobody takes it, which is said. */
export async function upload(
  guard: CommandGuard,
  step: Step,
  folder: string,
  runId: string,
): Promise<Uploaded | undefined> {
  const { inputs, masker, plan } = step;
  const parent = process.env['RUNNER_TEMP'] ?? os.tmpdir();
  const copy = await makeUploadFolder({ folder, parent, masker });
  for (const text of copy.notices) say(step, text);
  const end = await guard.own(() =>
    uploadArtifact({
      prefix: inputs['artifact-name'] ?? `ket-${plan.tier}`,
      runId,
      root: copy.root,
      files: copy.files,
      shownAs: folder,
      retentionDays: inputs['retention-days'],
      env: process.env,
    }),
  );
  for (const text of end.notices) say(step, text);
  if (end.uploaded === undefined) saveUnderAct(step, folder, runId);
  // A client that is still at work reads the copy, and throws where nobody can catch it when a file is gone.
  if (end.unfinished) process.once('exit', () => copy.remove());
  else copy.remove();
  return end.uploaded;
}

export function saveUnderAct(step: Step, folder: string, runId: string): void {
  if (process.env['ACT'] === 'true')
    say(
      step,
      `the folder of the run is copied to ${saveCopy(folder, runId)}, since act removes the workspace`,
    );
}

/** Pure but for looking which files are there. */
export function outputsOf(end: RunEnd, uploaded: Uploaded | undefined): Outputs {
  const file = (...names: readonly string[]): string =>
    names.map((name) => path.join(end.folder, name)).find((full) => fs.existsSync(full)) ?? '';
  const timings = file('timings.json');
  return {
    outcome: end.outcome,
    'exit-code': end.exitCode,
    'run-id': end.runId,
    'cluster-name': end.cluster?.name ?? '',
    kubeconfig: end.cluster?.kubeconfig ?? '',
    results: end.folder,
    junit: file('junit.xml'),
    coverage: file('coverage.xml', 'lcov.info'),
    summary: file('summary.md'),
    counts: end.counts,
    tests: end.counts.total,
    failed: end.counts.failed + end.counts.errors,
    timings: timings === '' ? {} : (JSON.parse(fs.readFileSync(timings, 'utf8')) as Record<string, unknown>),
    'artifact-id': uploaded === undefined ? '' : String(uploaded.id),
    'artifact-url': uploaded?.url ?? '',
  };
}

/** Events of a run, from its folder. */
export const eventsOf = (folder: string): ReturnType<typeof eventsIn> =>
  eventsIn(path.join(folder, 'events.ndjson'));
