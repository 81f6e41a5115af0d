import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { V1Secret } from '@kubernetes/client-node';
import type { Clock } from '../../model/deps.ts';
import { KetError } from '../../model/errors.ts';
import type { AnyObject, Kube, Wire } from '../../model/kube.ts';
import type { SuitePlan } from '../../model/plan.ts';
import type { ClusterHandle } from '../../model/run.ts';
import type { StateFile } from '../../model/state.ts';
import type { TaskContext } from '../../model/task.ts';
import { Created } from '../job/created.ts';
import { namespaceFor, objectsFor } from '../job/objects.ts';
import { attemptLabels, attemptName, type AttemptId } from '../names.ts';

/** The key to the cluster that an attempt on this machine gets. */
export interface Access {
  readonly kubeconfig: string;
  /** Removes the file, and what was made in the cluster for it. */
  end(): Promise<void>;
}

export interface AccessOptions {
  readonly cluster: ClusterHandle;
  readonly state: StateFile;
  /** The cluster is ket's own: its administrator may be the suite. */
  readonly own: boolean;
  /** Of the releases that it needs. */
  readonly namespaces: readonly string[];
  /** Folder for the file. */
  readonly folder: string;
}

/** Without rights a suite must not find those of the user of this machine either. */
const nobody = '/dev/null';

/** A kubeconfig of the attempt alone: one cluster, one user, one context, in a file that nobody else can read. */
export async function accessFor(
  suite: SuitePlan,
  id: AttemptId,
  { cluster, state, own, namespaces, folder }: AccessOptions,
  context: TaskContext,
): Promise<Access> {
  if (suite.api === 'none') return { kubeconfig: nobody, end: () => Promise.resolve() };
  const admin = clusterAndUser(cluster.kubeconfig);
  const created = own
    ? undefined
    : new Created({ kube: cluster.kube, ephemeral: false, lists: state, cluster });
  const removeCreated = async (): Promise<void> => created?.remove((event) => context.emit(event));
  const file = path.join(folder, `${id.run}.${id.suite}-${String(id.attempt)}.kubeconfig`);
  // State before deed: a run that is killed now leaves a file that the next one removes.
  const made = { type: 'folder', path: file } as const;
  try {
    const user =
      created === undefined
        ? admin.user
        : { token: await tokenFor(suite, id, namespaces, created, cluster.kube, context) };
    await state.add(made);
    const text = JSON.stringify(kubeconfigOf(admin.cluster, user, namespaces[0] ?? 'default'), null, 2);
    fs.writeFileSync(file, `${text}\n`, { mode: 0o600 });
  } catch (error) {
    await removeCreated();
    throw error;
  }
  return {
    kubeconfig: file,
    async end() {
      fs.rmSync(file, { force: true });
      await state.remove(made);
      await removeCreated();
    },
  };
}

const kubeconfigOf = (cluster: unknown, user: unknown, namespace: string): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'ket',
  clusters: [{ name: 'ket', cluster }],
  users: [{ name: 'ket', user }],
  contexts: [{ name: 'ket', context: { cluster: 'ket', user: 'ket', namespace } }],
});

interface Named {
  readonly name: string;
}
interface Kubeconfig {
  readonly 'current-context'?: string;
  readonly clusters?: readonly (Named & { readonly cluster: unknown })[];
  readonly users?: readonly (Named & { readonly user: unknown })[];
  readonly contexts?: readonly (Named & { readonly context: { cluster: string; user: string } })[];
}

/** Those of the current context. */
function clusterAndUser(file: string): { readonly cluster: unknown; readonly user: unknown } {
  const config = parse(fs.readFileSync(file, 'utf8')) as Kubeconfig | null;
  const current = config?.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config?.clusters?.find(({ name }) => name === current?.cluster)?.cluster;
  const user = config?.users?.find(({ name }) => name === current?.user)?.user;
  if (cluster === undefined || user === undefined)
    throw new KetError('KET_KUBE', 'the kubeconfig has no cluster or user for its current context', {
      where: file,
    });
  return { cluster, user };
}

const tokenMs = 30_000;
const pauseMs = 100;
const day = 86_400;

/** A ServiceAccount with the rights that a suite in the cluster has, in a namespace of the attempt; its token. */
async function tokenFor(
  suite: SuitePlan,
  id: AttemptId,
  namespaces: readonly string[],
  created: Created,
  kube: Kube,
  context: TaskContext,
): Promise<string> {
  const { signal } = context;
  const { clock } = context.deps;
  const name = attemptName(id);
  const expires = Math.ceil(clock.now() / 1000) + day;
  const nothing = {
    ketRun: Buffer.alloc(0),
    secrets: new Map(),
    authorities: undefined,
    durations: new Map(),
  };
  const rights = objectsFor(id, { ...suite, secrets: [] }, name, namespaces, nothing).filter(
    ({ kind }) => kind !== 'ConfigMap',
  );
  const secret: AnyObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...{ name, namespace: name, labels: attemptLabels(id) },
      annotations: { 'kubernetes.io/service-account.name': name },
    },
    type: 'kubernetes.io/service-account-token',
  };
  const space = namespaceFor(id, suite, { quota: {}, limitRange: [] }, expires);
  await created.createAll([...space, ...rights], signal);
  await created.createAll([secret], signal);
  context.awaiting('the cluster to make a token for the suite');
  return tokenIn(kube, name, clock, signal);
}

async function tokenIn(kube: Kube, name: string, clock: Clock, signal: AbortSignal): Promise<string> {
  const until = clock.monotonic() + tokenMs;
  for (;;) {
    const secret = await kube.get<Wire<V1Secret>>(
      { apiVersion: 'v1', kind: 'Secret', namespace: name, name },
      signal,
    );
    const token = secret?.data?.['token'];
    if (token !== undefined) return Buffer.from(token, 'base64').toString('utf8');
    if (clock.monotonic() >= until)
      throw new KetError('KET_KUBE', `the cluster made no token for ServiceAccount ${name} within 30 s`, {
        next: 'see whether its controller manager runs',
      });
    await clock.sleep(pauseMs, signal);
  }
}
