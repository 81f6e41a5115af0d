import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';

/** Values of the secrets that a plan's suites name, by the name of their variable. */
export type Secrets = ReadonlyMap<string, string>;

/** Takes them from the machine's environment. One that is not there is the user's to mend before anything starts. */
export function secretsOf(plan: Plan, env: Readonly<Record<string, string | undefined>>): Secrets {
  const found = new Map<string, string>();
  const missing: string[] = [];
  for (const suite of plan.suites)
    for (const name of suite.secrets) {
      const value = env[name];
      if (value === undefined || value === '') missing.push(`${name}, which suite ${suite.name} names`);
      else found.set(name, value);
    }
  if (missing.length > 0)
    throw new KetError('KET_PREREQUISITE', `no secret is set in the environment: ${missing.join('; ')}`, {
      where: plan.configPath ?? 'the inputs of the Action',
      next: 'set the variable; in a workflow: `env: {NAME: ${{ secrets.NAME }}}` of the step',
    });
  return found;
}
