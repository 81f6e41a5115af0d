import * as core from '@actions/core';
import { errorInfo } from '../model/errors.ts';
import { outliveReaders } from '../cli/main.ts';
import { exitCodeOfError, renderError } from '../cli/render-error.ts';
import { guardCommands } from './command-guard.ts';
import { states } from './states.ts';

/**
 * The Action: the same run as `ket run`, with inputs in place of flags. Main and post are one program, told apart by a
 * state that main saves first: under act a cancelled main step is killed without a signal, so what it left is post's.
 */
export async function main(): Promise<number> {
  outliveReaders();
  // From here on only what runs under `own` can be a workflow command: all else may be words of a test.
  const guard = guardCommands({ stdout: process.stdout, stderr: process.stderr });
  try {
    if (states.isPost()) {
      const { post } = await import('./post.ts');
      return await post(guard);
    }
    states.begin();
    const { runStep } = await import('./step.ts');
    return await runStep(guard);
  } catch (error) {
    const info = errorInfo(error);
    process.stderr.write(renderError(info));
    guard.own(() => core.setFailed(info.message));
    return exitCodeOfError(info);
  } finally {
    guard.release();
  }
}
