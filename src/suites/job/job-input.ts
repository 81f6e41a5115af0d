import type { V1Job } from '@kubernetes/client-node';
import type { Wire } from '../../model/kube.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { ImageFacts } from '../../model/run.ts';
import type { AttemptLimits } from '../limits.ts';
import type { AttemptId } from '../names.ts';
import type { PodOutbound } from './outbound.ts';

export type Job = Wire<V1Job>;
/** What the Job of an attempt is made of. */
export interface JobInput {
  readonly id: AttemptId;
  readonly suite: SuitePlan;
  /** Parsed templates/test-job.yaml or the suite's own. */
  readonly template: Job;
  readonly namespace: string;
  readonly limits: AttemptLimits;
  readonly nonce: string;
  readonly image: ImageFacts | undefined;
  readonly dns: { readonly nameserver: string; readonly searches: readonly string[] };
  /** Namespaces of the releases that the suite needs. */
  readonly releaseNamespaces: readonly string[];
  readonly outbound: PodOutbound;
  /** For the pod, where the template names none. */
  readonly priorityClass?: string | undefined;
  /** Name of a Secret with logins at registries. */
  readonly pullSecret?: string;
  /** The attempt's ConfigMap lists the cases to run. */
  readonly retriesCases?: boolean;
  /** It is told of releases that are unavailable. */
  readonly tellsUnavailable?: boolean;
}
