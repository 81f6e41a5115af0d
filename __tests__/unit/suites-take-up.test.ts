import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { KubeError } from '../../src/kube/error.ts';
import type { AnyObject, Kube, ObjectRef } from '../../src/model/kube.ts';
import { openJournal, takeJournal, type Journal } from '../../src/pipeline/journal.ts';
import { Calm } from '../../src/suites/calm.ts';
import { runAttempt } from '../../src/suites/attempt.ts';
import type { AttemptResult } from '../../src/suites/verdict/attempt-result.ts';
import { attemptLabels } from '../../src/suites/names.ts';
import type { Pod } from '../../src/suites/pod/pod-state.ts';
import { readTemplate } from '../../src/suites/job/template.ts';
import { openView } from '../../src/suites/pod/view.ts';
import { folder, removeFolders } from './support/folder.ts';
import { FakeKetRun, inResults, inState } from './support/ket-run.ts';
import { aPlan, FakeCluster, fakeContext, fakeDeps, fakeState, noOutbound } from './support/phases.ts';
import { aPod, aRecord, aSuite, ended, nonce, uid } from './support/suites.ts';

afterEach(removeFolders);

const root = path.join(import.meta.dirname, '..', '..');
const id = { run: 'r', suite: 'api', attempt: 1 };
const name = 'ket-r-api-1';
const refused = (status: number): KubeError =>
  new KubeError('refused', { status, reason: 'AlreadyExists', where: 'POST' });

interface Stage {
  readonly story: string[];
  readonly out: string;
  readonly journal: Journal;
  readonly ketRun: FakeKetRun;
  /** The notices. */
  readonly said: readonly string[];
  run(): Promise<AttemptResult>;
}

interface Before {
  /** What the process wrote down that died. */
  readonly wrote: (journal: Journal) => void;
  readonly pods?: readonly Pod[];
  /** What is in the cluster under the name of an object that is to be made. */
  readonly there?: (ref: ObjectRef) => AnyObject | undefined;
}

/** A cluster as a driver left it that died, with a journal that was read from its file. */
function stage({ wrote, pods = [], there = () => undefined }: Before): Stage {
  const file = path.join(folder(), 'r.journal');
  wrote(openJournal(file, { v: 1, ket: '0', plan: aPlan(), keepFailedMs: 0, up: false }));
  const journal = takeJournal(file);
  const story: string[] = [];
  const ketRun = new FakeKetRun([
    inState('console.log', 'collected\n'),
    inState('record.json', JSON.stringify(aRecord({ nonce }))),
    inResults('junit.xml', '<testsuite><testcase name="a"/></testsuite>'),
  ]);
  const kube: Partial<Kube> = {
    create: async <T>(object: AnyObject) => {
      story.push(`create ${object.kind}`);
      const { name: named = '', namespace } = object.metadata ?? {};
      const ref = { apiVersion: object.apiVersion, kind: object.kind, name: named };
      if (there(namespace === undefined ? ref : { ...ref, namespace }) !== undefined) throw refused(409);
      return object as T;
    },
    get: async <T>(ref: ObjectRef) =>
      (ref.kind === 'Pod' ? pods.find(({ metadata }) => metadata?.name === ref.name) : there(ref)) as
        T | undefined,
    delete: async (ref) => story.push(`delete ${ref.kind}`) > 0,
    exec: async (request) => {
      story.push(`exec ${request.argv[1] ?? ''}`);
      void request.stdin?.then((word) => story.push(`told ${word.trim()}`));
      return ketRun.exec(request);
    },
    follow: async (_container, { onLine }) => {
      onLine({ seq: 0, printed: '', text: 'live' });
      return { lines: 1, complete: true, notices: [] };
    },
  };
  const cluster = new FakeCluster(kube);
  cluster.set(
    'Pod',
    pods.map((pod) => ({
      ...pod,
      metadata: { ...pod.metadata, namespace: name, labels: attemptLabels(id) },
    })),
  );
  const context = fakeContext(fakeDeps([]), []);
  const out = path.join(folder(), 'attempt-1');
  return {
    story,
    out,
    journal,
    ketRun,
    get said() {
      return context.events.flatMap((event) => (event.type === 'notice' ? [event.text] : []));
    },
    run: () =>
      runAttempt(
        {
          ...{ runId: 'r', kube: cluster.kube, view: openView(cluster.kube), mayGetRoom: () => false },
          template: () => readTemplate({ root }, aSuite()),
          ketRun: Buffer.from('a'),
          calm: new Calm(context.deps.clock, () => false),
          ...{ nameserver: '10.96.0.10', outbound: noOutbound, namespaces: {} },
          namespace: { quota: {}, limitRange: [] },
          network: { domain: 'cluster.local', subnets: [] },
          ...{ durations: new Map(), mask: () => undefined },
          ...{ image: undefined, keepFailedMs: 0, ephemeral: true, secrets: new Map(), journal },
          cluster: { name: 'mine', kubeconfig: '/k' },
          lists: fakeState(),
        },
        aSuite(),
        id,
        out,
        context,
      ),
  };
}

const begun = (journal: Journal): void => journal.begin(id, nonce, Date.parse('2026-11-21T11:59:00Z'));
const made = (journal: Journal): void => {
  begun(journal);
  journal.made(id);
};
const running = (journal: Journal): void => {
  made(journal);
  journal.start(id, undefined, uid);
};
const job: Before['there'] = (ref) =>
  ref.kind === 'Job' ? { apiVersion: 'batch/v1', kind: 'Job' } : undefined;
const jobOver: Before['there'] = (ref) => {
  const found = job(ref);
  const status = { conditions: [{ type: 'Failed', status: 'True' }] };
  return found === undefined ? undefined : { ...found, status };
};
const passed = { outcome: 'passed', message: '1 test passed' };

describe('an attempt that another process began', () => {
  test.each<[string, Before['wrote']]>([
    ['whose pod was not seen yet', made],
    ['whose pod ran', running],
  ])('%s is watched to its end, with its own nonce; nothing is created', async (_name, wrote) => {
    const at = stage({ wrote, there: job, pods: [aPod(ended(0))] });
    const result = await at.run();
    expect(result.verdict).toEqual(passed);
    // Since it was begun, whoever watched.
    expect(result.ms).toBeGreaterThanOrEqual(60_000);
    // What came over while it ran is not of this test: its clock runs as fast as it can.
    const story = at.story.filter((line) => !/^exec (manifest|cat)$/.test(line));
    expect(story).toEqual(['exec deliver', 'told ack']);
  });

  test('of which a part was made is made to the end, as far as what is there is its own', async () => {
    const own = (ref: ObjectRef): AnyObject | undefined =>
      ref.kind === 'Namespace' || ref.kind === 'Role'
        ? { apiVersion: 'v1', kind: ref.kind, metadata: { labels: attemptLabels(id) } }
        : undefined;
    const at = stage({ wrote: begun, there: own, pods: [aPod(ended(0))] });
    expect((await at.run()).verdict).toEqual(passed);
    expect(at.story.filter((line) => line.startsWith('create')).at(-1)).toBe('create Job');
    expect(at.journal.attempt(id)?.made).toBe(true);

    const foreign = (ref: ObjectRef): AnyObject | undefined =>
      ref.kind === 'Role' ? { apiVersion: 'v1', kind: 'Role', metadata: { labels: { a: 'b' } } } : undefined;
    const other = stage({ wrote: begun, there: foreign });
    expect((await other.run()).verdict).toMatchObject({ outcome: 'infra-error', message: 'refused' });
  });

  test.each<[string, Before]>([
    ['its Job was deleted', { wrote: running }],
    ['the pod went', { wrote: running, there: job }],
    ['its pod was deleted', { wrote: made, there: jobOver }],
  ])(
    '%s: an infrastructure error; it is not made again, and what had come over stays',
    async (what, before) => {
      const at = stage(before);
      const soFar = path.join(at.out, 'results-so-far');
      fs.mkdirSync(soFar, { recursive: true });
      fs.writeFileSync(path.join(soFar, 'junit.xml'), '<testsuite><testcase name="a"/></testsuite>');
      fs.writeFileSync(path.join(at.out, 'console.live.log'), 'so far\n');
      const result = await at.run();
      expect(result.verdict).toMatchObject({ outcome: 'infra-error', infraClass: 'deleted' });
      // Or it would be tried again as one of which no test can have run.
      expect(result.started).toBe(true);
      expect(result.results.proof.counts.total).toBe(1);
      expect(result.lastLines).toEqual(['so far']);
      expect(at.story).toEqual([]);
      expect(fs.readdirSync(at.out).sort()).toEqual([
        'console.log',
        'events.txt',
        'evidence.json',
        'results',
      ]);
      expect(at.said).toContainEqual(
        expect.stringContaining(`${what} while no driver watched; 1 of its files had come over before`),
      );
    },
  );

  test('a collection that was cut short is made anew', async () => {
    const at = stage({ wrote: running, there: job, pods: [aPod(ended(0))] });
    fs.mkdirSync(path.join(at.out, 'results'), { recursive: true });
    fs.writeFileSync(path.join(at.out, 'results', 'junit.xml'), '<testsuite><testca');
    fs.writeFileSync(path.join(at.out, 'record.json'), '');
    expect((await at.run()).verdict).toEqual(passed);
  });

  test('whose end was decided keeps it; its pod is let go once more, and nothing is fetched twice', async () => {
    const verdict = { outcome: 'failed', cause: 'cases', message: '1 of 2 tests failed: b' } as const;
    const wrote = (journal: Journal): void => {
      running(journal);
      const at = Date.parse('2026-11-21T11:59:30Z');
      const letGo = { pod: 'ket-api-1', manifest: 'f'.repeat(64) };
      journal.end(id, undefined, { verdict, started: true, at, record: aRecord({ exit_code: 1 }), letGo });
    };
    const at = stage({ wrote, there: job, pods: [aPod(ended(1))] });
    fs.mkdirSync(path.join(at.out, 'results'), { recursive: true });
    fs.writeFileSync(
      path.join(at.out, 'results', 'junit.xml'),
      '<testsuite><testcase name="a"/></testsuite>',
    );
    fs.writeFileSync(path.join(at.out, 'console.log'), 'last words\n');
    const result = await at.run();
    expect(result).toMatchObject({ verdict, started: true, lastLines: ['last words'], ms: 30_000 });
    expect(result.results.proof.counts.total).toBe(1);
    expect(at.story).toEqual(['exec ack']);
    expect(at.ketRun.argvs.at(-1)).toContain('f'.repeat(64));
  });
});

describe('the journal', () => {
  test('a last line that was cut off is not heeded, and what follows stands on a line of its own', () => {
    const file = path.join(folder(), 'r.journal');
    begun(openJournal(file, { v: 1, ket: '0', plan: aPlan(), keepFailedMs: 0, up: false }));
    fs.appendFileSync(file, '{"type":"made","su');
    const journal = takeJournal(file);
    expect(journal.attempt(id)).toMatchObject({ nonce, made: false });
    journal.made(id);
    const next = takeJournal(file);
    expect(next.attempt(id)?.made).toBe(true);
    expect([next.hasBegun('api'), next.hasBegun('db')]).toEqual([true, false]);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['no file', undefined],
    ['nothing in it', ''],
    ['another version', '{"v":2}\n'],
    ['something else', 'x\n'],
  ])('%s: it says so', (_name, text) => {
    const file = path.join(folder(), 'r.journal');
    if (text !== undefined) fs.writeFileSync(file, text);
    expect(() => takeJournal(file)).toThrow(/what was written down of the run cannot be read/);
  });
});
