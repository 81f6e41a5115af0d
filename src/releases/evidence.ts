import fs from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import type { CoreV1Event } from '@kubernetes/client-node';
import type { Kube, Wire } from '../model/kube.ts';
import { containersOf, isReady, podName, type Pod } from './pod-state.ts';

/** For all of it: the user waits for the message. */
const limitMs = 20_000;
const shownLines = 20;
const savedLines = 2000;

export interface Evidence {
  /** Keeps the last lines of hook containers that ended badly: Helm may delete their pod the next moment. */
  watchHooks(pods: readonly Pod[]): void;
  /** Last lines of a container, of its last run that ended where there is one. */
  lines(pod: string, container: string): Promise<readonly string[]>;
  /** The hook containers that ended badly, with their lines. */
  hooks(job: string): Promise<readonly string[]>;
  /** Last warnings of the namespace. */
  events(limit: number): Promise<readonly string[]>;
  /** Saves pods, events and logs; what cannot be had is left out. */
  save(pods: readonly Pod[]): Promise<void>;
}

type Event = Wire<CoreV1Event>;

/** Gathers what tells why a release did not come up; has limits of its own and never rejects. */
export function evidence(kube: Kube, namespace: string, folder: string): Evidence {
  const caught = new Map<string, { job: string; lines: Promise<readonly string[]> }>();
  const bounded = (): AbortSignal => AbortSignal.timeout(limitMs);

  const tail = async (pod: string, container: string, count: number): Promise<readonly string[]> => {
    const ref = { namespace, pod, container };
    const signal = bounded();
    const now = await kube.tail(ref, count, {}, signal).catch(() => []);
    if (now.length > 0) return now;
    return kube.tail(ref, count, { previous: true }, signal).catch(() => []);
  };
  const events = async (): Promise<Event[]> => {
    const all = await kube
      .list<Event>({ apiVersion: 'v1', kind: 'Event', namespace }, bounded())
      .catch(() => [] as Event[]);
    return all.sort((a, b) => timeOf(a).localeCompare(timeOf(b)));
  };
  const write = (file: string, text: string): Promise<void> =>
    fs.promises.writeFile(path.join(folder, file), text, { mode: 0o600 });

  return {
    watchHooks(pods) {
      for (const pod of pods) {
        const job = pod.metadata?.ownerReferences?.find((owner) => owner.kind === 'Job')?.name;
        if (job === undefined) continue;
        for (const { name, status } of containersOf(pod)) {
          const end = status.state?.terminated ?? status.lastState?.terminated;
          const key = `${podName(pod)} ${name} ${String(status.restartCount)}`;
          if (end === undefined || end.exitCode === 0 || caught.has(key)) continue;
          const lines = tail(podName(pod), name, shownLines).then((text) => [
            `pod ${podName(pod)}, container ${name}: exit code ${String(end.exitCode)}`,
            ...text,
          ]);
          caught.set(key, { job, lines });
        }
      }
    },
    lines: (pod, container) => tail(pod, container, shownLines),
    async hooks(job) {
      const found = [...caught.values()].filter((item) => item.job === job);
      // All tries of a Job fail alike as a rule: the last one tells enough.
      return (await found.at(-1)?.lines) ?? [];
    },
    async events(limit) {
      return (await events())
        .filter((event) => event.type !== 'Normal')
        .slice(-limit)
        .map(eventLine);
    },
    async save(pods) {
      await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 });
      const ill = pods.filter((pod) => !isReady(pod) && pod.status?.phase !== 'Succeeded');
      const logs = ill.flatMap(containersOf).slice(0, 20);
      await Promise.allSettled([
        events().then((all) => write('events.txt', all.map(eventLine).join('\n') + '\n')),
        write('pods-not-ready.yaml', ill.map((pod) => stringify(withoutNoise(pod))).join('---\n')),
        ...logs.map(async ({ pod, name }) => {
          const lines = await tail(podName(pod), name, savedLines);
          if (lines.length > 0) await write(`${podName(pod)}_${name}.log`, lines.join('\n') + '\n');
        }),
      ]);
    },
  };
}

const timeOf = (event: Event): string =>
  event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '';

const eventLine = (event: Event): string => {
  const { kind = '', name = '' } = event.involvedObject;
  const times = (event.count ?? 1) > 1 ? ` (${String(event.count)} times)` : '';
  return `${timeOf(event)} ${event.type ?? ''} ${event.reason ?? ''} ${kind}/${name}: ${event.message ?? ''}${times}`;
};

function withoutNoise(pod: Pod): object {
  const metadata = { ...pod.metadata };
  delete metadata.managedFields;
  return { ...pod, metadata };
}
