import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { KetError } from '../../src/model/errors.ts';
import type { AnyObject, Kube, ObjectRef } from '../../src/model/kube.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import type { Made } from '../../src/model/state.ts';
import { KubeError } from '../../src/kube/error.ts';
import { Calm } from '../../src/suites/calm.ts';
import { runAttempt } from '../../src/suites/attempt.ts';
import type { AttemptResult } from '../../src/suites/verdict/attempt-result.ts';
import type { Pod } from '../../src/suites/pod/pod-state.ts';
import { openView } from '../../src/suites/pod/view.ts';
import { readTemplate } from '../../src/suites/job/template.ts';
import type { SuiteWorld } from '../../src/suites/world.ts';
import { noJournal } from '../../src/suites/journal.ts';
import { folder, removeFolders } from './support/folder.ts';
import { FakeKetRun, inResults, inState } from './support/ket-run.ts';
import {
  noOutbound,
  FakeCluster,
  fakeContext,
  fakeDeps,
  fakeState,
  type FakeContext,
} from './support/phases.ts';
import { aPod, aRecord, aSuite, ended, uid } from './support/suites.ts';

afterEach(removeFolders);

const root = path.join(import.meta.dirname, '..', '..');
const name = 'ket-r-api-1';

interface Stage {
  readonly cluster: FakeCluster;
  readonly ketRun: FakeKetRun;
  readonly context: FakeContext;
  /** Everything that happened to the cluster and to the state, in order. */
  readonly story: string[];
  readonly out: string;
  run(over?: Partial<SuiteWorld>, suite?: Partial<SuitePlan>): Promise<AttemptResult>;
}

/** A cluster in which the suite's pod runs as soon as its Job is there, and ends at once. */
function stage(
  pod: Pod = aPod(ended(0)),
  more: Partial<Kube> = {},
  signal = new AbortController().signal,
): Stage {
  const story: string[] = [];
  const ketRun = new FakeKetRun([
    inState('console.log', 'collected\n'),
    inResults('junit.xml', '<testsuite><testcase name="a"/></testsuite>'),
  ]);
  const cluster: FakeCluster = new FakeCluster({
    create: async <T>(object: AnyObject) => {
      story.push(`create ${object.kind}`);
      if (object.kind === 'Job') {
        const nonce = /--nonce,([0-9a-f]{32}),/.exec(String(commandOf(object)))?.[1] ?? '';
        const { exitCode = 0 } = pod.status?.containerStatuses?.[0]?.state?.terminated ?? {};
        ketRun.files = [
          ...ketRun.files,
          inState('record.json', JSON.stringify(aRecord({ nonce, exit_code: exitCode }))),
        ];
        const { namespace = '', labels = {} } = object.metadata ?? {};
        cluster.set('Pod', [{ ...pod, metadata: { ...pod.metadata, namespace, labels } }]);
      }
      return object as T;
    },
    delete: async (ref) => story.push(`delete ${ref.kind} ${ref.name}`) > 0,
    exec: async (request) => {
      story.push(`exec ${request.argv[1] ?? ''}`);
      void request.stdin?.then((word) => story.push(`told ${word.split(/\s/)[0] ?? ''}`));
      return ketRun.exec(request);
    },
    follow: async (_container, { onLine }) => {
      onLine({ seq: 0, printed: '', text: 'live' });
      return { lines: 1, complete: true, notices: [] };
    },
    ...more,
  });
  const context = { ...fakeContext(fakeDeps([]), []), signal };
  const out = path.join(folder(), 'attempt-1');
  const list = fakeState();
  const world: SuiteWorld = {
    runId: 'r',
    kube: cluster.kube,
    view: openView(cluster.kube),
    mayGetRoom: () => false,
    template: () => readTemplate({ root }, aSuite()),
    ketRun: Buffer.from('a'),
    calm: new Calm(context.deps.clock, () => false),
    nameserver: '10.96.0.10',
    namespace: { quota: {}, limitRange: [] },
    network: { domain: 'cluster.local', subnets: [] },
    outbound: noOutbound,
    namespaces: { shop: 'shop-ns' },
    image: undefined,
    keepFailedMs: 0,
    ephemeral: false,
    secrets: new Map([['TOKEN', 's3cret']]),
    mask: () => undefined,
    cluster: { name: 'mine', kubeconfig: '/k' },
    durations: new Map(),
    journal: noJournal,
    lists: {
      ...list,
      add: async (made) => void story.push(`${isLeaving(made) ? 'leave' : 'list'} ${titleOf(made)}`),
      remove: async (made) => void story.push(`forget ${titleOf(made)}`),
    },
  };
  const id = { run: 'r', suite: 'api', attempt: 1 };
  return {
    cluster,
    ketRun,
    context,
    story,
    out,
    run: async (over, suite) => {
      const result = await runAttempt({ ...world, ...over }, aSuite(suite), id, out, context);
      story.push('verdict');
      await result.leave?.();
      return result;
    },
  };
}

const isLeaving = (made: Made): boolean => made.type === 'object' && made.leaving === true;
const titleOf = (made: Made): string => (made.type === 'object' ? `${made.kind} ${made.name}` : made.type);

const commandOf = (job: AnyObject): unknown =>
  (job as unknown as { spec: { template: { spec: { containers: { command: string[] }[] } } } }).spec.template
    .spec.containers[0]?.command;

describe('an attempt in a cluster that stays', () => {
  test('listed before it is made; results home before anything is deleted; then all of it goes, newest first', async () => {
    const at = stage();
    const result = await at.run();
    expect(result.verdict).toEqual({ outcome: 'passed', message: '1 test passed' });
    // What came over while it ran is not of this test: its clock runs as fast as it can.
    const last = at.story.lastIndexOf('exec deliver');
    const story = at.story.filter((line, i) => i >= last || !/^exec (manifest|cat)$/.test(line));
    expect(story).toEqual([
      ...[`list Namespace ${name}`, `list PriorityClass ${name}`],
      ...['Namespace', 'PriorityClass'].map((kind) => `create ${kind}`),
      ...['ServiceAccount', 'Role', 'ConfigMap'].map((kind) => `create ${kind}`),
      ...['RoleBinding', 'Job'].map((kind) => `create ${kind}`),
      ...['exec deliver', 'told ack', 'verdict'],
      ...['delete Pod ket-api-1', `delete Job ${name}`, 'delete Pod ket-api-1'],
      ...[`delete PriorityClass ${name}`, `forget PriorityClass ${name}`],
      ...['delete Pod ket-api-1', `delete Namespace ${name}`, 'delete Pod ket-api-1'],
      `leave Namespace ${name}`,
      `forget Namespace ${name}`,
    ]);
  });

  test('what is left of it on disk', async () => {
    const at = stage();
    await at.run();
    expect(fs.readdirSync(at.out).sort()).toEqual([
      'console.log',
      'events.txt',
      'evidence.json',
      'pod.yaml',
      'record.json',
      'results',
    ]);
    expect(fs.readFileSync(path.join(at.out, 'console.log'), 'utf8')).toBe('collected\n');
    expect(fs.readFileSync(path.join(at.out, 'pod.yaml'), 'utf8')).toContain(`uid: ${uid}`);
    const { suite, ...evidence } = JSON.parse(
      fs.readFileSync(path.join(at.out, 'evidence.json'), 'utf8'),
    ) as Record<string, object>;
    expect(evidence).toMatchObject({ v: 1, uid, podGone: false, verdict: { outcome: 'passed' } });
    // Neither its environment nor anything else that decides nothing.
    expect(Object.keys(suite ?? {}).sort()).toEqual([
      'allowChildOom',
      'command',
      'expectTests',
      'image',
      'limitMs',
      'resources',
    ]);
  });

  test('results that cannot be had: said, the live log stands in, and never passed', async () => {
    const at = stage();
    at.ketRun.exitCode = () => 1;
    const result = await at.run();
    expect(result.verdict).toMatchObject({ outcome: 'infra-error', infraClass: 'no-proof' });
    expect(fs.readFileSync(path.join(at.out, 'console.log'), 'utf8')).toBe('live\n');
    const notices = at.context.events.flatMap((e) => (e.type === 'notice' ? [e.text] : []));
    expect(notices).toEqual([expect.stringMatching(/^api: results are not complete: no whole list/)]);
    // Without the results nobody may tell the pod that they are safe.
    expect(at.story).not.toContain('told ack');
    expect(at.story).not.toContain('exec ack');
  });

  test('lines that the live log lacks are named, whatever the follower says', async () => {
    const at = stage();
    const [, ...others] = at.ketRun.files;
    at.ketRun.files = [inState('console.log', 'live\nand more\n'), ...others];
    expect(await at.run()).toMatchObject({
      logComplete: false,
      logGaps: { missing: 1, ranges: [{ from: 2, to: 2 }] },
    });
  });

  test('a file that changed under the reader: never passed, however good the rest is', async () => {
    const at = stage();
    at.ketRun.files = [...at.ketRun.files, { ...inResults('shot.png', 'abc'), later: Buffer.from('abd') }];
    expect((await at.run()).verdict).toMatchObject({
      outcome: 'infra-error',
      infraClass: 'collection-incomplete',
    });
  });

  test('the verdict waits neither for the pod to leave nor for what is removed, and what is removed for the pod', async () => {
    const at = stage();
    const heard = Promise.withResolvers<undefined>();
    at.ketRun.onWord = heard.promise;
    const ran = at.run();
    const until = performance.now() + 4000;
    while (!at.story.includes('verdict') && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect(at.story.slice(-2)).toEqual(['told ack', 'verdict']);
    heard.resolve(undefined);
    await ran;
    expect(at.story.at(-1)).toBe(`forget Namespace ${name}`);
  });

  test('an acknowledgement that is not heard takes nothing back', async () => {
    const at = stage();
    at.ketRun.exitCode = (command) => (command === 'word' ? 6 : command === 'ack' ? 4 : 0);
    expect((await at.run()).verdict.outcome).toBe('passed');
    expect(at.story.filter((line) => line === 'exec ack')).toHaveLength(5);
    expect(at.context.events.filter((e) => e.type === 'notice')).toHaveLength(1);
  });

  test('one object that is refused: what was on its way beside it is there before all of it goes', async () => {
    const at = stage(undefined, {
      create: async (object) => {
        at.story.push(`create ${object.kind}`);
        if (object.kind === 'ServiceAccount') throw new Error('quota');
        for (let i = 0; i < 20; i++) await new Promise(setImmediate);
        at.story.push(`made ${object.kind}`);
        return object as never;
      },
    });
    expect((await at.run()).verdict.outcome).toBe('infra-error');
    expect(at.story).not.toContain('create RoleBinding');
    const gone = at.story.findIndex((line) => line.startsWith('delete'));
    expect(at.story.lastIndexOf('made ConfigMap')).toBeGreaterThan(0);
    expect(at.story.lastIndexOf('made ConfigMap')).toBeLessThan(gone);
  });

  test('what cannot be deleted is named with its cure, and stays listed', async () => {
    const at = stage(undefined, {
      delete: async (ref) => {
        if (ref.kind === 'Namespace') throw new Error('no answer');
        return true;
      },
    });
    await at.run();
    expect(at.context.events.filter((e) => e.type === 'leftover')).toEqual([
      {
        type: 'leftover',
        what: `Namespace ${name}`,
        why: 'no answer',
        cure: `kubectl delete namespace ${name}`,
      },
    ]);
    expect(at.story).not.toContain(`forget Namespace ${name}`);
  });

  test('a failed one is kept when that is asked: told to stay, nothing deleted, how to get in', async () => {
    const at = stage(aPod(ended(1)));
    const result = await at.run({ keepFailedMs: 60_000 });
    expect(result).toMatchObject({
      verdict: { outcome: 'failed' },
      kept: [{ namespace: name, pod: 'ket-api-1', container: 'ket' }],
    });
    expect(at.story.slice(-3)).toEqual(['exec deliver', 'told keep', 'verdict']);
    const passing = stage();
    expect((await passing.run({ keepFailedMs: 60_000 })).kept).toBeUndefined();
    expect(passing.story).toContain('told ack');
  });

  const waves = [['PriorityClass'], ['ServiceAccount', 'Role', 'ConfigMap'], ['RoleBinding'], ['Job']];

  test("in its release's namespace only its own objects are made, listed before that, and deleted", async () => {
    const at = stage();
    await at.run({}, { placement: 'release', needs: ['shop'] });
    expect(at.story.filter((line) => !/^exec|^told|Pod/.test(line))).toEqual([
      ...waves.flatMap((wave) =>
        ['list', 'create'].flatMap((how) =>
          wave.map((kind) => `${how} ${kind} ${how === 'list' ? name : ''}`.trim()),
        ),
      ),
      'verdict',
      ...waves
        .flat()
        .toReversed()
        .flatMap((kind) => [`delete ${kind} ${name}`, `forget ${kind} ${name}`]),
    ]);
  });

  test('its secrets are an object of their own, and no value of them stands in the Job', async () => {
    const made: AnyObject[] = [];
    const at = stage(undefined, {
      create: async <T>(object: AnyObject) => {
        made.push(object);
        if (object.kind === 'Job') throw new KubeError('stop', { status: 422, reason: 'Invalid', where: '' });
        return object as T;
      },
    });
    await at.run({}, { secrets: ['TOKEN'] });
    const of = (kind: string): string => JSON.stringify(made.find((object) => object.kind === kind));
    expect(made.map((object) => object.kind).slice(-4)).toEqual([
      'ConfigMap',
      'Secret',
      'RoleBinding',
      'Job',
    ]);
    expect(of('Secret')).toContain(`"data":{"TOKEN":"${Buffer.from('s3cret').toString('base64')}"}`);
    expect(of('Job')).toContain(
      `{"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"${name}","key":"TOKEN"}}}`,
    );
    expect(of('Job')).not.toContain('s3cret');
  });

  const takes: Partial<SuitePlan> = {
    needs: ['shop'],
    references: [{ text: 'release/shop/secret/db', release: 'shop', kind: 'Secret', name: 'db' }],
  };

  test('what it takes of a release is masked, then listed, made and deleted as its own, beside the release too', async () => {
    const at = stage(undefined, {
      get: async <T>({ kind, namespace, name: of }: ObjectRef) => {
        expect([kind, namespace, of]).toEqual(['Secret', 'shop-ns', 'db']);
        return { data: { password: Buffer.from('open sesame').toString('base64') } } as T;
      },
    });
    const mask = (secrets: ReadonlyMap<string, string>): void =>
      void at.story.push(`mask ${JSON.stringify([...secrets])}`);
    await at.run({ mask }, { ...takes, placement: 'release' });
    expect(at.story[0]).toBe('mask [["release/shop/secret/db/password","open sesame"]]');
    expect(at.story.filter((line) => / Secret/.test(line))).toEqual([
      `list Secret ${name}-of-1`,
      'create Secret',
      `delete Secret ${name}-of-1`,
      `forget Secret ${name}-of-1`,
    ]);
  });

  test('what a release has not: a fault of the configuration, and nothing was made', async () => {
    const at = stage(undefined, { get: async () => undefined });
    at.cluster.set('Secret', [{ metadata: { name: 'shop-db' } }]);
    expect((await at.run({}, takes)).verdict).toEqual({
      outcome: 'infra-error',
      infraClass: 'configuration',
      message: 'release/shop/secret/db: there is no Secret db in namespace shop-ns; there is shop-db',
    });
    expect(at.story).toEqual(['verdict']);
  });

  test('rights that it gets in the namespace of a release are listed one by one', async () => {
    const at = stage();
    await at.run({}, { needs: ['shop'] });
    expect(at.story.filter((line) => line.startsWith('list'))).toEqual(
      ['Namespace', 'PriorityClass', 'Role', 'RoleBinding'].map((kind) => `list ${kind} ${name}`),
    );
  });
});

describe('an attempt that does not come to its end', () => {
  test('in a cluster that goes away with the run, nothing is listed or deleted one by one', async () => {
    const at = stage();
    await at.run({ ephemeral: true });
    expect(at.story.filter((line) => /list|delete|forget/.test(line))).toEqual([]);
  });

  test.each<[string, Error, string]>([
    ['refused', new KubeError('forbidden', { status: 403, reason: 'Forbidden', where: '' }), 'denied'],
    [
      'over a quota',
      new KubeError('exceeded quota: jobs', { status: 403, reason: 'Forbidden', where: '' }),
      'quota',
    ],
    ['invalid', new KubeError('invalid', { status: 422, reason: 'Invalid', where: '' }), 'configuration'],
    ['no answer', new KubeError('gone', { status: 0, reason: 'ECONNRESET', where: '' }), 'lost-contact'],
    ['a template that lacks its containers', new KetError('KET_CONFIG', 'no suite'), 'configuration'],
  ])('%s: never ran, what was made is deleted', async (_name, error, infraClass) => {
    const at = stage(undefined, {
      create: async (object) => {
        if (object.kind === 'ConfigMap') throw error;
        return object as never;
      },
    });
    const result = await at.run();
    expect(result.verdict).toEqual({ outcome: 'infra-error', infraClass, message: error.message });
    expect(at.story.slice(-3)).toEqual(
      ['delete', 'leave', 'forget'].map((what) => `${what} Namespace ${name}`),
    );
  });

  test('a cancel while its objects are made is a cancel, not a refusal', async () => {
    const cancel = new AbortController();
    const at = stage(
      undefined,
      {
        create: async () => {
          cancel.abort(new KetError('KET_CANCELLED', 'cancelled by SIGINT'));
          throw cancel.signal.reason;
        },
      },
      cancel.signal,
    );
    expect((await at.run()).verdict.outcome).toBe('cancelled');
  });

  test('a cancel while it runs: results so far come home, then all of it is deleted', async () => {
    const cancel = new AbortController();
    const at = stage(aPod({ running: {} }), {}, cancel.signal);
    setTimeout(() => cancel.abort(new KetError('KET_CANCELLED', 'cancelled by SIGINT')), 50);
    const result = await at.run();
    expect(result.verdict.outcome).toBe('cancelled');
    expect(result.results.proof.counts.total).toBe(1);
    expect(at.story.indexOf('exec deliver')).toBeLessThan(at.story.indexOf(`delete Namespace ${name}`));
    expect(at.story.at(-1)).toBe(`forget Namespace ${name}`);
  });

  test("the end of the task's own limit is no cancel by the user", async () => {
    const limit = new AbortController();
    const at = stage(aPod({ running: {} }), {}, limit.signal);
    setTimeout(() => limit.abort(new KetError('KET_TIMEOUT', 'api: not done within 2 h')), 50);
    expect((await at.run()).verdict).toEqual({
      outcome: 'infra-error',
      infraClass: 'lost-contact',
      message: 'api: not done within 2 h',
    });
  });

  test('a pod that vanishes after its end, before its results are here: that is the reason', async () => {
    const at: Stage = stage(aPod(ended(0)), {
      // Not the first look while it runs, which ends with it.
      exec: ({ signal }) =>
        new Promise((_resolve, reject) => {
          const fail = (): void =>
            reject(new KubeError('not found', { status: 404, reason: 'NotFound', where: '' }));
          signal.addEventListener('abort', fail);
          setTimeout(() => {
            if (!signal.aborted) at.cluster.set('Pod', []);
            fail();
          }, 50);
        }),
    });
    expect((await at.run()).verdict).toMatchObject({ outcome: 'infra-error', infraClass: 'deleted' });
  });

  test('a pod that vanishes is no failure of the test', async () => {
    const at = stage(aPod({ running: {} }));
    setTimeout(() => at.cluster.set('Pod', []), 50);
    expect((await at.run()).verdict).toMatchObject({ outcome: 'infra-error', infraClass: 'deleted' });
  });
});
