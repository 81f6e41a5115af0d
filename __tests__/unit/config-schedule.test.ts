import { afterEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { parse, parseAllDocuments } from 'yaml';
import { cronProblem } from '../../src/config/cron.ts';
import { checkout, workflowOf } from '../../src/config/schedule-workflow.ts';
import { longestMs } from '../../src/config/schedule.ts';
import { folder, removeFolders } from './support/folder.ts';
import { aPlan } from './support/phases.ts';
import { aProcessSuite } from './support/suites.ts';

afterEach(removeFolders);

const root = path.join(import.meta.dirname, '..', '..');

describe('the times of a schedule', () => {
  test.each(['17 3 * * *', '*/5 * * * *', '0 0,12 1-15/2 JAN-mar Mon-FRI', '0 0 29 2 *', ' 5  4 * * 0 '])(
    '%j is right',
    (text) => {
      expect(cronProblem(text)).toBeUndefined();
    },
  );
  test.each([
    ['', 'has 1 field'],
    ['@daily', 'is not known to GitHub'],
    ['* * * *', 'has 4 fields'],
    ['* * * * * *', 'has 6 fields'],
    ['60 * * * *', '"60" is no minute: a number from 0 to 59'],
    ['* 24 * * *', '"24" is no hour'],
    ['* * 0 * *', '"0" is no day of the month'],
    ['* * * 13 *', '"13" is no month: a number from 1 to 12 or a name like FEB'],
    ['* * * * 7', '"7" is no day of the week'],
    ['* * * * funday', '"funday" is no day of the week'],
    ['5-1 * * * *', '"5-1" runs backwards'],
    ['*/0 * * * *', 'has a step of 0'],
    ['5/10 * * * *', 'write "5-59/10"'],
    ['1,,2 * * * *', '"" is no minute'],
    ['1-2-3 * * * *', '"1-2-3" is no minute'],
    ['? * * * *', '"?" is no minute'],
    ['0 0 31 2,4 *', 'never comes: no such month has a day 31'],
  ])('%j: %s', (text, message) => {
    expect(cronProblem(text)).toContain(message);
  });

  test('every list of values in their ranges is right', () => {
    const field = (least: number, most: number): fc.Arbitrary<string> =>
      fc.oneof(
        fc.constant('*'),
        fc
          .array(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 4 })
          .map((all) => all.join(',')),
        fc
          .tuple(
            fc.integer({ min: least, max: most }),
            fc.integer({ min: least, max: most }),
            fc.integer({ min: 1, max: 9 }),
          )
          .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}/${step}`),
      );
    // Up to day 28, which every month has.
    const times = fc.tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6));
    fc.assert(fc.property(times, (all) => cronProblem(all.join(' ')) === undefined));
  });
});

const config = `tiers:
  night:
    soak: 2h
    schedule: {cron: "17  3 * * *", image: "shop/tests:1"}
    suites:
      - {name: a, command: "true", timeout: 10m, retries: 1, secrets: [TOKEN], requires: {env: [SHOP_URL, TOKEN]}}
  bare: {suites: [{name: a, command: "true"}]}
  plain: {schedule: {cron: "0 0 * * *"}, suites: [{name: a, command: "true"}]}
  kind:
    cluster: {config: kind.yaml}
    schedule: {cron: "0 0 * * *", image: "i:1"}
    suites: [{name: a, image: "i:1", command: "true"}]
  there:
    cluster: {context: prod}
    schedule: {cron: "0 0 * * *", image: "i:1"}
    suites: [{name: a, image: "i:1", command: "true"}]
  pinned:
    cluster: {context: prod}
    images: [{name: "r.example/i:1", build: ., digest: "sha256:${'a'.repeat(64)}"}]
    schedule: {cron: "0 0 * * *", image: "i:1"}
    suites: [{name: a, image: "r.example/i:1", command: "true"}]
`;

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ket(cwd: string, ...args: readonly string[]): Ran {
  const program = path.join(root, 'src', 'cli', 'index.ts');
  const env = { PATH: process.env['PATH'], HOME: cwd };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-warnings', program, 'schedule', ...args],
    {
      ...{ cwd, env, encoding: 'utf8' },
    },
  );
  return { code: status, stdout, stderr };
}

function project(): string {
  const at = folder();
  fs.mkdirSync(path.join(at, 'shop'));
  for (const folderOf of [at, path.join(at, 'shop')]) {
    fs.writeFileSync(path.join(folderOf, 'ket.yaml'), config);
    fs.writeFileSync(path.join(folderOf, 'Dockerfile'), 'FROM scratch\n');
    fs.writeFileSync(path.join(folderOf, 'kind.yaml'), 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n');
  }
  return at;
}

describe('ket schedule', () => {
  test('a workflow: its times, its secrets, no rights but to read', () => {
    const { code, stdout, stderr } = ket(project(), '--tier', 'night', '--config', 'shop/ket.yaml');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(parse(stdout)).toEqual({
      name: 'ket night',
      on: { schedule: [{ cron: '17 3 * * *' }], workflow_dispatch: null },
      permissions: {},
      concurrency: { group: 'ket-night', 'cancel-in-progress': false },
      jobs: {
        ket: {
          ...{ name: 'night', 'runs-on': 'ubuntu-latest', 'timeout-minutes': 200 },
          environment: 'ket-night',
          permissions: { contents: 'read' },
          steps: [
            { uses: checkout.split(' ')[0], with: { 'persist-credentials': false } },
            {
              ...{ id: 'ket', uses: 'org/ket-action@v1' },
              env: { SHOP_URL: '${{ secrets.SHOP_URL }}', TOKEN: '${{ secrets.TOKEN }}' },
              with: { tier: 'night', config: 'shop/ket.yaml' },
            },
          ],
        },
      },
    });
  });

  test('what is written for production mode runs in it', () => {
    const flags = ['--tier', 'pinned', '--production'];
    expect(ket(project(), ...flags).stdout).toContain('          production: true\n');
    expect(ket(project(), ...flags, '--as', 'cronjob').stdout).toMatch(/- --production\n/);
    expect(ket(project(), '--tier', 'there').stdout).not.toContain('production');
    // Without it the run would end at once, night after night.
    const { code, stderr } = ket(project(), '--tier', 'pinned');
    expect([code, stderr]).toEqual([2, expect.stringContaining('tier pinned builds r.example/i:1')]);
  });

  test('the checkout is that of the examples, by its commit', () => {
    const example = fs.readFileSync(path.join(root, 'examples', 'workflows', 'staging.yml'), 'utf8');
    expect(example).toContain(`uses: ${checkout}\n`);
    expect(checkout).toMatch(/@[0-9a-f]{40} # v/);
  });

  test("a soak longer than a job of GitHub's own runners goes to one of the project's", () => {
    const plan = aPlan({ tier: 'long', soakMs: 8 * 3_600_000 });
    const text = workflowOf({ plan, cron: '0 0 * * *', config: 'ket.yaml', variables: [] });
    expect((parse(text) as { jobs: { ket: object } }).jobs.ket).toMatchObject({
      'runs-on': 'self-hosted',
      'timeout-minutes': Math.ceil(longestMs(plan) / 60_000),
    });
  });

  test('a CronJob: one at a time, in UTC, without any right where there is no cluster', () => {
    const { code, stdout } = ket(project(), '--tier', 'night', '--as', 'cronjob', '--namespace', 'nightly');
    expect(code).toBe(0);
    const objects = parseAllDocuments(stdout).map((one) => one.toJS() as Record<string, unknown>);
    expect(objects.map(({ kind }) => kind)).toEqual([
      ...['Namespace', 'ServiceAccount', 'PersistentVolumeClaim', 'CronJob'],
    ]);
    const name = 'ket-night';
    expect(objects.at(-1)).toMatchObject({
      metadata: { name, namespace: 'nightly' },
      spec: {
        ...{ schedule: '17 3 * * *', timeZone: 'Etc/UTC', concurrencyPolicy: 'Forbid' },
        jobTemplate: {
          spec: {
            // Two hours, two attempts of ten minutes, an hour.
            ...{ backoffLimit: 0, activeDeadlineSeconds: 12_000 },
            template: {
              spec: {
                ...{ serviceAccountName: name, automountServiceAccountToken: false, restartPolicy: 'Never' },
                containers: [
                  {
                    image: 'shop/tests:1',
                    command: expect.arrayContaining(['--tier', 'night', '--output', '/results']),
                    env: expect.arrayContaining([
                      { name: 'TOKEN', valueFrom: { secretKeyRef: { name, key: 'TOKEN', optional: true } } },
                    ]),
                  },
                ],
              },
            },
          },
        },
      },
    });
  });

  test('in a cluster that is there: what the tier needs, and a kubeconfig with the token of the pod', () => {
    const { code, stdout } = ket(project(), '--tier', 'there', '--as', 'cronjob');
    expect(code).toBe(0);
    const objects = parseAllDocuments(stdout).map((one) => one.toJS() as { readonly kind: string });
    const role = objects.find(({ kind }) => kind === 'ClusterRole') as unknown as {
      rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
    };
    const granted = role.rules.flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${apiGroups.join()}/${resource}`)),
    );
    expect(granted).toEqual(
      expect.arrayContaining(['create batch/jobs', 'patch coordination.k8s.io/leases', 'get /pods/log']),
    );
    expect(granted.join()).not.toContain('*');
    expect(stdout).toContain('tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token');
    expect(stdout).toMatch(/- --kubeconfig\n +- \/etc\/ket\/kubeconfig/);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no schedule', ['--tier', 'bare'], /tier bare has no schedule[^]*ket\.yaml:7/],
    [
      'no image',
      ['--tier', 'plain', '--as', 'cronjob'],
      /tier plain has no image for its pod[^]*ket\.yaml:8/,
    ],
    ['a Kind cluster', ['--tier', 'kind', '--as', 'cronjob'], /for which a pod has no Docker/],
    [
      'a namespace that is none',
      ['--tier', 'night', '--as', 'cronjob', '--namespace', 'A_b'],
      /--namespace: /,
    ],
    ['another kind', ['--tier', 'night', '--as', 'timer'], /Allowed choices are workflow, cronjob/],
  ])('%s is refused', (_name, args, message) => {
    const { code, stdout, stderr } = ket(project(), ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('a file is made with its folders, and never overwritten unless that is asked', () => {
    const at = project();
    const to = '.github/workflows/night.yml';
    const file = path.join(at, to);
    expect(ket(at, '--tier', 'night', '--to', to)).toEqual({ code: 0, stdout: '', stderr: `wrote ${to}\n` });
    const text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, 'mine');
    const again = ket(at, '--tier', 'night', '--to', to);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain(`${to} is there already`);
    expect(fs.readFileSync(file, 'utf8')).toBe('mine');
    expect(ket(at, '--tier', 'night', '--to', to, '--force').code).toBe(0);
    expect(fs.readFileSync(file, 'utf8')).toBe(text);
  });
});

test('the time of a run is all that its parts may take', () => {
  const suites = [aProcessSuite({ limitMs: 1000, retries: 2 }), aProcessSuite({ limitMs: 500 })];
  expect(longestMs(aPlan({ suites, soakMs: 10_000 }))).toBe(3000 + 500 + 10_000 + 3_600_000);
});
