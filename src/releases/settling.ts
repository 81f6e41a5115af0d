import { containersOf, isOfJob, isOver, isReady, podName, podUid, type Pod } from './pod-state.ts';

/**
 * Kubernetes calls a container without a readiness probe ready the moment it runs, also one that crashes at once; so
 * it counts here only after it has run for so long.
 */
const settleMs = 2000;

export interface Settling {
  /** Ready pods that have not proved it yet, with the reason. `now` in ms, by whichever clock, always the same. */
  look(pods: readonly Pod[], now: number): string[];
}

/** `sameClock`: when a container started is told by the clock of `now`; else only what was seen counts. */
export function settling(sameClock = false): Settling {
  const since = new Map<string, number>();
  return {
    look: (pods, now) =>
      pods
        .filter((pod) => !isOver(pod) && !isOfJob(pod) && isReady(pod))
        .flatMap((pod) => {
          const unprobed = new Set(
            pod.spec?.containers.filter((item) => item.readinessProbe === undefined).map((item) => item.name),
          );
          return containersOf(pod)
            .filter(
              ({ init, name, status }) => !init && unprobed.has(name) && status.state?.running !== undefined,
            )
            .flatMap(({ name, status }) => {
              const key = `${podUid(pod)}/${name}/${String(status.restartCount)}`;
              const started = sameClock ? Date.parse(status.state?.running?.startedAt ?? '') : NaN;
              const first = since.get(key) ?? (started < now ? started : now);
              since.set(key, first);
              if (now - first >= settleMs) return [];
              return [
                `pod ${podName(pod)}: container ${name} has no readiness probe and has only just started`,
              ];
            });
        }),
  };
}
