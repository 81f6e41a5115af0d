import fs from 'node:fs';
import path from 'node:path';
import * as core from '@actions/core';
import { KetError, errorInfo } from '../model/errors.ts';
import type { Keep } from '../model/plan.ts';
import { cleanup } from '../cli/clusters.ts';
import { exitCodeOfError, renderError } from '../cli/main.ts';
import { startRun } from '../cli/run-command.ts';

/**
 * The Action: the same run as `ket run`, with inputs in place of flags. Main and post are one program, told apart by a
 * state that main saves first: a cancelled main step gets no signal under act, so what it left is removed in post.
 */
export async function main(): Promise<number> {
  if (core.getState('main') !== '') return cleanup(false);
  core.saveState('main', 'started');
  try {
    const { plan, run } = startRun(
      {
        config: path.resolve(process.env['GITHUB_WORKSPACE'] ?? '.', core.getInput('config') || 'ket.yaml'),
        format: 'plain',
        ...optional('tier', core.getInput('tier')),
        ...optional('nodeImage', core.getInput('node-image')),
        ...optional('keep', keepOf(core.getInput('keep'))),
        ...optional('suite', listOf(core.getInput('suites'))),
      },
      [],
      false,
    );
    const end = await run();
    core.setOutput('outcome', end.outcome);
    core.setOutput('exit-code', end.exitCode);
    core.setOutput('results', end.folder);
    await addSummary(path.join(end.folder, 'summary.md'));
    if (end.exitCode !== 0) core.setFailed(`tier ${plan.tier}: ${end.outcome}; results are in ${end.folder}`);
    return end.exitCode;
  } catch (error) {
    const info = errorInfo(error);
    process.stderr.write(renderError(info));
    core.setFailed(info.message);
    return exitCodeOfError(info);
  }
}

function keepOf(text: string): Keep | undefined {
  if (text === '') return undefined;
  if (text === 'never' || text === 'on-failure' || text === 'always') return text;
  throw new KetError('KET_USAGE', `input keep is "${text}"; it may be never, on-failure or always`);
}

const listOf = (text: string): string[] | undefined => {
  const words = text.split(/[,\n]/).flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));
  return words.length === 0 ? undefined : words;
};

const optional = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined || value === '' ? {} : ({ [key]: value } as Partial<Record<K, V>>);

/** GitHub and act give a file for it; without one there is nowhere to write. */
async function addSummary(file: string): Promise<void> {
  if (process.env['GITHUB_STEP_SUMMARY'] === undefined || !fs.existsSync(file)) return;
  await core.summary.addRaw(fs.readFileSync(file, 'utf8')).write();
}
