import type { PodView } from './api.ts';
import type { Scene, Target } from './faults.ts';
import { pause, run, until } from './node.ts';

/** Faults in the cluster. Each resolves with what the cluster itself says of it. */

const podPath = (scene: Scene, pod: string): string => `/api/v1/namespaces/${scene.namespace}/pods/${pod}`;

/** The pod of the target, from the server: faults before its start do not know it yet. */
async function podOf(scene: Scene): Promise<PodView> {
  if (scene.pod !== undefined) {
    const { status, body } = await scene.api.ask('GET', podPath(scene, scene.pod.name));
    if (status !== 200) throw new Error(`pod ${scene.pod.name} is no longer there: ${status}`);
    return body as PodView;
  }
  return scene.api.until(
    `a pod in ${scene.namespace}`,
    `/api/v1/namespaces/${scene.namespace}/pods`,
    ({ body }) => (body as { items?: PodView[] }).items?.[0],
    10_000,
  );
}

const targetOf = (scene: Scene): Target => {
  if (scene.pod === undefined) throw new Error('the pod has not started');
  return scene.pod;
};

/** Deletes an object of that UID, which nobody else deletes yet; the server's own answer is the proof. */
async function remove(scene: Scene, path: string, how: object): Promise<string> {
  const before = await scene.api.ask('GET', path);
  const { metadata } = before.body as PodView;
  if (before.status !== 200) throw new Error(`${path} is not there: ${before.status}`);
  if (metadata.deletionTimestamp !== undefined) throw new Error(`${path} was being deleted already`);
  const preconditions = { uid: metadata.uid };
  const { status, body } = await scene.api.ask('DELETE', path, {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    preconditions,
    ...how,
  });
  if (status !== 200 && status !== 202) throw new Error(`DELETE ${path}: ${status} ${JSON.stringify(body)}`);
  const gone = await scene.api.until(`${path} is gone or going`, path, (answer) => {
    if (answer.status === 404) return 'gone';
    const { metadata: now } = answer.body as PodView;
    if (now.uid !== metadata.uid) return 'replaced';
    return now.deletionTimestamp === undefined ? undefined : `going since ${now.deletionTimestamp}`;
  });
  return `DELETE of uid ${metadata.uid.slice(0, 8)} answered ${status}, then ${gone}`;
}

export async function forceDeletePod(scene: Scene): Promise<string> {
  const pod = await podOf(scene);
  return remove(scene, podPath(scene, pod.metadata.name), { gracePeriodSeconds: 0 });
}

export async function deleteJob(scene: Scene): Promise<string> {
  const jobs = `/apis/batch/v1/namespaces/${scene.namespace}/jobs`;
  const { body } = await scene.api.ask('GET', jobs);
  const name = (body as { items?: PodView[] }).items?.[0]?.metadata.name;
  if (name === undefined) throw new Error('there is no Job');
  return remove(scene, `${jobs}/${name}`, { propagationPolicy: 'Background' });
}

export const deleteNamespace = (scene: Scene): Promise<string> =>
  remove(scene, `/api/v1/namespaces/${scene.namespace}`, {});

export async function evictPod(scene: Scene): Promise<string> {
  const { name, uid } = targetOf(scene);
  const path = podPath(scene, name);
  const { status, body } = await scene.api.ask('POST', `${path}/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: scene.namespace },
  });
  if (status !== 201) throw new Error(`the eviction was answered ${status} ${JSON.stringify(body)}`);
  return scene.api.until(`pod ${name} is marked as evicted`, path, (answer) => {
    if (answer.status === 404) return `eviction of uid ${uid.slice(0, 8)} answered 201, and it is gone`;
    const { conditions = [] } = (answer.body as PodView).status ?? {};
    const target = conditions.find((one) => one.type === 'DisruptionTarget' && one.status === 'True');
    return target?.reason === undefined ? undefined : `DisruptionTarget ${target.reason}`;
  });
}

export async function killContainer(scene: Scene): Promise<string> {
  const { container } = targetOf(scene);
  if (container === undefined) throw new Error('its container was not found');
  const { id, pid } = container;
  // Fails when there is no such process any more.
  await scene.node.inside('kill', '-KILL', String(pid));
  await until(
    `process ${pid} is gone`,
    async () => ((await scene.node.hasProcess(pid)) ? undefined : true),
    10_000,
  );
  return `process ${pid}, which was container ${id.slice(0, 8)} for the runtime, is gone after SIGKILL`;
}

export async function killApiServer(scene: Scene): Promise<string> {
  const { node, api } = scene;
  const before = await node.pidOf('kube-apiserver');
  if (before === undefined) throw new Error('no API server was running');
  const began = performance.now();
  await node.inside('kill', '-KILL', String(before));
  const after = await until('a new API server', async () => {
    const pid = await node.pidOf('kube-apiserver');
    return pid === before ? undefined : pid;
  });
  await api.until('the API server is ready again', '/readyz', ({ status }) => status === 200 || undefined);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  return `kube-apiserver was process ${before}, is ${after}, ready again after ${seconds} s`;
}

export async function stopKubelet(scene: Scene): Promise<string> {
  const { node } = scene;
  const invocation = (): Promise<string> => node.inside('systemctl', 'show', '-P', 'InvocationID', 'kubelet');
  const before = await invocation();
  const ms = 2000 + scene.random.below(3000);
  await node.inside('systemctl', 'stop', 'kubelet');
  try {
    const state = await node.inside('sh', '-c', 'systemctl is-active kubelet; true');
    if (state !== 'inactive') throw new Error(`the kubelet is ${state}, not stopped`);
    await pause(ms);
  } finally {
    await node.inside('systemctl', 'start', 'kubelet');
  }
  const after = await invocation();
  if (before === after) throw new Error('the kubelet is still the one that ran before');
  return `kubelet inactive for ${ms} ms, invocation ${before.slice(0, 6)}, then ${after.slice(0, 6)}`;
}

export async function pauseNode(scene: Scene): Promise<string> {
  const { name } = scene.node;
  const ms = 1500 + scene.random.below(2000);
  await run('docker', 'pause', name);
  try {
    const state = await run('docker', 'inspect', '-f', '{{.State.Status}}', name);
    if (state !== 'paused') throw new Error(`the node is ${state}, not paused`);
    await pause(ms);
  } finally {
    await run('docker', 'unpause', name);
  }
  return `Docker says of ${name}: paused, for ${ms} ms`;
}

export async function killKet(scene: Scene): Promise<string> {
  process.kill(scene.ket, 'SIGKILL');
  return until(
    'ket is gone',
    async () => {
      try {
        process.kill(scene.ket, 0);
        return undefined;
      } catch {
        return `process ${scene.ket} is gone after SIGKILL`;
      }
    },
    10_000,
  );
}
