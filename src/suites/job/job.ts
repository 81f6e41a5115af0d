import type { V1EnvVar, V1PodSpec, V1Volume } from '@kubernetes/client-node';
import type { Wire } from '../../model/kube.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { ImageFacts } from '../../model/run.ts';
import { KetError } from '../../model/errors.ts';
import { formatBytes } from '../../model/quantity.ts';
import { attemptLabels, attemptName } from '../names.ts';
import { retryCasesKey } from '../verdict/failed-cases.ts';
import { podsOf } from '../verdict/pods.ts';
import { defaultContainer, durationsKey, folders, ketRun, mainContainerOf, sidecar } from './in-pod.ts';
import type { Job, JobInput } from './job-input.ts';
import { mainOf, resultsVolume, without } from './main-container.ts';
import { authoritiesKey } from './outbound.ts';
import { referenceParts } from './references.ts';

type PodSpec = Wire<V1PodSpec>;
type Volume = Wire<V1Volume>;

/**
 * An unprivileged user for images whose own is root, a name (the kubelet cannot prove that a name is not root) or
 * unknown. Any number above the system users does.
 */
const unprivileged = 10001;

/**
 * The Job of one attempt: the template with everything set that belongs to the attempt. A user, group or fsGroup that
 * the template names stays. Pure.
 */
export function jobFor(input: JobInput): Job {
  const { id, suite, template, limits } = input;
  const name = attemptName(id);
  const labels = attemptLabels(id);
  const base = template.spec?.template.spec;
  const own = base?.initContainers?.find((c) => c.name === sidecar);
  const mainName = mainContainerOf(suite);
  const main = base?.containers.find((c) => c.name === mainName);
  if (template.kind !== 'Job' || base === undefined || own === undefined || main === undefined)
    throw new KetError(
      'KET_CONFIG',
      `the Job template lacks the container "${mainName}" or the sidecar "ket"`,
      {
        where: suite.template ?? 'templates/test-job.yaml',
        next: 'start from templates/test-job.yaml and keep its containers',
      },
    );
  const image = suite.image;
  if (image === undefined) throw new KetError('KET_INTERNAL', `suite ${suite.name} has no image`);

  const references = referenceParts(id, suite);
  const env: Wire<V1EnvVar>[] = [
    { name: 'KET_POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
  ];
  const spec: PodSpec = {
    ...(input.priorityClass === undefined ? {} : { priorityClassName: input.priorityClass }),
    ...base,
    ...(input.pullSecret === undefined
      ? {}
      : { imagePullSecrets: [...(base.imagePullSecrets ?? []), { name: input.pullSecret }] }),
    // A container that is started again would hide its first end.
    restartPolicy: 'Never',
    activeDeadlineSeconds: Math.ceil(limits.podMs / 1000),
    terminationGracePeriodSeconds: Math.ceil((limits.collectMs + limits.keepMs) / 1000),
    ...accountOf(suite, base, name),
    dnsPolicy: 'None',
    // ndots as the kubelet's own ClusterFirst policy sets it.
    dnsConfig: {
      nameservers: [input.dns.nameserver],
      searches: [...input.dns.searches],
      options: [{ name: 'ndots', value: '5' }],
    },
    // A Job of the user's own runs as its author means it.
    securityContext: { ...(suite.job === undefined ? userOf(input.image) : {}), ...base.securityContext },
    initContainers: [
      ...(base.initContainers ?? []).filter((c) => c.name !== sidecar),
      {
        ...without(own, 'args'),
        image,
        imagePullPolicy: 'IfNotPresent',
        restartPolicy: 'Always',
        terminationMessagePolicy: 'File',
        env: [...(own.env ?? []), ...env],
        command: [
          ketRun,
          'hold',
          ...folders,
          '--nonce',
          input.nonce,
          '--uid',
          '$(KET_POD_UID)',
          '--contact-ms',
          String(contactMs),
          '--grace-ms',
          String(limits.collectMs + limits.keepMs),
        ],
      },
    ],
    containers: [...base.containers.filter((c) => c.name !== mainName), mainOf(input, main, image, env)],
    volumes: [
      ...(base.volumes ?? []).map((volume) => limited(volume, resultsVolume(main), suite.caps.bytes)),
      ...(suite.shm === undefined
        ? []
        : [{ name: 'ket-shm', emptyDir: { medium: 'Memory', sizeLimit: suite.shm } }]),
      ...references.volumes,
      {
        name: 'ket-bin',
        configMap: {
          name,
          defaultMode: 0o555,
          items: [
            { key: 'ket-run', path: 'ket-run' },
            { key: durationsKey, path: durationsKey, mode: 0o444 },
            ...(input.outbound.authorities === undefined
              ? []
              : [{ key: authoritiesKey, path: authoritiesKey, mode: 0o444 }]),
            ...(input.retriesCases === true
              ? [{ key: retryCasesKey, path: retryCasesKey, mode: 0o444 }]
              : []),
          ],
        },
      },
    ],
  };
  return {
    ...template,
    metadata: {
      ...template.metadata,
      name,
      namespace: input.namespace,
      labels: { ...template.metadata?.labels, ...labels },
    },
    spec: {
      ...countsOf(template, podsOf(suite).count),
      podReplacementPolicy: 'Failed',
      activeDeadlineSeconds: Math.ceil(limits.jobMs / 1000),
      // A kept pod must outlive the keeping.
      ttlSecondsAfterFinished: Math.max(
        template.spec?.ttlSecondsAfterFinished ?? 3600,
        Math.ceil(limits.keepMs / 1000),
      ),
      template: {
        ...template.spec?.template,
        metadata: {
          ...template.spec?.template.metadata,
          labels: { ...template.spec?.template.metadata?.labels, ...labels },
          annotations: { ...template.spec?.template.metadata?.annotations, [defaultContainer]: mainName },
        },
        spec,
      },
    },
  };
}

/** One pod; or several with an index each, of which none goes down because another failed. */
function countsOf({ spec }: Job, count: number): Omit<NonNullable<Job['spec']>, 'template'> {
  const { template: _template, backoffLimit: _backoffLimit, ...rest } = spec ?? {};
  const several = { completionMode: 'Indexed', backoffLimitPerIndex: 0 };
  return {
    ...rest,
    completions: count,
    parallelism: count,
    ...(count === 1 ? { backoffLimit: 0 } : several),
  };
}

/** In the namespace of a release, which stays, a Job of the user's own may have an account there. */
function accountOf(
  suite: SuitePlan,
  { serviceAccountName }: PodSpec,
  name: string,
): Pick<PodSpec, 'serviceAccountName' | 'automountServiceAccountToken'> {
  if (suite.job !== undefined && suite.placement === 'release' && serviceAccountName !== undefined) return {};
  return { serviceAccountName: name, automountServiceAccountToken: suite.api !== 'none' };
}

/** Beyond the caps of the results, so that these are what is met first, with all that is within them. */
const roomBeyondCaps = 2 ** 30;

/** Results on the disk of the node are no more than what is brought home, with some room. */
function limited(volume: Volume, results: string | undefined, capBytes: number): Volume {
  const { emptyDir } = volume;
  if (volume.name !== results || emptyDir === undefined || emptyDir.sizeLimit !== undefined) return volume;
  return { ...volume, emptyDir: { ...emptyDir, sizeLimit: formatBytes(capBytes + roomBeyondCaps) } };
}

/** Without contact from a driver for so long the sidecar leaves (docs/design.md). */
const contactMs = 600_000;

function userOf(image: ImageFacts | undefined): Record<string, number> {
  const [user = '', group = ''] = (image?.user ?? '').split(':');
  const uid = /^\d+$/.test(user) ? Number(user) : 0;
  if (uid === 0) return { runAsUser: unprivileged, runAsGroup: unprivileged, fsGroup: unprivileged };
  const gid = /^\d+$/.test(group) && Number(group) !== 0 ? Number(group) : uid;
  return { runAsUser: uid, runAsGroup: gid, fsGroup: gid };
}
