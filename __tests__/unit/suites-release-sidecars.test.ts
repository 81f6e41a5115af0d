import { expect, test } from '@jest/globals';
import type { Kube } from '../../src/model/kube.ts';
import type { Pod } from '../../src/suites/pod/pod-state.ts';
import { releaseSidecars } from '../../src/suites/collect/release-sidecars.ts';
import { FakeKetRun, inResults } from './support/ket-run.ts';

const podNamed = (name: string, state: object): Pod => ({
  metadata: { name },
  status: { initContainerStatuses: [{ name: 'ket', state } as never] },
});

/** One pod whose sidecar waits, one whose sidecar has left, and one that cannot be reached. */
const pods = [
  podNamed('waits', { running: {} }),
  podNamed('left', { terminated: {} }),
  podNamed('away', { running: {} }),
];

test('sidecars that wait are acknowledged, so that a deletion need not wait for them; the others cost nothing', async () => {
  const ketRun = new FakeKetRun([inResults('junit.xml', '<testsuite/>')]);
  const told: string[] = [];
  const kube: Pick<Kube, 'list' | 'exec'> = {
    list: async <T>() => pods as T[],
    exec: async (request) => {
      told.push(`${request.pod} ${request.argv[1] ?? ''}`);
      if (request.pod === 'away') throw new Error('no route');
      return ketRun.exec(request);
    },
  };
  await releaseSidecars(kube, { namespace: 'ns' });
  expect(told.sort()).toEqual(['away manifest', 'waits ack', 'waits manifest']);
  expect(ketRun.argvs.at(-1)).toEqual(expect.arrayContaining(['ack', '--manifest', ketRun.sha256]));
});

test('a cluster that does not answer keeps nobody from deleting', async () => {
  const refuse = (): Promise<never> => Promise.reject(new Error('gone'));
  await expect(releaseSidecars({ list: refuse, exec: refuse }, { namespace: 'ns' })).resolves.toBeUndefined();
});
