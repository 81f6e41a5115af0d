import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import type { AnyObject } from '../../src/model/kube.ts';
import type { HelmTestEnd, HookEnd } from '../../src/model/run.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import { hookWatch, testHooksOf } from '../../src/releases/test-hooks.ts';
import type { Pod } from '../../src/releases/pod-state.ts';
import { junitOf, verdictOfHooks } from '../../src/suites/helm-test.ts';
import { readResults } from '../../src/suites/verdict/proof.ts';

const suite = { name: 'hooks', helmTest: 'shop', expectTests: 1, limitMs: 60_000 } as unknown as SuitePlan;
const hook = (name: string, phase?: string, more: Partial<HookEnd> = {}): HookEnd => ({
  name,
  ...(phase === undefined ? {} : { phase }),
  ms: 1000,
  lastLines: [],
  ...more,
});
const end = (hooks: readonly HookEnd[], more: Partial<HelmTestEnd> = {}): HelmTestEnd => ({
  hooks,
  exitCode: 0,
  timedOut: false,
  said: [],
  ...more,
});
const bad = { exitCode: 1, said: ['Error: pod b failed'] };
const over = { exitCode: 1, timedOut: true };

test.each<readonly [string, HelmTestEnd, string, string]>([
  ['all succeeded', end([hook('a', 'Succeeded'), hook('b', 'Succeeded')]), 'passed', '2 tests passed'],
  [
    'one failed',
    end([hook('a', 'Succeeded'), hook('b', 'Failed'), hook('c')], bad),
    'failed',
    '1 of 3 tests failed: b',
  ],
  ['no hook at all', end([]), 'infra-error', 'has no test hook'],
  ['Helm is content, and the pod was not seen', end([hook('a')]), 'infra-error', 'not seen to succeed'],
  [
    'Helm is content, and the pod still ran',
    end([hook('a', 'Running')]),
    'infra-error',
    'not seen to succeed',
  ],
  [
    'Helm failed, and no hook',
    end([hook('a', 'Succeeded')], bad),
    'infra-error',
    'exit code 1, and no hook failed: Error',
  ],
  [
    'over its limit',
    end([hook('a', 'Running')], over),
    'failed',
    'stopped after its time limit of 1 min, while a ran',
  ],
  [
    'never started',
    end([hook('a', 'Pending', { message: 'container a waits (ImagePullBackOff)' })], over),
    'infra-error',
    'did not start: container a waits',
  ],
  [
    'a pod of a Job that another one made good',
    end([hook('j/1', 'Failed'), hook('j/2', 'Succeeded')]),
    'passed',
    '1 test passed',
  ],
])('%s', (_, ended, outcome, message) => {
  const verdict = verdictOfHooks(suite, ended);
  expect(verdict.outcome).toBe(outcome);
  expect(verdict.message).toContain(message);
});

test('fewer hooks than are expected prove nothing', () =>
  expect(verdictOfHooks({ ...suite, expectTests: 2 }, end([hook('a', 'Succeeded')]))).toMatchObject({
    outcome: 'infra-error',
    infraClass: 'no-proof',
  }));

test('its JUnit has a case per hook, with the last lines of what failed', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-hooks-'));
  const failed = hook('b', 'Failed', { message: 'failed: exit code 3', lastLines: ['no <table>'] });
  const text = junitOf(suite, end([hook('a', 'Succeeded'), failed, hook('c')], bad), 2000);
  fs.writeFileSync(path.join(folder, 'junit.xml'), text);
  const { proof, cases } = await readResults(folder);
  expect(proof).toMatchObject({ state: 'ok', failedNames: ['b'] });
  expect(proof.counts).toEqual({ total: 3, passed: 1, failed: 1, errors: 0, skipped: 1 });
  expect(cases[1]).toMatchObject({
    name: 'b',
    classname: 'helm test shop',
    message: 'failed: exit code 3',
    detail: 'no <table>',
  });
  fs.rmSync(folder, { recursive: true });
});

test('test hooks are those with pods', () => {
  const one = (kind: string, hooks: string): AnyObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { name: kind, annotations: { 'helm.sh/hook': hooks } },
  });
  const found = testHooksOf([
    one('Pod', 'test'),
    one('Job', 'pre-install, test-success'),
    one('ConfigMap', 'test'),
    one('Job', 'pre-install'),
  ]);
  expect(found.map(({ kind }) => kind)).toEqual(['Pod', 'Job']);
});

test('a pod that Helm deletes at once has been seen; one of an earlier test is none', () => {
  const pod = (name: string, uid: string, phase: string, job?: string): Pod =>
    ({
      metadata: {
        name,
        uid,
        ...(job === undefined ? {} : { ownerReferences: [{ kind: 'Job', name: job }] }),
      },
      status: { phase },
    }) as unknown as Pod;
  const watch = hookWatch([
    { apiVersion: 'v1', kind: 'Pod', name: 'a' },
    { apiVersion: 'batch/v1', kind: 'Job', name: 'j' },
    { apiVersion: 'v1', kind: 'Pod', name: 'never' },
  ]);
  expect(watch.look([pod('a', 'old', 'Succeeded')], 0)).toEqual([]);
  watch.look([pod('a', 'new', 'Running'), pod('j-x', '1', 'Running', 'j'), pod('api', '9', 'Running')], 1000);
  watch.look([pod('a', 'new', 'Succeeded'), pod('j-x', '1', 'Running', 'j')], 3000);
  watch.look([], 4000);
  expect(watch.ends((name) => [name])).toMatchObject([
    { name: 'a', phase: 'Succeeded', ms: 2000, lastLines: ['a'] },
    { name: 'j/j-x', phase: 'Running' },
    { name: 'never', ms: 0, lastLines: [] },
  ]);
});
