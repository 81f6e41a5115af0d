import { ofTheRunner } from '../model/runner.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Carries a run's id to all that it starts: by it a later run finds what a killed one left running. */
export const childEnvName = 'KET_OWNER';

/** The environment of commands that ket starts. Pure. */
export function childEnv(env: Env, more: Env = {}): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => !ofTheRunner.test(name));
  const all = [...kept, ...Object.entries(more)];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
