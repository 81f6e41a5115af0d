import { describe, expect, test } from '@jest/globals';
import { stateWithin } from '../../src/pipeline/existing.ts';
import { sharesOf, withCopies, withoutCopies } from '../../src/pipeline/isolation.ts';
import type { CheckPlan, WhoPlan } from '../../src/model/plan.ts';
import { aPlan, aRelease, fakeState } from './support/phases.ts';
import { aSuite } from './support/suites.ts';

const run = '1121-120000-ab12';
const shop = { ...aRelease, set: { a: 'b' } };
const mail = { ...aRelease, name: 'mail', namespace: 'post' };
const own = aSuite({ name: 'own', needs: ['shop', 'mail'], isolation: 'release' });
const sharing = aSuite({ name: 'sharing', needs: ['mail'] });
const plan = aPlan({ releases: [shop, mail], suites: [own, sharing] });
const names = (of: { readonly releases: readonly { readonly name: string }[] }): string[] =>
  of.releases.map(({ name }) => name);

describe('a suite with `isolation: release`', () => {
  test('has copies with the same chart and values in namespaces of their own', () => {
    const { releases, suites } = withCopies(plan, run);
    expect(releases).toEqual([
      mail,
      {
        ...{ ...shop, name: 'shop@own', namespace: `shop-${run}-own` },
        copyOf: { release: 'shop', suite: 'own' },
      },
      {
        ...{ ...mail, name: 'mail@own', namespace: `post-${run}-own` },
        copyOf: { release: 'mail', suite: 'own' },
      },
    ]);
    expect(suites.map(({ needs }) => needs)).toEqual([['shop@own', 'mail@own'], ['mail']]);
  });

  test('has copies that depend on copies, and on what it does not need itself as it is', () => {
    const db = { ...aRelease, name: 'db', namespace: 'db' };
    const unused = { ...aRelease, name: 'unused', namespace: 'unused' };
    const releases = [{ ...shop, dependsOn: ['mail', 'db'] }, mail, db, unused];
    const other = aSuite({ name: 'other', needs: ['unused', 'db'], isolation: 'release' });
    const copied = withCopies({ ...plan, releases, suites: [own, other] }, run);
    expect(names(copied)).toEqual(['db', 'shop@own', 'mail@own', 'db@other', 'unused@other']);
    expect(copied.releases[1]?.dependsOn).toEqual(['mail@own', 'db']);
  });

  test('has the checks of its copies, and they go nowhere else', () => {
    const base = { limitMs: 1, totalMs: 2 };
    const net: CheckPlan = {
      ...{ ...base, name: 'net', look: { kind: 'network' } },
      ...{ releases: ['shop', 'mail'], namespaces: ['shop', 'post'] },
    };
    const who = (namespace: string): WhoPlan => ({ labels: {}, namespace });
    const closed: CheckPlan = {
      ...{ ...base, name: 'closed', releases: ['shop'], namespaces: ['shop'] },
      look: { kind: 'policy', host: 'db', port: 1, allow: [who('shop')], deny: [who('default')] },
    };
    const suites = [
      { ...own, checks: ['net', 'closed'] },
      { ...sharing, checks: ['net'] },
    ];
    const copied = withCopies({ ...plan, checks: [net, closed], suites }, run);
    expect(copied.suites.map(({ checks }) => checks)).toEqual([['net@own', 'closed@own'], ['net']]);
    expect(copied.checks).toEqual([
      // Nobody shares shop, so that it is not there.
      { ...net, releases: ['mail'], namespaces: ['post'] },
      {
        ...{ ...net, name: 'net@own', releases: ['shop@own', 'mail@own'] },
        namespaces: [`shop-${run}-own`, `post-${run}-own`],
      },
      {
        ...{ ...closed, name: 'closed@own', releases: ['shop@own'], namespaces: [`shop-${run}-own`] },
        look: { ...closed.look, allow: [who(`shop-${run}-own`)], deny: [who('default')] },
      },
    ]);
  });

  test('takes secrets of its copy, called as in ket.yaml', () => {
    const one = { text: 'release/shop/secret/db', release: 'shop', kind: 'Secret', name: 'db' } as const;
    const suites = [{ ...own, references: [one] }];
    expect(withCopies({ ...plan, suites }, run).suites[0]?.references).toEqual([
      { ...one, release: 'shop@own' },
    ]);
  });

  test('that does not run has none, and the release is there for those that do', () => {
    const lacking = { ...own, lacks: ['TOKEN'] };
    expect(names(withCopies({ ...plan, suites: [lacking, sharing] }, run))).toEqual(['mail']);
    // Nobody needs it by name: as before, it is installed for whoever looks.
    expect(names(withCopies({ ...plan, suites: [sharing] }, run))).toEqual(['shop', 'mail']);
  });

  test('leaves the release to the others that share it, and alone it has it alone', () => {
    const { releases } = plan;
    const shared = { ...sharing, needs: ['shop'] };
    expect(names(withCopies({ ...plan, releases, suites: [own, shared] }, run))).toEqual([
      'shop',
      'shop@own',
      'mail@own',
    ]);
    expect(names(withCopies({ ...plan, suites: [own] }, run))).toEqual(['shop@own', 'mail@own']);
    expect(names(withoutCopies(withCopies(plan, run)))).toEqual(['mail']);
  });

  test('no two copies come to the same namespace, however long or alike names are', () => {
    const long = 'n'.repeat(60);
    const releases = [
      { ...shop, name: 'a', namespace: 'x' },
      { ...shop, name: 'b', namespace: 'x-a' },
      { ...shop, name: 'c', namespace: long },
    ];
    const all = ['a-b', 'b', 'a', `${'s'.repeat(39)}1`, `${'s'.repeat(39)}2`];
    const suites = all.map((name) => aSuite({ name, needs: ['a', 'b', 'c'], isolation: 'release' }));
    const copies = withCopies({ ...plan, releases, suites }, run).releases;
    const namespaces = copies.map(({ namespace }) => namespace);
    expect(namespaces).toHaveLength(15);
    expect(new Set(namespaces).size).toBe(15);
    for (const namespace of namespaces)
      expect(namespace).toMatch(/^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
  });

  test('a plan without such suites stays as it is', () => {
    const suites = [sharing, aSuite()];
    expect(withCopies({ ...plan, suites }, run)).toEqual({ ...plan, suites });
  });
});

describe('who shares what', () => {
  const of = (...suites: Parameters<typeof aSuite>[0][]): unknown =>
    sharesOf(withCopies({ ...plan, suites: suites.map((suite) => aSuite(suite)) }, run));

  test('several suites without a set-up of their own', () => {
    expect(
      of(
        { name: 'a', needs: ['shop'] },
        { name: 'b', needs: ['shop', 'mail'] },
        { name: 'c', needs: ['shop'] },
      ),
    ).toEqual({ shares: [{ release: 'shop', suites: ['a', 'b', 'c'] }] });
  });

  test.each([
    ['one alone', {}],
    ['one with a set-up', { name: 'b', needs: ['shop'], setup: 'createdb' }],
    ['one with a copy', { name: 'b', needs: ['shop'], isolation: 'release' as const }],
    ['one that does not run', { name: 'b', needs: ['shop'], lacks: ['TOKEN'] }],
  ])('nobody: beside it %s', (_name, other) => {
    expect(of({ name: 'a', needs: ['shop'] }, other)).toEqual({});
  });
});

test('in a cluster whose releases stay, copies are listed to be removed, and the others are not', async () => {
  const state = fakeState();
  const refuse = (): never => {
    throw new Error('nothing is asked of the cluster');
  };
  const within = stateWithin(state, { name: 'c', kubeconfig: '/k', releasesStay: true }, refuse);
  const namespace = `shop-${run}-own`;
  const object = {
    type: 'object',
    kubeconfig: '/k',
    apiVersion: 'v1',
    kind: 'Namespace',
    name: namespace,
  } as const;
  const copy = { type: 'release', kubeconfig: '/k', namespace, name: 'shop' } as const;
  for (const made of [object, { ...copy, namespace: 'shop' }, copy]) await within.add(made);
  expect(state.made).toEqual([object, copy]);
});
