import type { CoreV1Event } from '@kubernetes/client-node';
import type { NodePull } from '../model/events.ts';
import type { Kube, Wire } from '../model/kube.ts';

type KubeEvent = Wire<CoreV1Event>;

/** What kubelets told of images that they pulled, since a time in unix ms; the slowest first. Pure. */
export function pullsIn(events: readonly KubeEvent[], since: number): readonly NodePull[] {
  const found = new Map<string, { nodes: Set<string>; pullMs: number }>();
  for (const { reason, message = '', source, reportingInstance, ...event } of events) {
    if (reason !== 'Pulled') continue;
    const at = Date.parse(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? '');
    // Stamps have whole seconds.
    if (at < since - 1000) continue;
    const match = /^Successfully pulled image "([^"]+)" in (\S+)(?: \((\S+) including waiting\))?/.exec(
      message,
    );
    if (match === null) continue;
    const [, image = '', alone = '', all = alone] = match;
    const one = found.get(image) ?? { nodes: new Set<string>(), pullMs: 0 };
    one.nodes.add(source?.host ?? reportingInstance ?? '');
    one.pullMs = Math.max(one.pullMs, goMs(all));
    found.set(image, one);
  }
  return [...found]
    .map(([image, { nodes, pullMs }]) => ({ image, nodes: nodes.size, pullMs }))
    .sort((a, b) => b.pullMs - a.pullMs);
}

const units: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  µs: 0.001,
  ns: 1e-6,
};

/** `1m2.5s`, as Go writes durations, in ms. */
function goMs(text: string): number {
  let ms = 0;
  for (const [, count, unit = ''] of text.matchAll(/([\d.]+)(h|ms|m|s|µs|ns)/g))
    ms += Number(count) * (units[unit] ?? 0);
  return Math.round(ms);
}

/**
 * What the nodes pulled themselves since a time in unix ms. In a cluster that stays, the namespaces of suites are gone
 * when all has ended, and what was pulled for them alone with them.
 */
export async function nodePulls(
  kube: Pick<Kube, 'list'>,
  since: number,
  signal: AbortSignal,
): Promise<readonly NodePull[]> {
  const query = { apiVersion: 'v1', kind: 'Event', fieldSelector: 'reason=Pulled' };
  return pullsIn(await kube.list<KubeEvent>(query, signal), since);
}
