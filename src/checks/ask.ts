import { KetError } from '../model/errors.ts';
import type { ContainerRef, Kube } from '../model/kube.ts';
import { ketRun } from './pods.ts';
import { answersOf, listOf, type Answer } from './probe.ts';
import type { Question } from './question.ts';

/** How many probes run at once in a pod (native/ket-run/README.md). */
const atOnce = 32;
/** For the connection to the pod, beside what the probes take. */
const slackMs = 10_000;

/** Asks from a pod; the answers in the order of the questions. `limitMs`: of each. */
export async function ask(
  kube: Pick<Kube, 'exec'>,
  from: ContainerRef,
  questions: readonly Question[],
  limitMs: number,
  signal: AbortSignal,
): Promise<readonly Answer[]> {
  if (questions.length === 0) return [];
  const probes = questions.map(({ probe }) => probe);
  let stdout = '';
  let stderr = '';
  const { exitCode } = await kube.exec({
    ...{ namespace: from.namespace, pod: from.pod, container: from.container },
    argv: [ketRun, 'probe'],
    stdin: Promise.resolve(listOf(probes, limitMs)),
    onStdout: (chunk) => {
      stdout += chunk.toString('utf8');
    },
    onStderr: (chunk) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-500);
    },
    signal,
    idleMs: Math.ceil(probes.length / atOnce) * (limitMs + 500) + slackMs,
  });
  if (exitCode !== 0)
    throw new KetError('KET_CHECK', `ket-run probe: exit code ${String(exitCode)}: ${stderr.trim()}`);
  return answersOf(stdout, probes.length);
}
