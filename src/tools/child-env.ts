type Env = Readonly<Record<string, string | undefined>>;

/** Carries a run's id to all that it starts: by it a later run finds what a killed one left running. */
export const childEnvName = 'KET_OWNER';

/**
 * What a GitHub runner hands to an Action but not to a `run:` step: tokens of its services, the Action's inputs and
 * state. And the files by which a step changes later ones. No command that ket starts has a right to them, least of
 * all the tests.
 */
const ofTheRunner = /^(ACTIONS_|INPUT_|STATE_)|^GITHUB_(ENV|OUTPUT|PATH|STATE|STEP_SUMMARY)$/;

/** The environment of commands that ket starts. Pure. */
export function childEnv(env: Env, more: Env = {}): Record<string, string> {
  const kept = Object.entries(env).filter(([name]) => !ofTheRunner.test(name));
  const all = [...kept, ...Object.entries(more)];
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
