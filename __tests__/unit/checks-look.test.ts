import { describe, expect, test } from '@jest/globals';
import { untilHolds, type Seen } from '../../src/checks/look.ts';
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
