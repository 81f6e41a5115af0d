import { afterEach, describe, expect, test } from '@jest/globals';
import { vigilOver } from '../../src/checks/vigil.ts';
import type { CheckPlace } from '../../src/checks/run-check.ts';
import type { KetError } from '../../src/model/errors.ts';
import type { CheckPlan } from '../../src/model/plan.ts';
import { folder, removeFolders } from './support/folder.ts';
import { fakeClock, FakeCluster, fakeContext, fakeDeps } from './support/phases.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
  removeFolders();
});

const aCheck = (over: Partial<CheckPlan> = {}): CheckPlan => ({
  ...{ name: 'ready', releases: ['shop'], namespaces: ['shop'], limitMs: 5000, totalMs: 60_000 },
  look: { kind: 'workload', workload: { kind: 'Deployment', name: 'api' } },
  during: true,
  ...over,
});
const deployment = (availableReplicas: number): object => ({
  metadata: { name: 'api', namespace: 'shop' },
  status: { replicas: 1, updatedReplicas: 1, availableReplicas },
});

/** `well` says how it is at each look. */
function watched(
  well: (look: number) => boolean,
  checks = [aCheck()],
  onUnhealthy: 'fail' | 'report' = 'fail',
) {
  let looks = 0;
  const kube = new FakeCluster({
    get: async <T>() => deployment(well((looks += 1)) ? 1 : 0) as T,
  }).kube;
  const nowhere = { ground: undefined, places: [undefined] };
  const place: CheckPlace = { kube, releases: [], hosts: [], folder: folder(), ...nowhere };
  const context = fakeContext(fakeDeps([], fakeClock()), []);
  const vigil = vigilOver({ checks, onUnhealthy }, () => place);
  const begin = (...names: string[]) => {
    const one = vigil(names, context);
    ends.push(one.end);
    return one;
  };
  return { begin, context, looks: () => looks };
}
const fired = async (signal: AbortSignal | undefined): Promise<KetError | undefined> => {
  for (let i = 0; i < 400 && signal?.aborted === false; i += 1) await new Promise(setImmediate);
  return signal?.aborted === true ? (signal.reason as KetError) : undefined;
};
const texts = (events: readonly { readonly type: string }[]): string[] =>
  events.flatMap((event) => ('text' in event ? [String(event.text)] : []));

describe('a check under suites', () => {
  test('that does not hold for its limit ends them, with what was seen', async () => {
    const { begin } = watched((look) => look < 3);
    expect(await fired(begin('ready').signals[0])).toMatchObject({
      code: 'KET_CHECK',
      message: 'check ready did not hold for 5 s while suites ran: Deployment shop/api: 0 of 1 available',
      next: expect.stringContaining('`onUnhealthy: report` goes on nevertheless'),
    });
  });

  test('that does not hold for a moment ends nobody', async () => {
    const { begin, looks } = watched((look) => look % 3 !== 0);
    expect(await fired(begin('ready').signals[0])).toBeUndefined();
    expect(looks()).toBeGreaterThan(6);
  });

  test('is told, and that it holds again, where the plan says so', async () => {
    const { begin, context } = watched((look) => look > 9, undefined, 'report');
    expect(await fired(begin('ready').signals[0])).toBeUndefined();
    expect(texts(context.events)).toEqual([
      expect.stringMatching(/^check ready did not hold for 5 s while suites ran/),
      'check ready holds again',
    ]);
  });

  test('is looked at for suites that require it, once for all of them, and until the last has ended', async () => {
    const { begin, looks } = watched(() => true);
    expect(begin('another').signals).toEqual([]);
    const [first, second] = [begin('ready'), begin('ready')];
    expect(first.signals).toEqual(second.signals);
    await fired(first.signals[0]);
    first.end();
    const seen = looks();
    await fired(second.signals[0]);
    expect(looks()).toBeGreaterThan(seen);
    second.end();
    await new Promise(setImmediate);
    const last = looks();
    await fired(second.signals[0]);
    expect(looks()).toBeLessThanOrEqual(last + 1);
    // The next suite begins anew.
    expect(begin('ready').signals[0]).not.toBe(second.signals[0]);
  });

  test('without `during` it is not looked at again', () => {
    const { during: _during, ...once } = aCheck();
    expect(watched(() => false, [once]).begin('ready').signals).toEqual([]);
  });
});
