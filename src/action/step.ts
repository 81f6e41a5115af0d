import path from 'node:path';
import * as core from '@actions/core';
import { realDeps } from '../cli/environment.ts';
import { execute } from '../cli/run-command.ts';
import type { Deps } from '../model/deps.ts';
import type { Masker } from '../model/mask.ts';
import { maskable } from '../model/mask-variants.ts';
import { escapeTerminal } from '../report/escape.ts';
import { formatMs } from '../model/format.ts';
import { plainSink } from '../report/plain.ts';
import { mirrorEnv } from '../tools/mirror.ts';
import type { CommandGuard } from './command-guard.ts';
import { beginCheck, type Check } from './check.ts';
import { publish } from './publish.ts';
import { readStep } from './read-step.ts';
import { states } from './states.ts';

/** The main step: the run, then everything that the workflow shows of it. */
export async function runStep(guard: CommandGuard): Promise<number> {
  const step = readStep(guard);
  const { inputs, secrets, masker } = step;
  const level = inputs['log-level'];
  const real = realDeps();
  const deps = { ...real, env: { ...real.env, ...mirrorEnv(inputs['tool-mirror'] ?? {}) } };
  let check: Promise<Check> | undefined;
  const end = await execute(step, {
    deps: level === 'debug' ? talking(deps, masker) : deps,
    cluster: inputs.cluster,
    secrets,
    onSecrets(learned) {
      masker.add(learned);
      // Later steps may print them, too.
      guard.own(() => {
        for (const value of learned.values()) if (maskable(value)) core.setSecret(value);
      });
    },
    sinks(folder) {
      states.folder(folder);
      check = beginCheck(step, path.basename(folder));
      return [plainSink({ stream: process.stderr, env: process.env, folder, level })];
    },
  });
  await publish(guard, step, end, (await check) ?? {});
  states.published();
  return end.exitCode;
}

/** Says each command that ket runs, how it ended and how long it took. */
function talking(deps: Deps, masker: Masker): Deps {
  const say = (text: string): void => {
    process.stderr.write(`${escapeTerminal(masker.mask(text))}\n`);
  };
  return {
    ...deps,
    async exec(request) {
      const began = deps.clock.monotonic();
      const command = request.argv.join(' ');
      try {
        const result = await deps.exec(request);
        const end = result.signal ?? `exit code ${String(result.code)}`;
        say(`debug: ${command} (${end}, ${formatMs(deps.clock.monotonic() - began)})`);
        return result;
      } catch (error) {
        say(`debug: ${command} (${String(error)})`);
        throw error;
      }
    },
  };
}
