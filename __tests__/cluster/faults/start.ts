import { expect } from '@jest/globals';
import { eventsOf } from '../ket.ts';
import { expectEnd } from '../known-end.ts';
import { attemptsOf, awaits, image, once, type Fault, type Place } from './place.ts';

/** What keeps a suite from starting. */

const passed = { outcome: 'passed', message: /^1 test passed$/ } as const;

/** A pod with the network of its node, on which it plays a registry. */
async function withRegistry(at: Place, command: string, body: () => Promise<void>): Promise<void> {
  const name = 'registry';
  at.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      hostNetwork: true,
      terminationGracePeriodSeconds: 0,
      containers: [{ name, image, imagePullPolicy: 'Never', command: ['sh', '-c', command] }],
    },
  });
  try {
    at.kubectl('wait', 'pod', name, '-n', 'default', '--for=condition=Ready', '--timeout=30s');
    await body();
  } finally {
    at.kubectl('delete', 'pod', name, '-n', 'default', '--now', '--wait');
  }
}

export const startFaults: readonly Fault[] = [
  {
    name: 'quota-raised',
    holds: 'a quota of no pods, then raised: an infrastructure error, and the second attempt passes',
    tier: { releases: [{ name: 'tight', chart: 'charts/quota' }] },
    suite: { command: 'junit a', placement: 'release' },
    async run(at) {
      const suite = 'quota-raised';
      const raise = once(
        (event) => event.type === 'attempt-ended',
        () =>
          at.kubectl(
            ...['patch', 'resourcequota', 'tight', '-n', 'tight', '--type=merge'],
            ...['-p', '{"spec": {"hard": {"pods": "9"}}}'],
          ),
      );
      const ran = await at.run(suite, raise.onEvent);
      const refused = { outcome: 'infra-error', infraClass: 'quota' } as const;
      expectEnd(ran, { suite, attempt: 1 }, { ...refused, message: /exceeded quota: tight/ });
      expectEnd(ran, { suite, attempt: 2, name: 'passed-beside-release' }, passed);
      expect(eventsOf(ran, 'suite-ended')).toMatchObject([{ outcome: 'passed', attempts: 2 }]);
      expect(ran.code).toBe(0);
    },
  },
  {
    name: 'secret-missing',
    holds: 'a Secret that is not there: an infrastructure error that names it, without a second try',
    suite: {
      command: 'junit a',
      patch: {
        spec: {
          template: {
            spec: {
              containers: [
                {
                  name: 'suite',
                  env: [{ name: 'KEY', valueFrom: { secretKeyRef: { name: 'not-there', key: 'x' } } }],
                },
              ],
            },
          },
        },
      },
    },
    async run(at) {
      const suite = 'secret-missing';
      const ran = await at.run(suite);
      expectEnd(
        ran,
        { suite },
        { outcome: 'infra-error', infraClass: 'configuration', message: /secret "not-there" not found/ },
      );
      expect(attemptsOf(ran)).toHaveLength(1);
      expect(ran.ms).toBeLessThan(45_000);
      expect(ran.code).toBe(3);
    },
  },
  {
    name: 'account-missing',
    holds: 'a service account that is not there: an infrastructure error with the words of the cluster',
    // Held until the account is gone.
    suite: { command: 'junit a', patch: { spec: { suspend: true } } },
    async run(at) {
      const suite = 'account-missing';
      const strike = once(awaits('a pod for the Job'), () => {
        const label = `ket.dev/suite=${suite}`;
        const path = 'jsonpath={.items[0].metadata.namespace} {.items[0].metadata.name}';
        const [namespace = '', job = ''] = at
          .kubectl('get', 'jobs', '-A', '-l', label, '-o', path)
          .split(' ');
        at.kubectl('delete', 'serviceaccounts', '-n', namespace, '-l', label);
        at.kubectl('patch', 'job', job, '-n', namespace, '-p', '{"spec": {"suspend": false}}');
      });
      const ran = await at.run(suite, strike.onEvent);
      expect(strike.done()).toBe(true);
      expectEnd(
        ran,
        { suite },
        { outcome: 'infra-error', infraClass: 'denied', message: /serviceaccount .* not found/i },
      );
      expect(ran.code).toBe(3);
    },
  },
  {
    name: 'held-for-good',
    holds: 'a pod that is held, and nothing says why: an infrastructure error at the end of its waiting time',
    suite: {
      command: 'junit a',
      pending: '6s',
      patch: { spec: { template: { spec: { schedulingGates: [{ name: 'example.com/hold' }] } } } },
    },
    async run(at) {
      const suite = 'held-for-good';
      const ran = await at.run(suite);
      expectEnd(
        ran,
        { suite },
        { outcome: 'infra-error', infraClass: 'lost-contact', message: /did not start within 6 s/ },
      );
      expect(attemptsOf(ran)).toHaveLength(2);
      expect(ran.ms).toBeLessThan(60_000);
      expect(ran.code).toBe(3);
    },
  },
  {
    name: 'image-typo',
    holds: 'a registry that does not have the image: an infrastructure error, and no second try',
    long: true,
    suite: { command: 'junit a', image: 'localhost:5000/fixture:typo' },
    limitMs: 200_000,
    async run(at) {
      const suite = 'image-typo';
      await withRegistry(at, 'mkdir /none; exec httpd -f -p 127.0.0.1:5000 -h /none', async () => {
        const ran = await at.run(suite);
        expectEnd(
          ran,
          { suite },
          { outcome: 'infra-error', infraClass: 'image-pull', message: /fixture:typo.*not found/ },
        );
        expect(attemptsOf(ran)).toHaveLength(1);
        expect(ran.code).toBe(3);
      });
    },
  },
  {
    name: 'registry-timeout',
    holds: 'a registry that takes connections and never answers: an infrastructure error, and tried again',
    long: true,
    suite: (address) => ({ command: 'junit a', image: `${address}:5001/fixture:dev` }),
    limitMs: 300_000,
    async run(at) {
      const suite = 'registry-timeout';
      await withRegistry(at, 'exec nc -ll -p 5001 -e sleep 600', async () => {
        const ran = await at.run(suite);
        expectEnd(
          ran,
          { suite },
          { outcome: 'infra-error', infraClass: 'image-pull', message: /fixture:dev.*timeout/ },
        );
        expect(attemptsOf(ran)).toHaveLength(2);
        expect(ran.code).toBe(3);
      });
    },
  },
];
