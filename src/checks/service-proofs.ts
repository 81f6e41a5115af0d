import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { Kube, Wire } from '../model/kube.ts';
import { evidence } from '../releases/evidence.ts';
import { isReady } from '../releases/pod-state.ts';

const shownServices = 2;
const shownEvents = 3;

/**
 * Last lines and warnings of services that a check found wrong, for the message; their pods, events and logs go into
 * `folder`. What cannot be had is left out.
 */
export async function proofsOf(
  kube: Kube,
  services: readonly string[],
  folder: string,
): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(20_000);
  const lines = await Promise.all(
    services.slice(0, shownServices).map(async (label) => {
      const [namespace = '', name = ''] = label.split('/');
      const service = await kube
        .get<Wire<V1Service>>({ apiVersion: 'v1', kind: 'Service', namespace, name }, signal)
        .catch(() => undefined);
      const proofs = evidence(kube, namespace, folder);
      const selector = Object.entries(service?.spec?.selector ?? {});
      if (service === undefined || selector.length === 0) return [];
      const labelSelector = selector.map(([key, value]) => `${key}=${value}`).join(',');
      const pods = await kube
        .list<Wire<V1Pod>>({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector }, signal)
        .catch(() => []);
      await proofs.save(pods);
      const pod = pods.find((one) => !isReady(one)) ?? pods[0];
      const { name: podName = '' } = pod?.metadata ?? {};
      const said = pod === undefined ? [] : await proofs.lines(podName, pod.spec?.containers[0]?.name ?? '');
      const events = await proofs.events(shownEvents);
      return [
        pod === undefined ? `no pod of Service ${label}` : `pod ${podName} of Service ${label}:`,
        ...said.slice(-10),
        ...events,
      ];
    }),
  );
  return lines.flat();
}
