import type { V1Container, V1EnvVar } from '@kubernetes/client-node';
import type { Wire } from '../../model/kube.ts';
import type { SuitePlan } from '../../model/plan.ts';
import { attemptName, suiteId } from '../names.ts';
import { retryCasesFile } from '../verdict/failed-cases.ts';
import { indexLabel, podsOf } from '../verdict/pods.ts';
import { literal, podArgvOf } from './argv.ts';
import { durationsKey, folders, ketRun, unavailableFile } from './in-pod.ts';
import type { JobInput } from './job-input.ts';
import { referenceParts } from './references.ts';

type Container = Wire<V1Container>;

/** The container that runs the suite: the template's, with all that belongs to the attempt. */
export function mainOf(
  input: JobInput,
  main: Container,
  image: string,
  podUid: readonly Wire<V1EnvVar>[],
): Container {
  const { id, suite, limits } = input;
  const ours: Record<string, string> = {
    KET_RUN_ID: id.run,
    KET_SUITE: id.suite,
    KET_ATTEMPT: String(id.attempt),
    KET_SUITE_ID: suiteId(id),
    KET_RESULTS: '/results',
    KET_DURATIONS: `/ket/bin/${durationsKey}`,
    KET_NAMESPACE: input.namespace,
    KET_RELEASE_NAMESPACES: input.releaseNamespaces.join(','),
    ...(input.tellsUnavailable === true ? { KET_UNAVAILABLE_FILE: unavailableFile } : {}),
    ...(input.retriesCases === true ? { KET_RETRY_CASES: retryCasesFile } : {}),
  };
  const wanted = { ...ours, ...suite.env };
  const references = referenceParts(id, suite);
  const taken = references.env.map(({ name }) => name);
  // In either spelling: a suite that empties HTTP_PROXY wants none.
  const own = new Set(
    [...Object.keys(wanted), ...suite.secrets, ...taken, ...(main.env ?? []).map((e) => e.name)].map((n) =>
      n.toUpperCase(),
    ),
  );
  const outbound = Object.entries(input.outbound.env).filter(([name]) => !own.has(name.toUpperCase()));
  return {
    ...without(main, 'args'),
    image,
    imagePullPolicy: 'IfNotPresent',
    ...(suite.workingDir === undefined ? {} : { workingDir: suite.workingDir }),
    env: [
      ...(main.env ?? []).filter(
        (e) => ![...Object.keys(wanted), ...suite.secrets, ...taken].includes(e.name),
      ),
      ...podUid,
      ...indexOf(suite),
      ...[...outbound, ...Object.entries(wanted)].map(([name, value]) => ({ name, value: literal(value) })),
      ...suite.secrets.map((key) => ({
        name: key,
        valueFrom: { secretKeyRef: { name: attemptName(id), key } },
      })),
      ...references.env,
    ],
    ...(references.envFrom.length === 0 ? {} : { envFrom: [...(main.envFrom ?? []), ...references.envFrom] }),
    volumeMounts: [
      ...(main.volumeMounts ?? []),
      ...(suite.shm === undefined ? [] : [{ name: 'ket-shm', mountPath: '/dev/shm' }]),
      ...references.mounts,
      // Parts of the results' volume, so that what is in them is as safe as what is in /results.
      ...suite.results.map((folder) => ({
        name: resultsVolume(main) ?? 'results',
        mountPath: folder,
        subPath: folder.slice(1),
      })),
    ],
    resources: { requests: { ...suite.resources.requests }, limits: { ...suite.resources.limits } },
    command: [
      ketRun,
      'wrap',
      ...folders,
      '--nonce',
      input.nonce,
      '--uid',
      '$(KET_POD_UID)',
      '--limit-ms',
      String(limits.suiteMs),
      '--grace-ms',
      String(limits.killMs),
      '--',
      ...podArgvOf(suite, input.image, suite.job === undefined ? undefined : main),
    ],
  };
}

/** Which of its pods it is; a suite of one pod is the one shard of one. */
function indexOf(suite: SuitePlan): Wire<V1EnvVar>[] {
  const { count, word } = podsOf(suite);
  const fieldPath = `metadata.labels['${indexLabel}']`;
  const index = count === 1 ? { value: '0' } : { valueFrom: { fieldRef: { fieldPath } } };
  const total = { value: String(count) };
  return word === 'shard'
    ? [
        { name: 'KET_SHARD', ...index },
        { name: 'KET_SHARDS', ...total },
      ]
    : [
        { name: 'KET_REPLICA', ...index },
        { name: 'KET_REPLICAS', ...total },
      ];
}

/** The volume of a container's /results. */
export const resultsVolume = ({ volumeMounts = [] }: Container): string | undefined =>
  volumeMounts.find(({ mountPath }) => mountPath === '/results')?.name;

/** Words of the template would be appended to ket's command. */
export function without(container: Container, key: 'args'): Container {
  const { [key]: _dropped, ...rest } = container;
  return rest;
}
