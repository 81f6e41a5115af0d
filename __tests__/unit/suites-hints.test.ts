import { describe, expect, test } from '@jest/globals';
import { whyRefusedConnections } from '../../src/suites/hints.ts';
import type { AttemptResult } from '../../src/suites/verdict/attempt-result.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import { FakeCluster } from './support/phases.ts';
import { aProof, aSuite } from './support/suites.ts';

const policy = (spec: object): object => ({ metadata: { namespace: 'shop', name: 'own' }, spec });
const ownOnly = policy({ ingress: [{ from: [{ podSelector: {} }] }] });

const failed = (line: string): AttemptResult => ({
  verdict: { outcome: 'failed', message: 'x' },
  results: { proof: aProof(), cases: [], files: [], problems: [] },
  lastLines: [line],
  started: true,
  ms: 1,
});

const hint = (
  policies: object[],
  result = failed('connect: Connection refused'),
  over: Partial<SuitePlan> = {},
) => {
  const cluster = new FakeCluster();
  cluster.set('NetworkPolicy', policies);
  const signal = new AbortController().signal;
  return whyRefusedConnections(aSuite({ needs: ['shop'], ...over }), ['shop'], result, cluster.kube, signal);
};

describe('refused connections', () => {
  test('where a policy lets in its own namespace only, the cure is named', async () =>
    expect(await hint([ownOnly])).toBe(
      'api met refused connections, and NetworkPolicy shop/own lets in pods of its own namespace only: `placement: release` runs the suite there',
    ));

  test.each<[string, object]>([
    ['nobody at all', policy({ policyTypes: ['Ingress'] })],
    ['its own by label', policy({ ingress: [{ from: [{ podSelector: { matchLabels: { a: 'b' } } }] }] })],
  ])('also where it lets in %s', async (_name, one) => expect(await hint([one])).toMatch(/shop\/own/));

  test.each<[string, Promise<string | undefined>]>([
    ['there is no policy', hint([])],
    ['one lets in other namespaces', hint([policy({ ingress: [{ from: [{ namespaceSelector: {} }] }] })])],
    ['one lets in everybody', hint([policy({ ingress: [{}] })])],
    ['one is for what leaves', hint([policy({ policyTypes: ['Egress'] })])],
    ['the suite says nothing of connections', hint([ownOnly], failed('AssertionError'))],
    ['it passed', hint([ownOnly], { ...failed('refused'), verdict: { outcome: 'passed', message: 'x' } })],
    ['it is beside the release', hint([ownOnly], failed('ETIMEDOUT'), { placement: 'release' })],
  ])('nothing where %s', async (_name, got) => expect(await got).toBeUndefined());
});
