import type { AnyObject } from '../model/kube.ts';
import type { HookEnd } from '../model/run.ts';
import { containersOf, podName, podTrouble, podUid, type Pod } from './pod-state.ts';

/** The test hooks of a release, and what is seen of their pods. */

export interface TestHook {
  readonly apiVersion: string;
  readonly kind: 'Pod' | 'Job';
  readonly name: string;
}

/** Those hooks that `helm test` runs and that have pods; what is made beside them proves nothing. */
export function testHooksOf(objects: readonly AnyObject[]): TestHook[] {
  return objects.flatMap(({ apiVersion, kind, metadata }) => {
    const hooks = (metadata?.annotations?.['helm.sh/hook'] ?? '').split(',').map((hook) => hook.trim());
    const name = metadata?.name;
    if (!hooks.some((hook) => hook === 'test' || hook === 'test-success') || name === undefined) return [];
    return kind === 'Pod' || kind === 'Job' ? [{ apiVersion, kind, name }] : [];
  });
}

const hookOf = (pod: Pod, hooks: readonly TestHook[]): TestHook | undefined => {
  const job = pod.metadata?.ownerReferences?.find(({ kind }) => kind === 'Job')?.name;
  return hooks.find(({ kind, name }) => (kind === 'Pod' ? name === podName(pod) : name === job));
};

export interface HookWatch {
  /** Takes what is there now; pods of before the first look are those of an earlier test. `now` in ms, monotonic. */
  look(pods: readonly Pod[], now: number): readonly Pod[];
  /** What has been seen, by hook; `lines` has the last lines of each pod. */
  ends(lines: (pod: string) => readonly string[]): HookEnd[];
}

interface Seen {
  readonly hook: TestHook;
  readonly first: number;
  pod: Pod;
  last: number;
}

/** Remembers the last that was seen of each pod: Helm may delete it the moment it has succeeded. */
export function hookWatch(hooks: readonly TestHook[]): HookWatch {
  const seen = new Map<string, Seen>();
  let before: ReadonlySet<string> | undefined;
  return {
    look(pods, now) {
      before ??= new Set(pods.map(podUid));
      const mine: Pod[] = [];
      for (const pod of pods) {
        const hook = hookOf(pod, hooks);
        if (hook === undefined || before.has(podUid(pod))) continue;
        mine.push(pod);
        const known = seen.get(podUid(pod));
        if (known === undefined) seen.set(podUid(pod), { hook, pod, first: now, last: now });
        else if (!isEnded(known.pod)) Object.assign(known, { pod, last: now });
      }
      return mine;
    },
    ends: (lines) =>
      hooks.flatMap((hook): HookEnd[] => {
        const pods = [...seen.values()].filter((one) => one.hook === hook);
        if (pods.length === 0) return [{ name: hook.name, ms: 0, lastLines: [] }];
        return pods.map(({ pod, first, last }) => {
          const trouble = podTrouble(pod);
          return {
            name: hook.kind === 'Pod' ? hook.name : `${hook.name}/${podName(pod)}`,
            ...(pod.status?.phase === undefined ? {} : { phase: pod.status.phase }),
            ms: durationOf(pod) ?? last - first,
            ...(trouble === undefined ? {} : { message: trouble }),
            lastLines: lines(podName(pod)),
          };
        });
      }),
  };
}

export const isEnded = (pod: Pod): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** By the kubelet's clock, from the first container's start to the last one's end. */
function durationOf(pod: Pod): number | undefined {
  const ended = containersOf(pod).flatMap(({ status }) => status.state?.terminated ?? []);
  const starts = ended.flatMap(({ startedAt }) => Date.parse(startedAt ?? '') || []);
  const ends = ended.flatMap(({ finishedAt }) => Date.parse(finishedAt ?? '') || []);
  return starts.length === 0 || ends.length === 0 ? undefined : Math.max(...ends) - Math.min(...starts);
}
