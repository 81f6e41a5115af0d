import type { ScheduleInput } from './schedule.ts';
import { longestMs } from './schedule.ts';

/** As the examples have it; a test holds them together. */
export const checkout = 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1';
export const action = 'org/ket-action@v1';

/** Jobs of GitHub's own runners are ended after six hours. */
const hostedMinutes = 360;

/** A workflow that runs a tier at its times, and when somebody asks for it. */
export function workflowOf(input: ScheduleInput): string {
  const { plan, cron, config, variables } = input;
  const minutes = Math.ceil(longestMs(plan) / 60_000);
  const isLong = (plan.soakMs ?? 0) / 60_000 > hostedMinutes - 60;
  const runner = isLong
    ? [
        "    # A soak that is longer than the six hours which a job has on GitHub's own runners.",
        '    runs-on: self-hosted # zizmor: ignore[self-hosted-runner] no other runs for so long',
      ]
    : ['    runs-on: ubuntu-latest'];
  const timeout = isLong ? minutes : Math.min(minutes, hostedMinutes);
  return [
    `# Runs tier ${plan.tier} at its times (UTC). Written by ket schedule; the times stand in ${config}.`,
    `name: ${quoted(`ket ${plan.tier}`)}`,
    'on:',
    '  schedule:',
    `    - cron: ${quoted(cron)}`,
    '  workflow_dispatch:',
    '',
    'permissions: {}',
    '',
    '# One at a time, and none is cut off.',
    'concurrency:',
    `  group: ${quoted(`ket-${plan.tier}`)}`,
    '  cancel-in-progress: false',
    '',
    'jobs:',
    '  ket:',
    `    name: ${quoted(plan.tier)}`,
    ...runner,
    `    timeout-minutes: ${timeout}`,
    ...(variables.length === 0
      ? []
      : ['    # Its secrets are for this workflow alone.', `    environment: ${quoted(`ket-${plan.tier}`)}`]),
    '    permissions:',
    '      contents: read',
    '    steps:',
    `      - uses: ${checkout}`,
    '        with:',
    '          persist-credentials: false',
    '      - id: ket',
    `        uses: ${action}`,
    ...(variables.length === 0
      ? []
      : ['        env:', ...variables.map((name) => `          ${name}: \${{ secrets.${name} }}`)]),
    '        with:',
    `          tier: ${quoted(plan.tier)}`,
    ...(config === 'ket.yaml' ? [] : [`          config: ${quoted(config)}`]),
    ...(plan.production ? ['          production: true'] : []),
    '',
  ].join('\n');
}

/** Single quotes: nothing in them means anything to YAML, but for the quote itself. */
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
