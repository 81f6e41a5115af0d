import { expect, test } from '@jest/globals';
import { withDependencies } from '../../src/model/dependencies.ts';
import type { ClusterHandle } from '../../src/model/run.ts';
import type { Task } from '../../src/model/task.ts';
import type { PreparedSuite } from '../../src/suites/prepare.ts';
import { suiteTask, type SuiteNeeds } from '../../src/suites/tasks.ts';
import type { SuiteSettings } from '../../src/suites/settings.ts';
import { aPlan, aRelease, fakeContext, fakeDeps } from './support/phases.ts';
import { aSuite } from './support/suites.ts';

const release = (name: string, ...dependsOn: string[]) => ({ ...aRelease, name, dependsOn });
const releases = [release('web', 'shop', 'db'), release('shop', 'db'), release('db'), release('mail')];

test.each([
  [[], []],
  [['mail'], ['mail']],
  [['shop'], ['shop', 'db']],
  [
    ['mail', 'web'],
    ['mail', 'web', 'shop', 'db'],
  ],
  [['gone'], ['gone']],
])('%j with what they depend on', (names, all) => expect(withDependencies(names, releases)).toEqual(all));

test('a suite is guarded against the loss of what its release depends on', async () => {
  const suite = aSuite({ name: 'api', needs: ['shop'] });
  const guarded: string[] = [];
  const cluster = { id: 'ready' } as unknown as Task<ClusterHandle>;
  const prepared = { id: 'prepare api' } as unknown as Task<PreparedSuite>;
  const enough = new Error('the guards are set');
  const admission = { expect: () => undefined, stopped: new AbortController().signal };
  const context = fakeContext(fakeDeps([]), [[cluster, {}]]);
  const output = <O>(task: Task<O>): O => {
    if ((task as Task) === prepared) throw enough;
    return context.output(task);
  };
  const needs = {
    ...{
      cluster,
      prepared,
      facts: new Map(),
      deliveries: new Map(),
      releases: new Map(),
      unavailable: new Map(),
    },
    guard: (name: string) => {
      guarded.push(name);
      return new AbortController().signal;
    },
  };
  const task = suiteTask(
    { admission, assets: { root: '/nowhere' }, keepFailedMs: 0 } as unknown as SuiteSettings,
    aPlan({ releases, suites: [suite] }),
    suite,
    needs as unknown as SuiteNeeds,
  );
  await expect(task.run({ ...context, output })).rejects.toBe(enough);
  expect(guarded).toEqual(['shop', 'db']);
});
