import { describe, expect, test } from '@jest/globals';
import type { V1Node } from '@kubernetes/client-node';
import { imageOn } from '../../src/checks/ground.ts';
import { groupsOf, placesOf, type Place } from '../../src/checks/places.ts';
import type { Wire } from '../../src/model/kube.ts';
import type { CheckPlan } from '../../src/model/plan.ts';
import { aSuite } from './support/suites.ts';

const check = (kind: 'tcp' | 'network' | 'policy', ...namespaces: string[]): CheckPlan => ({
  ...{ name: kind, releases: [], namespaces, limitMs: 1, totalMs: 1 },
  look:
    kind === 'network'
      ? { kind }
      : kind === 'tcp'
        ? { kind, host: 'a', port: 1 }
        : { kind, host: 'a', port: 1, allow: [], deny: [] },
});

describe('a check looks from where the suites are that require it', () => {
  const own = aSuite({ name: 'own', checks: ['tcp'], needs: ['shop'] });
  const beside = aSuite({ name: 'beside', checks: ['tcp'], needs: ['shop'], placement: 'release' });
  const other = aSuite({ name: 'other', checks: [], needs: ['shop'], placement: 'release' });
  const cases: readonly (readonly [
    what: string,
    suites: readonly (typeof own)[],
    places: readonly Place[],
  ])[] = [
    ['a namespace of its own', [own, other], [undefined]],
    ['that of its release', [beside], ['shop-ns']],
    ['both', [own, beside, beside], [undefined, 'shop-ns']],
    ['nobody requires it', [other], [undefined]],
    ['the one that requires it will not run', [own, { ...beside, lacks: ['TOKEN'] }], [undefined]],
  ];
  test.each(cases)('%s', (_, suites, places) => {
    const releases = [{ name: 'shop', namespace: 'shop-ns' }];
    expect(placesOf(check('tcp', 'shop-ns'), { suites, releases })).toEqual(places);
  });
});

test('looks from the same place with the same namespaces share their pods, on every node for the network', () => {
  const from = (one: CheckPlan, ...places: Place[]) => ({ check: one, places });
  expect(
    groupsOf([
      from(check('tcp', 'a'), undefined),
      from(check('network', 'a'), 'a'),
      from(check('tcp', 'a'), undefined, 'a'),
      from(check('tcp', 'a', 'b'), 'a'),
      from(check('policy', 'c'), undefined),
    ]),
  ).toEqual([
    // Its pods of different nodes try each other in ket's own namespace, wherever suites are.
    { place: undefined, namespaces: ['a'], everyNode: true },
    { place: 'a', namespaces: ['a'], everyNode: true },
    { place: 'a', namespaces: ['a', 'b'], everyNode: false },
  ]);
});

describe('without an image of a suite', () => {
  const node = (...images: readonly (readonly [name: string, sizeBytes: number])[]): Wire<V1Node> => ({
    status: { images: images.map(([name, sizeBytes]) => ({ names: [name, `${name}@sha256:1`], sizeBytes })) },
  });
  test('the smallest is taken that all nodes have', () =>
    expect(imageOn([node(['a:1', 5], ['b:1', 3], ['c:1', 1]), node(['b:1', 3], ['a:1', 5])])).toBe('b:1'));
  test('no pods can be made where there is none', () =>
    expect(() => imageOn([node(['a:1', 5]), node(['b:1', 3])])).toThrow('no image is on all nodes'));
});
