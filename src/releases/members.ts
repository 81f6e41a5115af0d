import { labels } from '../model/labels.ts';
import type { Job } from './judge.ts';
import type { Pod } from './pod-state.ts';
import { isOfRelease, type Workloads } from './workloads.ts';

export interface Members {
  pod(pod: Pod): boolean;
  job(job: Job): boolean;
}

const instance = 'app.kubernetes.io/instance';

/** Suites with `placement: release` stand in its namespace and are no part of it. */
const notOfSuite = ({ metadata }: Pod | Job): boolean => metadata?.labels?.[labels.run] === undefined;

/**
 * Which pods and Jobs of a namespace are a release's. Alone in its namespace, a release has them all; where several
 * share it, those that a workload of the release selects, that its Jobs made, or that bear its name by the usual label.
 */
export function belongs(release: string, workloads: Workloads, shared: boolean, isOf = isOfRelease): Members {
  if (!shared) return { pod: notOfSuite, job: notOfSuite };
  const job = (item: Job): boolean => isOf(item, release) || item.metadata?.labels?.[instance] === release;
  const selectors = [...workloads.deployments, ...workloads.statefulSets, ...workloads.daemonSets]
    .filter((workload) => isOf(workload, release))
    .map((workload) => Object.entries(workload.spec?.selector.matchLabels ?? {}))
    .filter((labels) => labels.length > 0);
  const jobs = new Set(workloads.jobs.filter(job).map((item) => item.metadata?.name));
  return {
    job,
    pod(pod) {
      const labels = pod.metadata?.labels ?? {};
      if (!notOfSuite(pod)) return false;
      return (
        labels[instance] === release ||
        pod.metadata?.ownerReferences?.some((owner) => owner.kind === 'Job' && jobs.has(owner.name)) ===
          true ||
        selectors.some((selector) => selector.every(([key, value]) => labels[key] === value))
      );
    },
  };
}
