import type { V1Container, V1JobSpec, V1VolumeMount } from '@kubernetes/client-node';
import type { Wire } from '../../model/kube.ts';
import { sidecar } from './in-pod.ts';
import type { Job } from './job-input.ts';

type Container = Wire<V1Container>;
type JobSpec = Wire<V1JobSpec>;
type Mount = Wire<V1VolumeMount>;

/** What the Job controller would do by itself: other pods than ket's own, or removing the Job early. */
const dropped = [
  ...['selector', 'manualSelector', 'completionMode', 'suspend', 'managedBy', 'ttlSecondsAfterFinished'],
  ...['podFailurePolicy', 'successPolicy', 'backoffLimitPerIndex', 'maxFailedIndexes'],
] as const satisfies readonly (keyof JobSpec)[];

/**
 * A user's own Job as a template: with the sidecar and the volumes through which ket's helper works. Its containers
 * keep their names, users and all else that `jobFor` does not set. Pure.
 */
export function templateOf(manifest: Job, main: string): Job {
  const spec = manifest.spec;
  const pod = spec?.template.spec;
  const container = pod?.containers.find(({ name }) => name === main);
  if (spec === undefined || pod === undefined || container === undefined) return manifest;
  const results = mountOf(container, '/results') ?? { name: 'ket-results', mountPath: '/results' };
  const bin: Mount = { name: 'ket-bin', mountPath: '/ket/bin', readOnly: true };
  const state: Mount = { name: 'ket-state', mountPath: '/ket/state' };
  const mine = [bin, state, results];
  const others = (container.volumeMounts ?? []).filter((mount) => mount !== results);
  const { name: _name, namespace: _namespace, ...metadata } = manifest.metadata ?? {};
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      ...(Object.fromEntries(
        Object.entries(spec).filter(([key]) => !(dropped as readonly string[]).includes(key)),
      ) as unknown as JobSpec),
      template: {
        ...spec.template,
        spec: {
          ...pod,
          initContainers: [...(pod.initContainers ?? []), sidecarOf(container, mine)],
          containers: pod.containers.map((one) =>
            one === container ? { ...one, volumeMounts: [...others, ...mine] } : one,
          ),
          volumes: [
            ...(pod.volumes ?? []),
            { name: 'ket-state', emptyDir: { sizeLimit: '2Gi' } },
            ...(results.name === 'ket-results' ? [{ name: 'ket-results', emptyDir: {} }] : []),
          ],
        },
      },
    },
  };
}

const mountOf = ({ volumeMounts = [] }: Container, mountPath: string): Mount | undefined =>
  volumeMounts.find((mount) => mount.mountPath.replace(/\/$/, '') === mountPath);

/** Under the user of the main container, whose files it reads, and with no right besides. */
function sidecarOf({ securityContext = {} }: Container, volumeMounts: readonly Mount[]): Container {
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions } = securityContext;
  return {
    name: sidecar,
    resources: { requests: { cpu: '5m', memory: '16Mi' }, limits: { memory: '64Mi' } },
    securityContext: {
      ...(runAsUser === undefined ? {} : { runAsUser }),
      ...(runAsGroup === undefined ? {} : { runAsGroup }),
      ...(runAsNonRoot === undefined ? {} : { runAsNonRoot }),
      ...(seLinuxOptions === undefined ? {} : { seLinuxOptions }),
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [...volumeMounts],
  };
}
