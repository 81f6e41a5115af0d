import type { z } from 'zod';
import { inputNames, inputsSchema, type InputName, type Inputs } from './inputs.ts';
import { inputProblem, inputsError, nearest, type Problem } from './problems.ts';

/** What other actions call it. */
const otherNames: Readonly<Record<string, InputName>> = {
  version: 'kind-version',
  'kubectl-version': 'kubernetes-version',
  'cluster-config': 'kind-config',
  'cluster-name': 'cluster',
  wait: 'cluster-timeout',
  command: 'test-command',
  run: 'test-command',
  args: 'test-command',
  suite: 'suites',
  junit: 'results-path',
  results: 'results-path',
  'github-token': 'token',
  'values-file': 'values',
  release: 'release-name',
  verbosity: 'log-level',
};

/**
 * Checks inputs as the runner gives them: texts by name, an empty one being none. One KetError names every wrong input,
 * what is allowed and what was probably meant. GitHub only warns of an input that is not there; here it is an error,
 * because a run without what was asked for would be believed.
 */
export function parseInputs(given: Readonly<Record<string, string | undefined>>): Inputs {
  const texts = Object.fromEntries(
    Object.entries(given)
      .map(([key, value]) => [key, (value ?? '').trim()] as const)
      .filter(([key, value]) => value !== '' || !inputNames.some((known) => known === key)),
  );
  const parsed = inputsSchema.safeParse(texts);
  if (parsed.success) return parsed.data;
  throw inputsError(parsed.error.issues.flatMap((issue) => problemsOf(issue, texts)));
}

function problemsOf(issue: z.core.$ZodIssue, texts: Readonly<Record<string, string>>): Problem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(unknownInput);
  const which = String(issue.path[0]);
  const value = texts[which] ?? '';
  if (issue.code !== 'invalid_value') return [inputProblem(which, issue.message)];
  const allowed = issue.values.map(String);
  const words = `${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1) ?? ''}`;
  const suggestion = habit(value, allowed) ?? nearest(value, allowed);
  return [
    inputProblem(which, `must be ${words}, not "${value}"`, suggestion === undefined ? {} : { suggestion }),
  ];
}

function unknownInput(key: string): Problem {
  const suggestion = otherNames[key.replaceAll('_', '-')] ?? nearest(key, inputNames);
  return inputProblem(
    key,
    'there is no such input',
    suggestion === undefined ? { allowed: inputNames } : { suggestion },
  );
}

/** Words for true and false in other tools. */
function habit(value: string, allowed: readonly string[]): string | undefined {
  if (!allowed.includes('true')) return undefined;
  if (/^(yes|on|y|1|true)$/i.test(value)) return 'true';
  return /^(no|off|n|0|false)$/i.test(value) ? 'false' : undefined;
}
