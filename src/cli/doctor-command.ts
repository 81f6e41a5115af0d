import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import type { Finding } from '../model/finding.ts';
import { checkMachine, preflightError } from '../cluster/preflight.ts';
import { nameOf } from '../pipeline/cleanup.ts';
import { readStates, stateHome } from '../pipeline/state.ts';
import { abandoned } from '../pipeline/sweep.ts';
import { escapeTerminal } from '../report/escape.ts';
import { realDeps } from './environment.ts';
import { planOf, type RunFlags } from './plans.ts';

const signs = { ok: '✓', warning: '!', error: '✗' } as const;

/** `ket doctor`: every finding with its cure; exit code 2 when a run could not work. */
export async function doctorCommand(flags: RunFlags): Promise<number> {
  const deps = realDeps();
  const { plan, notices } = planOf(flags, []);
  for (const text of notices) process.stderr.write(`${text}\n`);
  const signal = AbortSignal.timeout(10_000);
  const findings = await checkMachine(deps, { plan, signal, leftovers: () => leftovers(deps) });
  for (const { level, title, detail, cure } of findings) {
    process.stdout.write(`${signs[level]} ${escapeTerminal(`${title}: ${detail}`)}\n`);
    if (cure !== undefined) process.stdout.write(`    cure: ${escapeTerminal(cure)}\n`);
  }
  return preflightError(findings) === undefined ? 0 : 2;
}

/** What killed runs left, and states that cannot be read. */
async function leftovers(deps: Deps): Promise<Finding[]> {
  const home = stateHome(deps.env);
  const left = await abandoned(home, deps.clock.now());
  const found = left.flatMap(({ state }): Finding[] =>
    state.made.length === 0
      ? []
      : [
          {
            level: 'warning',
            title: 'leftovers',
            detail: `run ${state.run} left ${state.made.map(nameOf).join(', ')}`,
            cure: 'ket cleanup (the next run does it as well)',
          },
        ],
  );
  const unreadable = readStates(home).unreadable.map((file): Finding => ({
    level: 'warning',
    title: 'state',
    detail: `${path.basename(file)} cannot be read; what it lists is left alone`,
    cure: `look at ${file}, remove what it names by hand, then the file`,
  }));
  return [...found, ...unreadable];
}
