import { describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { parse } from 'yaml';
import { attemptLimits } from '../../src/suites/limits.ts';
import { argvOf } from '../../src/suites/job/argv.ts';
import { jobFor } from '../../src/suites/job/job.ts';
import type { Job, JobInput } from '../../src/suites/job/job-input.ts';
import { aSuite, nonce } from './support/suites.ts';

const shipped = parse(
  fs.readFileSync(path.join(import.meta.dirname, '..', '..', 'templates', 'test-job.yaml'), 'utf8'),
) as Job;

const input = (over: Partial<JobInput> = {}): JobInput => ({
  id: { run: '1121-120000-ab12', suite: 'api', attempt: 2 },
  suite: aSuite(),
  template: shipped,
  namespace: 'ket-ns',
  limits: attemptLimits(60_000, 0, 600_000),
  nonce,
  image: { user: '', entrypoint: ['/entry'], cmd: ['serve'] },
  dns: { nameserver: '10.96.0.10', searches: ['ket-ns.svc.cluster.local', 'svc.cluster.local'] },
  releaseNamespaces: ['shop', 'cache'],
  outbound: { env: {} },
  ...over,
});

interface Parts {
  readonly job: Job;
  readonly pod: NonNullable<NonNullable<Job['spec']>['template']['spec']>;
  readonly main: NonNullable<Parts['pod']['containers']>[number];
  readonly side: Parts['main'];
}

function parts(over: Partial<JobInput> = {}): Parts {
  const job = jobFor(input(over));
  const pod = job.spec?.template.spec;
  const main = pod?.containers.find((c) => c.name === 'suite');
  const side = pod?.initContainers?.find((c) => c.name === 'ket');
  if (pod === undefined || main === undefined || side === undefined) throw new Error('not a whole Job');
  return { job, pod, main, side };
}

/** The template with its pod's spec, or its Job's, changed. */
function template(pod: object, job: object = {}): Job {
  const copy = structuredClone(shipped) as { spec: { template: { spec: object } } };
  Object.assign(copy.spec.template.spec, pod);
  Object.assign(copy.spec, job);
  return copy as unknown as Job;
}

describe('the Job of an attempt', () => {
  test('the volume of the results holds what is brought home, and a little more', () => {
    const sizes = (over: Partial<JobInput>): unknown =>
      Object.fromEntries((parts(over).pod.volumes ?? []).map((v) => [v.name, v.emptyDir?.sizeLimit]));
    expect(sizes({})).toMatchObject({ results: '5Gi', 'ket-state': '2Gi', 'ket-home': undefined });
    const caps = { bytes: 2 ** 20, fileBytes: 1, files: 1 };
    expect(sizes({ suite: aSuite({ caps }) })).toMatchObject({ results: '1025Mi' });
    const volumes = [{ name: 'results', emptyDir: { sizeLimit: '8Mi' } }];
    expect(sizes({ template: template({ volumes }) })).toMatchObject({ results: '8Mi' });
    const claim = [{ name: 'results', persistentVolumeClaim: { claimName: 'c' } }];
    expect(parts({ template: template({ volumes: claim }) }).pod.volumes?.[0]).toEqual(claim[0]);
  });

  test('names, labels, place', () => {
    const { job, pod } = parts();
    const labels = {
      'app.kubernetes.io/managed-by': 'ket',
      'ket.dev/run': '1121-120000-ab12',
      'ket.dev/suite': 'api',
      'ket.dev/attempt': '2',
    };
    const name = 'ket-1121-120000-ab12-api-2';
    expect(job).toMatchObject({ kind: 'Job', metadata: { name, namespace: 'ket-ns', labels } });
    expect(job.spec?.template.metadata?.labels).toEqual(labels);
    expect(pod.serviceAccountName).toBe(name);
    expect(pod.volumes?.find((v) => v.name === 'ket-bin')).toEqual({
      name: 'ket-bin',
      configMap: {
        name,
        defaultMode: 0o555,
        items: [
          { key: 'ket-run', path: 'ket-run' },
          { key: 'durations.tsv', path: 'durations.tsv', mode: 0o444 },
        ],
      },
    });
  });

  test('shards: a pod for each index, and none goes down because another failed', () => {
    const { job, main } = parts({
      suite: aSuite({ shards: 3 }),
      template: template({}, { backoffLimit: 2 }),
    });
    expect(job.spec).toMatchObject({
      ...{ completionMode: 'Indexed', completions: 3, parallelism: 3, backoffLimitPerIndex: 0 },
    });
    expect(job.spec).not.toHaveProperty('backoffLimit');
    const fieldPath = "metadata.labels['batch.kubernetes.io/job-completion-index']";
    expect(main.env).toContainEqual({ name: 'KET_SHARD', valueFrom: { fieldRef: { fieldPath } } });
    expect(main.env).toContainEqual({ name: 'KET_SHARDS', value: '3' });
  });

  test('replicas have an index too; a suite of one pod is the one shard of one', () => {
    const { main } = parts({ suite: aSuite({ replicas: 2 }) });
    expect(main.env?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['KET_REPLICA', 'KET_REPLICAS']),
    );
    const alone = parts().main.env;
    expect(alone).toContainEqual({ name: 'KET_SHARD', value: '0' });
    expect(alone).toContainEqual({ name: 'KET_SHARDS', value: '1' });
  });

  test('one pod, once, without rights over the node', () => {
    const { job, pod, main, side } = parts();
    expect(job.spec).toMatchObject({
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: 'Failed',
    });
    expect(pod.restartPolicy).toBe('Never');
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const container of [main, side])
      expect(container.securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      });
    expect(side.restartPolicy).toBe('Always');
  });

  test('the wrapper and the sidecar are told of each other by nonce and UID', () => {
    const { main, side } = parts();
    expect(main.command).toEqual([
      '/ket/bin/ket-run',
      'wrap',
      ...['--state', '/ket/state', '--results', '/results', '--nonce', nonce, '--uid', '$(KET_POD_UID)'],
      ...['--limit-ms', '60000', '--grace-ms', '10000', '--', '/bin/sh', '-c', 'pytest tests'],
    ]);
    expect(side.command).toEqual([
      '/ket/bin/ket-run',
      'hold',
      ...['--state', '/ket/state', '--results', '/results', '--nonce', nonce, '--uid', '$(KET_POD_UID)'],
      ...['--contact-ms', '600000', '--grace-ms', '300000'],
    ]);
    const podUid = { name: 'KET_POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } };
    expect(main.env).toContainEqual(podUid);
    expect(side.env).toEqual([podUid]);
    expect([main.image, side.image]).toEqual(['shop-tests:dev', 'shop-tests:dev']);
  });

  test('what the suite finds in its environment; its own values win over the template and over ket', () => {
    const { main } = parts({ suite: aSuite({ env: { HOME: '/mine', KET_SUITE: 'other' } }) });
    const env = Object.fromEntries((main.env ?? []).map((e) => [e.name, e.value]));
    expect(env).toMatchObject({
      PYTHONUNBUFFERED: '1',
      HOME: '/mine',
      TMPDIR: '/ket/home',
      KET_RUN_ID: '1121-120000-ab12',
      KET_SUITE: 'other',
      KET_ATTEMPT: '2',
      KET_SUITE_ID: 'ket_1121_120000_ab12_api_2',
      KET_RESULTS: '/results',
      KET_NAMESPACE: 'ket-ns',
      KET_RELEASE_NAMESPACES: 'shop,cache',
    });
    expect(new Set((main.env ?? []).map((e) => e.name)).size).toBe(main.env?.length);
    expect(main.resources).toEqual({
      requests: { cpu: '100m', memory: '64Mi' },
      limits: { memory: '256Mi' },
    });
  });

  test('the way out of the cluster, unless the suite, a secret or the template has its own, in either spelling', () => {
    const env = {
      ...{ HTTPS_PROXY: 'http://p:1', https_proxy: 'http://p:1', NO_PROXY: 'db', no_proxy: 'db' },
      ...{ SSL_CERT_FILE: '/a', GIT_SSL_CAINFO: '/a', TMPDIR: '/wrong' },
    };
    const outbound = { env, authorities: 'pem' };
    const suite = aSuite({ env: { https_proxy: '' }, secrets: ['SSL_CERT_FILE'] });
    const { main, side, pod } = parts({ outbound, suite });
    const got = Object.fromEntries((main.env ?? []).map((e) => [e.name, e.value ?? e.valueFrom]));
    expect(got).toMatchObject({
      ...{ https_proxy: '', NO_PROXY: 'db', no_proxy: 'db' },
      GIT_SSL_CAINFO: '/a',
    });
    expect(got).toMatchObject({
      TMPDIR: '/ket/home',
      SSL_CERT_FILE: { secretKeyRef: { key: 'SSL_CERT_FILE' } },
    });
    expect(Object.keys(got)).not.toContain('HTTPS_PROXY');
    expect((side.env ?? []).map((e) => e.name)).not.toContain('NO_PROXY');
    const items = (job: typeof pod): unknown =>
      job.volumes?.find((v) => v.name === 'ket-bin')?.configMap?.items;
    expect(items(pod)).toEqual([
      { key: 'ket-run', path: 'ket-run' },
      { key: 'durations.tsv', path: 'durations.tsv', mode: 0o444 },
      { key: 'authorities.pem', path: 'authorities.pem', mode: 0o444 },
    ]);
    expect(items(parts().pod)).toHaveLength(2);
  });

  test('folders whose files come back are parts of the results; shared memory has its size', () => {
    const { main, pod } = parts({ suite: aSuite({ results: ['/app/reports'], shm: '1Gi' }) });
    expect(main.volumeMounts).toEqual(
      expect.arrayContaining([
        { name: 'results', mountPath: '/results' },
        { name: 'results', mountPath: '/app/reports', subPath: 'app/reports' },
        { name: 'ket-shm', mountPath: '/dev/shm' },
      ]),
    );
    expect(pod.volumes).toContainEqual({ name: 'ket-shm', emptyDir: { medium: 'Memory', sizeLimit: '1Gi' } });
  });

  test('short names of services are found as beside the releases', () => {
    expect(parts().pod).toMatchObject({
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['10.96.0.10'],
        searches: ['ket-ns.svc.cluster.local', 'svc.cluster.local'],
        options: [{ name: 'ndots', value: '5' }],
      },
    });
  });

  test('a dollar is a dollar: Kubernetes expands nothing in commands and values', () => {
    const { main } = parts({ suite: aSuite({ command: 'echo $HOME $(X) $$', env: { A: 'a$(B)$$c' } }) });
    expect(main.command?.at(-1)).toBe('echo $$HOME $$(X) $$$$');
    expect(main.env?.find((e) => e.name === 'A')?.value).toBe('a$$(B)$$$$c');
  });

  test('without access to the API there is no token', () => {
    expect(parts().pod.automountServiceAccountToken).toBe(true);
    expect(parts({ suite: aSuite({ api: 'none' }) }).pod.automountServiceAccountToken).toBe(false);
  });

  test.each([
    ['', 10001, 10001],
    ['root', 10001, 10001],
    ['0:0', 10001, 10001],
    ['app', 10001, 10001],
    ['app:1000', 10001, 10001],
    ['1000', 1000, 1000],
    ['1000:0', 1000, 1000],
    ['1000:2000', 1000, 2000],
    ['1000:staff', 1000, 1000],
  ])('user of an image with user "%s": %i:%i, never root', (user, uid, gid) => {
    const image = { user, entrypoint: [], cmd: [] };
    const { pod } = parts({ image });
    expect(pod.securityContext).toMatchObject({ runAsUser: uid, runAsGroup: gid, fsGroup: gid });
  });

  test('nothing is known of the image: an unprivileged user', () => {
    expect(parts({ image: undefined }).pod.securityContext?.runAsUser).toBe(10001);
  });
});

describe('limits', () => {
  test('nest: suite < collection < pod < Job; the grace covers collection and keeping', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 86_400_000 }),
        fc.integer({ min: 0, max: 86_400_000 }),
        (suite, keep) => {
          const limits = attemptLimits(suite, keep, 600_000);
          const { job, pod } = parts({ limits });
          const podMs = (pod.activeDeadlineSeconds ?? 0) * 1000;
          expect(limits.suiteMs + limits.killMs + limits.collectMs + keep).toBeLessThan(podMs);
          expect(podMs).toBeLessThan((job.spec?.activeDeadlineSeconds ?? 0) * 1000);
          expect((pod.terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThanOrEqual(
            limits.collectMs + keep,
          );
          expect((job.spec?.ttlSecondsAfterFinished ?? 0) * 1000).toBeGreaterThanOrEqual(
            Math.max(keep, 3_600_000),
          );
        },
      ),
    );
  });

  test('a Job of which nothing is kept has an hour, and the times that it may be pending and queued', () => {
    expect(attemptLimits(60_000, 0, 600_000).jobMs).toBe(3_600_000 + 600_000 + 3_600_000);
  });
});

describe('a template of the user', () => {
  test('keeps what it adds', () => {
    const own = template({ nodeSelector: { disk: 'ssd' }, volumes: [{ name: 'x', emptyDir: {} }] });
    const { pod } = parts({ template: own });
    expect(pod.nodeSelector).toEqual({ disk: 'ssd' });
    expect(pod.volumes?.map((v) => v.name)).toEqual(['x', 'ket-bin']);
  });

  test('may not change what the verdict rests on', () => {
    const [first] = shipped.spec?.template.spec?.containers ?? [];
    const [side] = shipped.spec?.template.spec?.initContainers ?? [];
    const {
      job,
      pod,
      main,
      side: sidecar,
    } = parts({
      template: template(
        {
          restartPolicy: 'OnFailure',
          activeDeadlineSeconds: 1,
          terminationGracePeriodSeconds: 1,
          containers: [{ ...first, image: 'other', command: ['true'], args: ['--fast'] }, { name: 'more' }],
          initContainers: [{ name: 'own' }, { ...side, args: ['x'], restartPolicy: undefined }],
        },
        { backoffLimit: 6, completions: 3, parallelism: 3, podReplacementPolicy: 'TerminatingOrFailed' },
      ),
    });
    expect(job.spec).toMatchObject({
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: 'Failed',
    });
    expect(pod).toMatchObject({
      restartPolicy: 'Never',
      activeDeadlineSeconds: 430,
      terminationGracePeriodSeconds: 300,
    });
    expect(main.image).toBe('shop-tests:dev');
    expect(main.command?.slice(0, 2)).toEqual(['/ket/bin/ket-run', 'wrap']);
    expect([main.args, sidecar.args]).toEqual([undefined, undefined]);
    expect(sidecar.restartPolicy).toBe('Always');
    expect(pod.containers.map((c) => c.name)).toEqual(['more', 'suite']);
    expect(pod.initContainers?.map((c) => c.name)).toEqual(['own', 'ket']);
  });

  test.each([
    ['no suite', { containers: [{ name: 'tests' }] }],
    ['no sidecar', { initContainers: [] }],
    ['no init containers at all', { initContainers: undefined }],
  ])('%s: an error of the configuration, with the file', (_name, pod) => {
    const suite = aSuite({ template: '/repo/job.yaml' });
    expect(() => jobFor(input({ suite, template: template(pod) }))).toThrow(
      expect.objectContaining({ code: 'KET_CONFIG', where: '/repo/job.yaml' }),
    );
  });

  test('something that is no Job is an error of the configuration', () => {
    for (const other of [{ kind: 'Pod' }, {}])
      expect(() => jobFor(input({ template: other }))).toThrow(
        expect.objectContaining({ code: 'KET_CONFIG' }),
      );
  });
});

describe('the argv of a suite', () => {
  const image = { user: '', entrypoint: ['/entry', '-v'], cmd: ['serve'] };
  test.each([
    ['a string, by the shell', { command: 'a | b' }, ['/bin/sh', '-c', 'a | b']],
    [
      'a string and words after --: handed over unquoted',
      { command: 'pytest', args: ['-k', "it's $x"] },
      ['/bin/sh', '-c', 'pytest "$@"', 'sh', '-k', "it's $x"],
    ],
    ['a list', { command: ['a', 'b c'] }, ['a', 'b c']],
    ['a list and words after --', { command: ['a'], args: ['b c'] }, ['a', 'b c']],
  ])('%s', (_name, over, want) => {
    expect(argvOf(aSuite(over), image)).toEqual(want);
  });

  test('none: the own entry point of the image, its words replaced by those after --', () => {
    const { command: _command, ...suite } = aSuite();
    expect(argvOf(suite, image)).toEqual(['/entry', '-v', 'serve']);
    expect(argvOf({ ...suite, args: ['x'] }, image)).toEqual(['/entry', '-v', 'x']);
    for (const unknown of [undefined, { user: '', entrypoint: [], cmd: [] }])
      expect(() => argvOf(suite, unknown)).toThrow(expect.objectContaining({ code: 'KET_CONFIG' }));
  });
});
