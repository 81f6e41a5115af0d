import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { runCheck, type CheckPlace } from '../../src/checks/run-check.ts';
import { checkTasks } from '../../src/checks/tasks.ts';
import type { ClusterPart } from '../../src/checks/ground.ts';
import type { KetError } from '../../src/model/errors.ts';
import type { Kube } from '../../src/model/kube.ts';
import type { CheckPlan } from '../../src/model/plan.ts';
import type { ClusterHandle } from '../../src/model/run.ts';
import type { Task } from '../../src/model/task.ts';
import { folder, removeFolders } from './support/folder.ts';
import {
  aPlan,
  aRelease,
  fakeClock,
  FakeCluster,
  fakeContext,
  fakeDeps,
  fakeState,
} from './support/phases.ts';
import { aSuite } from './support/suites.ts';
import { executed, failing, task } from './support/tasks.ts';

afterEach(removeFolders);

const aCheck = (over: Partial<CheckPlan> = {}): CheckPlan => ({
  name: 'seeded',
  releases: ['shop'],
  namespaces: ['shop'],
  look: { kind: 'job', job: 'seed' },
  limitMs: 3000,
  totalMs: 60_000,
  ...over,
});
const job = (type: string): object => ({
  status: { conditions: [{ type, status: 'True', message: 'no table' }] },
});

/** A check that looks at a Job; `see` answers each look. */
function set(see: (look: number) => object | undefined | Promise<never>, over: Partial<CheckPlan> = {}) {
  let looks = 0;
  const get = async <T>(): Promise<T | undefined> => (await see((looks += 1))) as T | undefined;
  const kube: Kube = new FakeCluster({ get }).kube;
  const place: CheckPlace = {
    kube,
    releases: ['shop'],
    hosts: [],
    folder: folder(),
    ground: undefined,
    places: [undefined],
  };
  const context = fakeContext(fakeDeps([], fakeClock()), []);
  const saved = (): unknown =>
    JSON.parse(fs.readFileSync(path.join(place.folder, 'checks', 'seeded', 'check.json'), 'utf8'));
  return { run: () => runCheck(aCheck(over), place, context), context, saved, place, looks: () => looks };
}
const thrown = (work: Promise<unknown>): Promise<KetError> =>
  work.then(
    () => {
      throw new Error('it holds');
    },
    (error: unknown) => error as KetError,
  );

describe('a check', () => {
  test('that holds is written down, for nobody else to read', async () => {
    const { run, saved, place, context } = set((look) => (look < 3 ? undefined : job('Complete')));
    await run();
    expect(saved()).toEqual({
      ...{ v: 1, name: 'seeded', look: { kind: 'job', job: 'seed' } },
      ...{ holds: true, checkMs: 1000, faults: [], notes: [] },
    });
    const file = path.join(place.folder, 'checks', 'seeded', 'check.json');
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(context.waits).toEqual(Array(2).fill('there is no Job seed in namespace shop'));
  });

  test('that does not hold within its limit is an error with what was seen last', async () => {
    const { run, saved, place } = set((look) => (look === 1 ? undefined : {}));
    expect(await thrown(run())).toMatchObject({
      code: 'KET_CHECK',
      message: 'check seeded: Job seed: not complete',
      where: path.join(place.folder, 'checks', 'seeded'),
      next: expect.stringContaining('ket check'),
    });
    expect(saved()).toMatchObject({ holds: false, checkMs: 2500, faults: ['Job seed: not complete'] });
  });

  test('that can come right no more is an error at once', async () => {
    const { run, looks } = set(() => job('Failed'));
    expect((await thrown(run())).message).toBe('check seeded: Job seed failed: no table');
    expect(looks()).toBe(1);
  });

  test('at which ket cannot look does not hold', async () =>
    expect((await thrown(set(() => Promise.reject(new Error('cut'))).run())).message).toBe(
      'check seeded: ket could not look: cut',
    ));

  test('has no more time than all its probes together, however long one may take', async () => {
    const never = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('too late')), 150);
    });
    const { run, saved } = set(() => never, { totalMs: 50, limitMs: 60_000 });
    expect((await thrown(run())).message).toBe('check seeded: not done within 50 ms');
    expect(saved()).toMatchObject({ holds: false });
  });
});

describe('the tasks of checks', () => {
  const cluster = { ...task('cluster'), run: async () => handle } as unknown as Task<ClusterHandle>;
  const facts = task('facts') as Task<never> as Task<ClusterPart>;
  let handle: ClusterHandle;
  const tasksFor = (see: (name: string) => object | undefined, release: Task) => {
    const kube = new FakeCluster({ get: async <T>({ name }: { name: string }) => see(name) as T | undefined })
      .kube;
    handle = { name: 'c', kubeconfig: '/k', nodes: [], kube };
    const checks = [aCheck(), aCheck({ name: 'other', look: { kind: 'job', job: 'other' }, limitMs: 100 })];
    const suites = [aSuite({ checks: ['seeded', 'other'] })];
    return checkTasks(aPlan({ releases: [aRelease], checks, suites }), {
      ...{ runId: 'r1', folder: folder(), state: fakeState(), checks, cluster, facts },
      ...{ deliveries: new Map(), releases: new Map([['shop', release]]) },
    });
  };
  const story = async (
    see: (name: string) => object | undefined,
    release: Task,
  ): Promise<readonly string[]> => {
    const { byName, all } = tasksFor(see, release);
    const suite = (name: string, check: string): Task => {
      const needed = byName.get(check);
      return task(name, { needs: needed === undefined ? [] : [needed] });
    };
    const tasks = [cluster, facts, release, ...all, suite('a', 'seeded'), suite('b', 'other')];
    const { story: all2, events } = await executed(tasks);
    const skips = events.flatMap((event) =>
      event.type === 'task-ended' && event.reason !== undefined ? [`${event.task}: ${event.reason}`] : [],
    );
    return [...all2.filter((line) => line.startsWith('end ')), ...skips];
  };

  test('make no pod for what is asked of the API alone', () =>
    expect(tasksFor(() => undefined, task('install shop')).all.map(({ id }) => id)).toEqual([
      'check seeded',
      'check other',
    ]));

  test('skip who needs one that does not hold, with its name, and nobody else', async () =>
    expect(await story((name) => job(name === 'seed' ? 'Complete' : 'Failed'), task('install shop'))).toEqual(
      expect.arrayContaining([
        'end check seeded done',
        'end a done',
        'end check other failed',
        'end b skipped',
        'b: check other failed',
      ]),
    ));

  test('wait for the release that the check is about', async () =>
    expect(await story(() => job('Complete'), failing('install shop'))).toEqual(
      expect.arrayContaining(['end check seeded skipped', 'end a skipped', 'a: install shop failed']),
    ));
});
