import { describe, expect, test } from '@jest/globals';
import { untilHolds, type Seen } from '../../src/checks/look.ts';
import { untilLost } from '../../src/checks/lost.ts';
import { serviceOf } from '../../src/checks/look-simple.ts';
import { podFor, programFor } from '../../src/checks/pods.ts';
import { fakeClock } from './support/phases.ts';

/** Looks that answer one after the other, the last one again and again. */
const looks = (...answers: readonly (Seen | Error)[]) => {
  let count = 0;
  return {
    count: () => count,
    look: (): Promise<Seen> => {
      const answer = answers[Math.min(count, answers.length - 1)] ?? { faults: [] };
      count += 1;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  };
};
const wait = (look: () => Promise<Seen>, signal = new AbortController().signal, said: string[] = []) =>
  untilHolds(look, { clock: fakeClock(), limitMs: 3000, signal, awaiting: (what) => said.push(what) });

describe('a check is looked at', () => {
  test('until it holds, and what is awaited is said', async () => {
    const said: string[] = [];
    const { look, count } = looks({ faults: ['closed'] }, new Error('cut'), { faults: [] });
    expect(await wait(look, undefined, said)).toEqual({ faults: [] });
    expect(count()).toBe(3);
    expect(said).toEqual(['closed', 'ket could not look: cut']);
  });

  test('until its limit is over; the last look counts', async () => {
    const { look, count } = looks({ faults: ['first'] }, { faults: ['last'] });
    expect(await wait(look)).toEqual({ faults: ['last'] });
    expect(count()).toBe(6);
  });

  test('once, when no later look can be better', async () => {
    const { look, count } = looks({ faults: ['failed'], final: true });
    expect(await wait(look)).toMatchObject({ faults: ['failed'] });
    expect(count()).toBe(1);
  });

  test('until the run is cancelled', async () => {
    const cancel = new AbortController();
    cancel.abort(new Error('stop'));
    await expect(wait(looks(new Error('cut')).look, cancel.signal)).rejects.toThrow('stop');
  });
});

describe('a check while suites run', () => {
  const lost = (look: () => Promise<Seen>, wanted?: 'holds') => {
    const clock = fakeClock();
    const signal = new AbortController().signal;
    const found = untilLost(look, {
      clock,
      limitMs: 5000,
      signal,
      ...(wanted === undefined ? {} : { wanted }),
    });
    return found.then((seen) => ({ seen, ms: clock.monotonic() }));
  };
  const bad: Seen = { faults: ['closed'] };
  const good: Seen = { faults: [] };

  test('is lost when it has not held for its limit without a break', async () => {
    const { look, count } = looks(good, bad, bad, good, bad);
    const began = fakeClock().monotonic();
    const { seen, ms } = await lost(look);
    expect(seen).toEqual(bad);
    // Two that break off, one that is well, then four: the first, and one each 2 s until 5 s are over.
    expect(count()).toBe(8);
    expect(ms - began).toBe(10_000 + 10_000 + 2000 + 2000 + 10_000 + 3 * 2000);
  });

  test('is not lost by looks that ket could not make', async () => {
    const { look, count } = looks(bad, new Error('cut'), new Error('cut'), new Error('cut'), good, bad);
    await lost(look);
    expect(count()).toBe(9);
  });

  test('holds again at the first look that says so', async () => {
    const { look, count } = looks(bad, new Error('cut'), good);
    expect((await lost(look, 'holds')).seen).toEqual(good);
    expect(count()).toBe(3);
  });
});

test.each([
  ['shop-db', 'shop/shop-db'],
  ['shop-db.mail', 'mail/shop-db'],
  ['shop-db.mail.svc', 'mail/shop-db'],
  ['shop-db.mail.svc.cluster.local', 'mail/shop-db'],
  ['db.example.com', undefined],
])('%s is the service %s', (host, service) => expect(serviceOf(host, ['shop', 'other'])).toBe(service));

describe('a pod of checks', () => {
  const facts = { runId: 'r1', image: 'tests:dev', nameserver: '10.96.0.10', domain: 'cluster.local' };

  test('looks names up as suites do, and fits Pod Security restricted', () => {
    const pod = podFor(facts, {
      name: 'probe-1-1',
      namespace: 'ket-r1-checks',
      searches: ['shop'],
      node: 'w1',
    });
    expect(pod).toMatchObject({
      metadata: { labels: { 'ket.dev/run': 'r1', 'app.kubernetes.io/managed-by': 'ket' } },
      spec: {
        nodeName: 'w1',
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        dnsConfig: { searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'] },
        containers: [
          {
            image: 'tests:dev',
            command: ['/ket/bin/ket-run', 'answer', '--port', '8099'],
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          },
        ],
      },
    });
    expect(pod.metadata?.ownerReferences).toBeUndefined();
  });

  test('that stands for another has its labels, and nobody takes it for a backend', () => {
    const asked = { name: 'p', namespace: 'shop', searches: [], labels: { app: 'web' }, owner: 'uid-1' };
    const pod = podFor(facts, asked);
    const { name } = programFor('r1', 'shop', Buffer.from('')).metadata ?? {};
    expect(pod).toMatchObject({
      metadata: {
        labels: { app: 'web', 'ket.dev/run': 'r1' },
        ownerReferences: [{ kind: 'ConfigMap', name, uid: 'uid-1', controller: true }],
      },
      spec: { readinessGates: [{ conditionType: 'ket.dev/never' }] },
    });
  });
});
