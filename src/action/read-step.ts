import { findAssets } from '../cli/environment.ts';
import { withVersions } from '../cli/versions.ts';
import { planFromInputs, type Inputs } from '../config/index.ts';
import { maskerOf, type Masker } from '../model/mask.ts';
import type { Plan } from '../model/plan.ts';
import { escapes } from '../report/escape.ts';
import { secretsOf, type Secrets } from '../suites/job/secrets.ts';
import type { CommandGuard } from './command-guard.ts';
import { readInputs } from './inputs.ts';

/** What the inputs of this step come to; the same in main and in post. */
export interface Step {
  readonly inputs: Inputs;
  readonly plan: Plan;
  readonly notices: readonly string[];
  readonly secrets: Secrets;
  readonly masker: Masker;
}

/** Reads and checks everything that can be wrong before anything starts. */
export function readStep(guard: CommandGuard): Step {
  // It registers masks, which the runner must heed.
  const inputs = guard.own(readInputs);
  const { plan, notices } = withVersions(
    planFromInputs(inputs, {
      workspace: process.env['GITHUB_WORKSPACE'] ?? process.cwd(),
      assets: findAssets(process.argv[1] ?? '.').root,
      env: process.env,
    }),
  );
  const secrets = new Map([
    ...secretsOf(plan, process.env),
    ...(inputs.token === undefined ? [] : [['token', inputs.token] as const]),
  ]);
  return { inputs, plan, notices, secrets, masker: maskerOf(secrets, escapes) };
}
