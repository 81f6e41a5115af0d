import { describe, expect, test } from '@jest/globals';
import { enforces } from '../../src/checks/enforcement.ts';
import type { Standing } from '../../src/checks/running.ts';
import type { AnyObject, Kube } from '../../src/model/kube.ts';
import { aFailure, anAnswer } from './support/checks.ts';
import { fakeClock } from './support/phases.ts';

const standing = (pod: string, address: string): Standing => ({
  ...{ namespace: 'ket-r1-checks', pod, container: 'probe', node: 'w1', address },
});

/** Whether a policy of ket's own stops a pod: `answers` says whether there is a connection, look by look. */
async function found(answers: (look: number, isShut: boolean) => boolean) {
  const made: AnyObject[] = [];
  const clock = fakeClock();
  let looks = 0;
  const kube: Pick<Kube, 'exec' | 'create'> = {
    exec: async ({ onStdout }) => {
      looks += 1;
      const answer = answers(looks, made.length > 0) ? anAnswer() : aFailure('connect', 'timeout');
      await onStdout(Buffer.from(`${JSON.stringify(answer)}\n`));
      return { exitCode: 0 };
    },
    create: async <T>(object: AnyObject) => {
      made.push(object);
      return object as T;
    },
  };
  const pods = { from: standing('probe-1-1', '10.0.0.2'), wall: standing('wall', '10.0.0.3') };
  const what = enforces(kube, { runId: 'r1', ...pods }, clock, new AbortController().signal);
  return { what, made, looks: () => looks, clock };
}

describe('a cluster enforces policies', () => {
  test('when a pod that answered does so no more; the policy is of that pod alone', async () => {
    const { what, made } = await found((look, isShut) => !isShut && look > 2);
    expect(await what).toBe(true);
    expect(made).toEqual([
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: {
          ...{ name: 'wall', namespace: 'ket-r1-checks' },
          labels: { 'app.kubernetes.io/managed-by': 'ket', 'ket.dev/run': 'r1' },
        },
        spec: { podSelector: { matchLabels: { 'ket.dev/wall': 'true' } }, policyTypes: ['Ingress'] },
      },
    ]);
  });

  test('also when the policy takes a while to come to the node', async () => {
    const { what, looks } = await found((look) => look < 9);
    expect(await what).toBe(true);
    expect(looks()).toBe(9);
  });

  test('not when it stops nobody within 15 s', async () => {
    const { what, clock } = await found(() => true);
    expect(await what).toBe(false);
    expect(clock.passed).toBe(15_000);
  });

  test('is not known of where no pod reaches another one: that is an error, and no policy is made', async () => {
    const { what, made } = await found(() => false);
    await expect(what).rejects.toMatchObject({
      code: 'KET_CHECK',
      message:
        'pod probe-1-1 on node w1 gets no connection to pod wall on node w1 (10.0.0.3:8099), though no policy is in the way',
      next: expect.stringContaining('pods of its plugin in kube-system'),
    });
    expect(made).toEqual([]);
  });
});
