import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { realClock } from '../../src/tools/clock.ts';
import type { SoakJson } from '../../src/report/soak-json.ts';
import {
  eventsOf,
  fixture,
  ket,
  kubectl,
  namespacesBut,
  readJson,
  root,
  sandbox,
  up,
  type Ran,
  type Sandbox,
} from './ket.ts';

/** Suites that are repeated, schedules, and several tiers of one command, on a cluster that stays. */

let box: Sandbox;
let project = '';
let cluster = '';
let kubeconfig = '';
const image = 'fixture:dev';
const scheduledImage = 'soak-scheduled:dev';

/** An image with ket, a Node of this machine with its libraries, and the project. */
function writeScheduledImage(folder: string): void {
  const copy = (from: string, to: string): void =>
    fs.cpSync(from, path.join(folder, 'files', to), { recursive: true, dereference: true });
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of libraries) copy(file, file);
  copy(process.execPath, '/usr/bin/node');
  for (const part of ['bin', 'dist/cli', 'dist/ket-run', 'templates', 'package.json'])
    copy(path.join(root, part), `/opt/ket/${part}`);
  const { scheduled } = tiers;
  fs.mkdirSync(path.join(folder, 'files', 'project'));
  fs.writeFileSync(
    path.join(folder, 'files', 'project', 'ket.yaml'),
    JSON.stringify({ tiers: { scheduled } }),
  );
  fs.writeFileSync(
    path.join(folder, 'Dockerfile'),
    'FROM busybox:1.36\nCOPY files /\nRUN ln -s /opt/ket/bin/ket /usr/bin/ket\nWORKDIR /project\n',
  );
}

/** Its container ends once, 25 s after its start, and stays up then. */
const ends = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'svc' },
  spec: {
    selector: { matchLabels: { app: 'svc' } },
    template: {
      metadata: { labels: { app: 'svc' } },
      spec: {
        volumes: [{ name: 'data', emptyDir: {} }],
        containers: [
          {
            ...{ name: 'svc', image, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
            command: [
              '/bin/sh',
              '-c',
              '[ -e /data/ran ] || { touch /data/ran; sleep 25; exit 1; }; sleep 3600',
            ],
          },
        ],
      },
    },
  },
};

const tiers = {
  up: {
    images: [
      { name: image, build: fixture },
      { name: scheduledImage, build: 'scheduled' },
    ],
    suites: [
      { name: 'a', image, command: 'true', expectTests: false },
      { name: 'b', image: scheduledImage, command: 'true', expectTests: false },
    ],
  },
  soak: {
    soak: '45s',
    onUnhealthy: 'report',
    releases: [{ name: 'svc', chart: 'svc' }],
    suites: [
      { name: 'api', image, command: 'junit a b' },
      // Its third attempt is that of the third round.
      {
        name: 'third',
        image,
        needs: [],
        command: 'if [ $KET_ATTEMPT = 3 ]; then junit a -b; exit 1; else junit a; fi',
      },
    ],
  },
  long: {
    schedule: { cron: '0 0 * * *', image },
    suites: [{ name: 'api', image, command: 'junit a; echo round $KET_ATTEMPT; sleep 3' }],
  },
  tight: {
    budget: { time: '1s', memory: '16Mi' },
    suites: [
      {
        name: 'tight',
        image,
        command: 'junit a; echo ready; head -c 40000000 /dev/zero | tail -c 40000000 | wc -c; sleep 4',
      },
    ],
  },
  failing: { suites: [{ name: 'failing', image, command: 'junit a -b; exit 1' }] },
  scheduled: {
    cluster: { context: 'of-nobody-here' },
    images: [],
    schedule: { cron: '17 3 * * 1-5', image: scheduledImage },
    suites: [{ name: 'one', image, command: 'junit a', priority: 'smoke' }],
  },
};

beforeAll(async () => {
  box = sandbox();
  project = path.join(box.home, 'project');
  const files = {
    'kind.yaml': fs.readFileSync(path.join(root, 'kind-configs', 'integration.yaml'), 'utf8'),
    'svc/Chart.yaml': 'apiVersion: v2\nname: svc\nversion: 0.1.0\n',
    'svc/templates/all.yaml': JSON.stringify(ends),
    'ket.yaml': JSON.stringify({
      tiers: {
        ...Object.fromEntries(
          Object.entries(tiers).map(([name, tier]) => [
            name,
            { cluster: { config: 'kind.yaml' }, images: [{ name: image, build: fixture }], ...tier },
          ]),
        ),
        here: {
          schedule: { cron: '17 3 * * *', image: 'shop-tests:dev' },
          suites: [{ name: 'one', command: 'true', expectTests: false }],
        },
      },
    }),
  };
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    fs.writeFileSync(path.join(project, name), text);
  }
  writeScheduledImage(path.join(project, 'scheduled'));
  ({ name: cluster, kubeconfig } = await up('up', project, box));
}, 300_000);
afterAll(async () => {
  await ket({ args: ['down'], cwd: project, box });
  box.remove();
}, 120_000);

const run = (tier: string, more: Partial<Parameters<typeof ket>[0]> = {}, ...flags: string[]): Promise<Ran> =>
  ket({ args: ['run', '--tier', tier, '--cluster', cluster, ...flags], cwd: project, box, ...more });

const soakOf = ({ folder }: Ran): SoakJson => readJson(path.join(folder, 'soak.json')) as SoakJson;

test('a soak: rounds with attempts of their own, memory and restarts of the release, and nothing left', async () => {
  const ran = await run('soak');
  const json = soakOf(ran);
  expect({ code: ran.code, ended: json.ended }).toEqual({ code: 1, ended: 'time' });
  const { total } = json.rounds;
  expect(total).toBeGreaterThan(3);
  expect(json.rounds).toEqual({ total, passed: total - 1, failed: 1 });
  expect(json.lastedMs).toBeGreaterThanOrEqual(45_000);
  expect(json.badRounds).toEqual([
    {
      ...{ round: 3, outcome: 'failed' },
      suites: [{ suite: 'third', outcome: 'failed', folders: ['suites/third/attempt-3'] }],
    },
  ]);
  const [api, third] = json.suites;
  expect(api).toMatchObject({ suite: 'api', rounds: { passed: total }, memoryPeakBytes: { rounds: total } });
  expect(third).toMatchObject({ suite: 'third', rounds: { passed: total - 1, failed: 1 } });
  const [svc] = json.releases;
  expect(svc).toMatchObject({ release: 'svc', restarts: 1 });
  expect(svc?.memoryBytes.largest).toBeGreaterThan(10_000);
  expect(eventsOf(ran, 'suite-ended').at(-1)?.message).toMatch(
    /^failed in 1, passed in \d+ of \d+ rounds; first in round 3: 1 of 2 tests failed/,
  );
  for (const attempt of [1, 3, total])
    expect(fs.existsSync(path.join(ran.folder, 'suites', 'third', `attempt-${attempt}`, 'console.log'))).toBe(
      true,
    );
  expect(fs.existsSync(path.join(ran.folder, 'suites', 'third', 'attempt-2'))).toBe(total < 6);
  const page = fs.readFileSync(path.join(ran.folder, 'summary.md'), 'utf8');
  expect(page).toContain('rounds that did not pass: 3 (failed)');
  expect(page).toMatch(/\| release svc \|.* KiB .*\| 1 \|/);
  expect(await namespacesBut(kubeconfig)).toEqual([]);
  expect(box.states()).toHaveLength(1);
}, 400_000);

test('a soak that is cancelled ends with what is there, and leaves nothing', async () => {
  const ran = await run(
    'long',
    {
      onEvent(event, pid) {
        if (event.type === 'log' && event.line === 'round 2') process.kill(pid, 'SIGINT');
      },
    },
    '--soak',
    '1h',
  );
  expect(ran.code).toBe(130);
  expect(soakOf(ran)).toMatchObject({ ended: 'cancelled', rounds: { total: 2, passed: 1, cancelled: 1 } });
  const second = path.join(ran.folder, 'suites', 'api', 'attempt-2');
  expect(fs.readFileSync(path.join(second, 'console.log'), 'utf8')).toBe('round 2\n');
  expect(eventsOf(ran, 'leftover')).toEqual([]);
  expect(await namespacesBut(kubeconfig)).toEqual([]);
}, 300_000);

test('the CronJob of a tier passes the API server, for restricted pods too, and is not overwritten', async () => {
  const ask = (...more: string[]): Promise<Ran> =>
    ket({ args: ['schedule', '--as', 'cronjob', '--tier', 'here', ...more], cwd: project, box });
  const said = await ask();
  expect(said.code).toBe(0);
  const written = await ask('--to', 'cron.yaml');
  expect({ code: written.code, stderr: written.stderr }).toEqual({ code: 0, stderr: 'wrote cron.yaml\n' });
  const file = path.join(project, 'cron.yaml');
  expect(fs.readFileSync(file, 'utf8')).toBe(said.stdout);
  const again = await ask('--to', 'cron.yaml');
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('cron.yaml is there already');
  expect((await ask('--to', 'cron.yaml', '--force')).code).toBe(0);
  kubectl(kubeconfig, 'create', 'namespace', 'ket');
  try {
    kubectl(kubeconfig, 'label', 'namespace', 'ket', 'pod-security.kubernetes.io/enforce=restricted');
    const lines = kubectl(kubeconfig, 'apply', '--dry-run=server', '--validate=strict', '-f', file);
    expect(lines).toContain('cronjob.batch/ket-here created (server dry run)');
    kubectl(kubeconfig, 'apply', '-f', file);
    // Its pod, as the API server takes it under `restricted`.
    kubectl(kubeconfig, 'create', 'job', '-n', 'ket', '--from=cronjob/ket-here', 'now');
    const podOf = (): string =>
      kubectl(kubeconfig, 'get', 'pods', '-n', 'ket', '-l', 'job-name=now', '-o', 'name');
    for (let tries = 0; tries < 50 && podOf() === ''; tries++) await realClock.sleep(200);
    expect(podOf()).toContain('pod/now');
  } finally {
    kubectl(kubeconfig, 'delete', 'namespace', 'ket', '--wait=true');
  }
  const kind = await ket({
    args: ['schedule', '--as', 'cronjob', '--tier', 'long'],
    cwd: project,
    box,
  });
  expect(kind.code).toBe(2);
  expect(kind.stderr).toContain('tier long makes a Kind cluster, for which a pod has no Docker');
}, 200_000);

test('a CronJob runs its tier in the cluster that it stands in, with the rights that it gets', async () => {
  const file = path.join(project, 'scheduled.yaml');
  const scheduled = ['schedule', '--as', 'cronjob', '--tier', 'scheduled', '--to', file, '--force'];
  expect((await ket({ args: scheduled, cwd: project, box })).stderr).toContain('wrote');
  const inKet = (...args: string[]): string => kubectl(kubeconfig, '-n', 'ket', ...args);
  try {
    kubectl(kubeconfig, 'apply', '-f', file);
    inKet('create', 'job', 'once', '--from=cronjob/ket-scheduled');
    // Whatever it comes to: complete or failed.
    inKet('wait', '--for=jsonpath={.status.conditions[0].type}', '--timeout=120s', 'job/once');
    const log = inKet('logs', 'job/once');
    expect(log).toMatch(/PASSED {2}tier scheduled · 1 suite /);
    expect(log).not.toMatch(/warning|left behind/);
    expect(inKet('get', 'job', 'once', '-o', 'jsonpath={.status.succeeded}')).toBe('1');
    expect(await namespacesBut(kubeconfig, 'ket')).toEqual([]);
  } finally {
    kubectl(kubeconfig, 'delete', '--ignore-not-found', '-f', file);
  }
}, 200_000);

test('several tiers: one exit code, a table, and what was over its budget', async () => {
  const output = path.join(box.home, 'series');
  const ran = await run('tight,failing', { output }, '--format', 'plain');
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(/warning: over budget: the run took .*, and its tier has 1 s/);
  expect(ran.stderr).toMatch(
    /warning: over budget: suites used .* of memory at once, and their tier has 16\.0 MiB/,
  );
  const table = ran.stderr.trim().split('\n').slice(-3);
  expect(table).toEqual([
    expect.stringMatching(/^ {2}✓ tight {4}passed {2}1 passed · .* · .*series\//),
    expect.stringMatching(/^ {2}✗ failing {2}failed {2}1 failed, 1 passed · /),
    expect.stringMatching(/^FAILED {2}2 runs · .* · exit code 1$/),
  ]);
  const folders = fs.readdirSync(output).filter((name) => name !== 'latest');
  expect(folders).toHaveLength(2);
  const summaries = folders
    .sort()
    .map((name) => fs.readFileSync(path.join(output, name, 'summary.md'), 'utf8'));
  expect(summaries[0]).toMatch(/passed: tier tight[^]*over budget: the run took/);
  expect(summaries[1]).toMatch(/failed: tier failing/);
  expect(summaries[1]).not.toContain('over budget');
  expect(await namespacesBut(kubeconfig)).toEqual([]);
}, 200_000);

test('a cancel in the first of several tiers keeps the second from starting', async () => {
  const output = path.join(box.home, 'stopped');
  const ran = await run('tight,failing', {
    output,
    onEvent(event, pid) {
      if (event.type === 'log' && event.line === 'ready') process.kill(pid, 'SIGINT');
    },
  });
  expect(ran.code).toBe(130);
  expect(ran.stderr).toContain('tier failing did not run: cancelled before it started');
  expect(fs.readdirSync(output).filter((name) => name !== 'latest')).toHaveLength(1);
  expect(eventsOf(ran, 'run-ended')[0]).toMatchObject({ outcome: 'cancelled', exitCode: 130 });
  expect(await namespacesBut(kubeconfig)).toEqual([]);
}, 200_000);
