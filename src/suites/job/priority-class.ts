import type { AnyObject } from '../../model/kube.ts';
import { priorities, type SuitePlan } from '../../model/plan.ts';
import { attemptLabels, attemptName, type AttemptId } from '../names.ts';

/**
 * In a cluster that other runs use too the scheduler takes the pods of a higher priority first. It preempts none for
 * them; and no value is below 0, that of pods without a class, because those preempt what is below them.
 */
export function priorityClassFor(id: AttemptId, { priority }: Pick<SuitePlan, 'priority'>): AnyObject[] {
  const value = priorities.length - 1 - priorities.indexOf(priority);
  if (value === 0) return [];
  return [
    {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: attemptName(id), labels: attemptLabels(id) },
      value,
      preemptionPolicy: 'Never',
      description: `suites of ket with priority ${priority}`,
    },
  ];
}
