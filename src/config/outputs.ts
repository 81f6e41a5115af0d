import { z } from 'zod';

/** The one schema of the Action's outputs: it makes the type of what is set, action.yml and the tables. */

const count = z.int().min(0);

export const outputsSchema = z.strictObject({
  outcome: z
    .enum(['passed', 'failed', 'flaky', 'infra-error', 'skipped', 'cancelled'])
    .describe('`passed`, `failed`, `flaky`, `infra-error`, `skipped` or `cancelled`.'),
  'exit-code': z
    .int()
    .describe('0 passed, 1 failed, 2 wrong request or no test ran, 3 infrastructure error, 130 cancelled.'),
  'run-id': z.string().describe('Id of the run.'),
  'cluster-name': z.string().describe('Name of the Kind cluster; empty in a tier without one.'),
  kubeconfig: z.string().describe('Kubeconfig of the cluster, where that stays after the step; else empty.'),
  results: z.string().describe('Folder of the run: events, reports, and what each suite left.'),
  junit: z.string().describe('The merged JUnit file.'),
  coverage: z.string().describe('The merged coverage file; empty where no suite left one.'),
  summary: z.string().describe('The summary, in Markdown.'),
  counts: z
    .strictObject({ total: count, passed: count, failed: count, errors: count, skipped: count })
    .describe('Numbers of test cases as JSON: `total`, `passed`, `failed`, `errors`, `skipped`.'),
  tests: count.describe('Number of test cases: `total` of `counts`.'),
  failed: count.describe('Number of test cases that did not pass: `failed` and `errors` of `counts`.'),
  timings: z
    .record(z.string(), z.unknown())
    .describe('What took how long, as JSON: `timings.json` of the folder of the run.'),
  'artifact-id': z.string().describe('Id of the uploaded artifact; empty where none was taken.'),
  'artifact-url': z.string().describe('Address of the uploaded artifact; empty where none was taken.'),
});

export type Outputs = z.output<typeof outputsSchema>;
export type OutputName = keyof Outputs;

export const outputNames = Object.keys(outputsSchema.shape) as readonly OutputName[];

export const outputDescription = (name: OutputName): string => outputsSchema.shape[name].description ?? '';

/** Outputs as the runner takes them: texts, and JSON where there is more than one value. */
export function outputTexts(outputs: Partial<Outputs>): Partial<Record<OutputName, string>> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  );
}
