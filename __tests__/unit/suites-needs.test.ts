import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Task } from '../../src/model/task.ts';
import { helmTestTask } from '../../src/suites/helm-test.ts';
import { hostSuiteTask, type HostNeeds } from '../../src/suites/host/task.ts';
import { suiteTask, type SuiteNeeds } from '../../src/suites/tasks.ts';
import type { SuiteSettings } from '../../src/suites/settings.ts';
import { aPlan, aRelease } from './support/phases.ts';
import { aProcessSuite, aSuite } from './support/suites.ts';
import { executed, failing, task } from './support/tasks.ts';

const releases = new Map([['shop', task('install shop')]]);
const checks = new Map([
  ['db-up', failing('check db-up')],
  ['api-up', task('check api-up')],
]);
const cluster = task('cluster');
const prepared = task('prepare suite api');
const image = task('look at shop-tests:dev');
const delivery = task('deliver shop-tests:dev');
/** Of every image of the plan. */
const images = [delivery, task('deliver shop-api:dev')];
const door = task('pods of checks');
const settings = {
  admission: { expect: () => undefined },
  assets: { root: path.join(import.meta.dirname, '..', '..') },
  keepFailedMs: 0,
} as unknown as SuiteSettings;
const plan = aPlan({ releases: [aRelease] });
const over = { needs: ['shop'], checks: ['db-up', 'api-up'] };

const inCluster = suiteTask(settings, plan, aSuite(over), {
  ...{ cluster, prepared, releases, checks },
  facts: new Map([['shop-tests:dev', image]]),
  deliveries: new Map([['shop-tests:dev', delivery]]),
} as unknown as SuiteNeeds);
const onHost = (forward: boolean): Task => {
  const port = { variable: 'DB', host: 'db', port: 1, before: '', after: '' };
  const suite = aProcessSuite({ ...over, ...(forward ? { forward: [port] } : {}) });
  const needs = { cluster, door, images, releases, checks } as unknown as HostNeeds;
  return hostSuiteTask(settings, plan, suite, needs);
};
const helmTest = helmTestTask(
  settings,
  plan,
  aSuite({ ...over, helmTest: 'shop' }),
  { cluster, images, releases, checks, tools: door } as unknown as Parameters<typeof helmTestTask>[3],
  () => Promise.reject(new Error('not run here')),
);

describe('a suite starts when all that it needs is there', () => {
  const needed = [cluster, ...releases.values(), ...checks.values()];
  test.each<[string, Task, readonly Task[]]>([
    ['in the cluster', inCluster, [...needed, prepared, image, delivery]],
    // What makes pods itself may make them of any image.
    ['on this machine', onHost(false), [...needed, ...images]],
    ['on this machine, with ports of the cluster', onHost(true), [...needed, ...images, door]],
    ['by Helm', helmTest, [...needed, ...images, door]],
  ])('%s', (_, suite, needs) => expect(new Set(suite.needs)).toEqual(new Set(needs)));

  test.each([
    ['in the cluster', inCluster as Task],
    ['on this machine', onHost(false)],
  ])('and is skipped with the check that failed as the reason: %s', async (_, suite) => {
    const { pool: _pool, ...alone } = suite;
    const tasks = [cluster, prepared, image, ...images, door, ...releases.values(), ...checks.values()];
    const { results } = await executed([...tasks, alone]);
    expect(results.get(alone)).toMatchObject({ outcome: 'skipped', reason: 'check db-up failed' });
  });
});
