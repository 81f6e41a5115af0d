import { describe, expect, test } from '@jest/globals';
import { attemptLimits } from '../../src/suites/limits.ts';
import { changesOf } from '../../src/suites/job/job-changes.ts';
import { jobFor } from '../../src/suites/job/job.ts';
import type { Job, JobInput } from '../../src/suites/job/job-input.ts';
import { mainContainerOfPod } from '../../src/suites/job/in-pod.ts';
import { templateOf } from '../../src/suites/job/own-job.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import { aSuite, nonce } from './support/suites.ts';

const container = {
  name: 'tests',
  image: 'shop-tests:dev',
  command: ['/bin/sh', '-c', 'echo $(POD_IP) $$HOME'],
  args: ['$(WORD)'],
  env: [{ name: 'WORD', value: 'x' }],
  resources: { requests: { cpu: '1' } },
  securityContext: { runAsUser: 1000, runAsGroup: 100, capabilities: { add: ['NET_RAW'] } },
  volumeMounts: [{ name: 'data', mountPath: '/data' }],
};
const manifest = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'e2e', namespace: 'team', labels: { team: 'shop' }, annotations: { note: 'n' } },
  spec: {
    backoffLimit: 6,
    completions: 1,
    suspend: true,
    ttlSecondsAfterFinished: 0,
    podFailurePolicy: { rules: [] },
    template: {
      metadata: { labels: { app: 'e2e' } },
      spec: {
        restartPolicy: 'OnFailure',
        serviceAccountName: 'e2e',
        securityContext: { fsGroup: 7 },
        initContainers: [{ name: 'wait', image: 'busybox' }],
        containers: [container, { name: 'proxy', image: 'envoy:1' }],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
    },
  },
} as unknown as Job;
const own = { file: '/repo/job.yaml', container: 'tests' };

const { command: _command, ...plain } = aSuite();
const suite = (over: Partial<SuitePlan> = {}): SuitePlan => ({
  ...plain,
  job: own,
  resources: { requests: { cpu: '1' }, limits: {} },
  ...over,
});

const input = (over: Partial<SuitePlan>, job: Job): JobInput => ({
  id: { run: 'r', suite: 'api', attempt: 1 },
  suite: suite(over),
  template: templateOf(job, 'tests'),
  namespace: 'ns',
  limits: attemptLimits(60_000, 0, 600_000),
  nonce,
  image: { user: '', entrypoint: ['/entry'], cmd: ['serve'] },
  dns: { nameserver: '10.96.0.10', searches: [] },
  releaseNamespaces: [],
  outbound: { env: {} },
});

function made(over: Partial<SuitePlan> = {}, job: Job = manifest) {
  const whole = jobFor(input(over, job));
  const pod = whole.spec?.template.spec;
  const main = pod?.containers.find(({ name }) => name === 'tests');
  const side = pod?.initContainers?.find(({ name }) => name === 'ket');
  if (pod === undefined || main === undefined || side === undefined) throw new Error('not a whole Job');
  return { whole, pod, main, side, argv: main.command?.slice(main.command.indexOf('--') + 1) };
}
/** The manifest with its main container, or its pod, changed. */
const changed = (main: object, pod: object = {}): Job => {
  const copy = structuredClone(manifest) as unknown as {
    spec: { template: { spec: { containers: object[] } } };
  };
  const { spec } = copy.spec.template;
  Object.assign(spec.containers[0] ?? {}, main);
  Object.assign(spec, pod);
  return copy as unknown as Job;
};

describe("a Job of the user's own", () => {
  test('runs as its author means it, its command wrapped', () => {
    const { whole, pod, main, argv } = made();
    expect(argv).toEqual(['/bin/sh', '-c', 'echo $(POD_IP) $$HOME', '$(WORD)']);
    expect(main).toMatchObject({
      image: 'shop-tests:dev',
      resources: { requests: { cpu: '1' }, limits: {} },
      securityContext: container.securityContext,
      env: expect.arrayContaining([{ name: 'WORD', value: 'x' }]),
    });
    expect(main.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([
      '/data',
      '/ket/bin',
      '/ket/state',
      '/results',
    ]);
    expect(main.args).toBeUndefined();
    expect(pod.containers.map(({ name }) => name).sort()).toEqual(['proxy', 'tests']);
    expect(pod.initContainers?.map(({ name }) => name)).toEqual(['wait', 'ket']);
    expect(pod).toMatchObject({ restartPolicy: 'Never', securityContext: { fsGroup: 7 } });
    expect(pod.securityContext).toEqual({ fsGroup: 7 });
    expect(whole.metadata).toMatchObject({ name: 'ket-r-api-1', namespace: 'ns', labels: { team: 'shop' } });
    expect(whole.spec).toMatchObject({ backoffLimit: 0, completions: 1, parallelism: 1 });
    expect(whole.spec?.ttlSecondsAfterFinished).toBe(3600);
    for (const key of ['suspend', 'podFailurePolicy']) expect(whole.spec).not.toHaveProperty(key);
    expect(mainContainerOfPod(whole.spec?.template ?? {})).toBe('tests');
  });

  test('the sidecar has the user of the main container and no right besides', () => {
    expect(made().side).toMatchObject({
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 100,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      },
    });
  });

  test('ket.yaml goes before it only in what it says', () => {
    const { main, argv } = made({
      command: 'echo $HOME',
      env: { WORD: 'y$' },
      workingDir: '/app',
      args: ['-k', 'a$b'],
    });
    expect(argv).toEqual(['/bin/sh', '-c', 'echo $$HOME "$$@"', 'sh', '-k', 'a$$b']);
    expect(main.env).toContainEqual({ name: 'WORD', value: 'y$$' });
    expect(main.env).not.toContainEqual({ name: 'WORD', value: 'x' });
    expect(made({ args: ['a$b'] }).argv?.slice(-2)).toEqual(['$(WORD)', 'a$$b']);
    expect(made({ setup: 'a $b' }).argv).toEqual([
      ...['/bin/sh', '-c', expect.stringContaining('$$@'), 'sh', 'a $$b', '300', ''],
      ...['/bin/sh', '-c', 'echo $(POD_IP) $$HOME', '$(WORD)'],
    ]);
  });

  test('args alone are those of the entry point; neither, and it is the image that says', () => {
    expect(made({}, changed({ command: undefined })).argv).toEqual(['/entry', '$(WORD)']);
    expect(made({}, changed({ command: undefined, args: undefined })).argv).toEqual(['/entry', 'serve']);
    const unknown = (main: object): unknown => jobFor({ ...input({}, changed(main)), image: undefined });
    for (const args of [undefined, ['x']])
      expect(() => unknown({ command: undefined, args })).toThrow(
        expect.objectContaining({
          code: 'KET_CONFIG',
          where: '/repo/job.yaml',
          message: expect.stringMatching(/the entry point of shop-tests:dev is not known here/),
          next: expect.stringMatching(/container tests a command in its Job, or list its image/),
        }),
      );
  });

  test('results in a volume of its own are read from there', () => {
    const mounts = [{ name: 'data', mountPath: '/results', subPath: 'out' }];
    const { main, side, pod } = made({ results: ['/app/shots'] }, changed({ volumeMounts: mounts }));
    expect(side.volumeMounts).toContainEqual(mounts[0]);
    expect(main.volumeMounts?.filter(({ mountPath }) => mountPath === '/results')).toEqual(mounts);
    expect(main.volumeMounts).toContainEqual({ name: 'data', mountPath: '/app/shots', subPath: 'app/shots' });
    expect(pod.volumes?.map(({ name }) => name)).toEqual(['data', 'ket-state', 'ket-bin']);
  });

  test('its account is kept where it can be: in the namespace of a release', () => {
    expect(made().pod).toMatchObject({
      serviceAccountName: 'ket-r-api-1',
      automountServiceAccountToken: true,
    });
    const beside = made({ placement: 'release' }).pod;
    expect(beside.serviceAccountName).toBe('e2e');
    expect(beside).not.toHaveProperty('automountServiceAccountToken');
    const none = changed({}, { serviceAccountName: undefined });
    expect(made({ placement: 'release' }, none).pod.serviceAccountName).toBe('ket-r-api-1');
  });

  test('every change is listed, and nothing else', () => {
    const lines = changesOf(manifest, made().whole);
    expect(lines).toEqual(
      expect.arrayContaining([
        'metadata.name: "e2e" → "ket-r-api-1"',
        'spec.backoffLimit: 6 → 0',
        'spec.suspend: true → nothing',
        'spec.template.spec.restartPolicy: "OnFailure" → "Never"',
        'spec.template.spec.serviceAccountName: "e2e" → "ket-r-api-1"',
        'spec.template.spec.containers[tests].args: ["$(WORD)"] → nothing',
        'spec.template.spec.containers[tests].volumeMounts[/ket/state]: nothing → {"name":"ket-state","mountPath":"/ket/state"}',
        expect.stringMatching(/^spec\.template\.spec\.initContainers\[ket\]: nothing → /),
        expect.stringMatching(
          /^spec\.template\.spec\.containers\[tests\]\.command: \["\/bin\/sh","-c".*"wrap"/,
        ),
        expect.stringMatching(/^metadata\.labels\."ket\.dev\/run": nothing → "r"$/),
      ]),
    );
    expect(lines.filter((line) => /proxy|\[wait\]|fsGroup|\[data\]|env\[WORD\]/.test(line))).toEqual([]);
    expect(changesOf(manifest, structuredClone(manifest))).toEqual([]);
    expect(changesOf({ a: [1, 2] }, { a: [2, 1] })).toEqual(['a: [1,2] → [2,1]']);
  });
});
