import type { Plan } from '../../model/plan.ts';

/** Values of the secrets that a plan's suites, releases and registries name, by the name of their variable. */
export type Secrets = ReadonlyMap<string, string>;

/** Takes them from the machine's environment. That all are there is checked with the plan, before anything starts. */
export function secretsOf(plan: Plan, env: Readonly<Record<string, string | undefined>>): Secrets {
  const names = new Set([
    ...plan.suites.flatMap((suite) => suite.secrets),
    ...plan.releases.flatMap(({ secrets }) => secrets.map(({ variable }) => variable)),
    ...plan.registries.flatMap(({ login }) => login?.password ?? []),
  ]);
  return new Map([...names].map((name) => [name, env[name] ?? '']));
}
