import crypto from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kindInput } from '../src/cluster/kind-input.ts';
import { waitUntilReady } from '../src/cluster/ready.ts';
import { throwawaySettings, type Setting } from '../src/cluster/throwaway.ts';
import { connect } from '../src/kube/connect.ts';
import type { Commands } from './commands.ts';
import { withKet } from './suite-runs.ts';
import { image, shapes } from './suite-shapes.ts';

/** What a cluster is made with, to be compared with one made with nothing. */
export interface Candidate {
  readonly name: string;
  readonly settings: readonly Setting[];
  /** CoreDNS is scaled to one replica as soon as the API answers. */
  readonly oneDns?: true;
  /** How much of a long log is left is asked too. */
  readonly asksLog?: true;
}

export interface SettingRun {
  readonly at: string;
  readonly round: number;
  /** 1, 2, 3 … in its round. */
  readonly position: number;
  readonly setting: string;
  readonly load: number;
  /** Processor time that the whole machine spent meanwhile, seconds. */
  readonly busy: number;
  /** From the start of `kind create cluster` until releases and suites could be started. */
  readonly readyMs: number;
  /** From the start of `ket run` to the verdict of the last of many suites. */
  readonly verdictsMs: number;
  /** What the API still gives of a log of `logMiB`. */
  readonly logMiB?: number;
}

export const none: Candidate = { name: 'none', settings: [], asksLog: true };

const clusterV1beta3 = { kind: 'ClusterConfiguration', apiVersion: 'kubeadm.k8s.io/v1beta3' };
const limits = { extraArgs: { 'kube-api-qps': '200', 'kube-api-burst': '400' } };
const noElection = { extraArgs: { 'leader-elect': 'false' } };

/** Those that ket has, then those that it does not have. */
export const candidates: readonly Candidate[] = [
  ...throwawaySettings.map((setting) => ({
    name: setting.name,
    settings: [setting],
    ...(setting.name === 'log-size' ? { asksLog: true as const } : {}),
  })),
  { name: 'one-dns', settings: [], oneDns: true },
  candidate('etcd-no-fsync', {
    ...clusterV1beta3,
    etcd: { local: { extraArgs: { 'unsafe-no-fsync': 'true' } } },
  }),
  // Their own limits are 20 and 30, and 50 and 100.
  candidate('request-limits', { ...clusterV1beta3, controllerManager: limits, scheduler: limits }),
  candidate('no-leader-election', {
    ...clusterV1beta3,
    controllerManager: noElection,
    scheduler: noElection,
  }),
  candidate('parallel-pulls', {
    kind: 'KubeletConfiguration',
    serializeImagePulls: false,
    maxParallelImagePulls: 4,
  }),
];

function candidate(name: string, patch: object): Candidate {
  // Nothing stands in the Kind config to which it could yield.
  return { name, settings: [{ name, patches: [patch], yieldsTo: /(?!)/ }] };
}

export interface SettingContext {
  readonly commands: Commands;
  readonly root: string;
  readonly box: string;
  readonly kubeconfig: string;
  /** Whether to see how much of a long log is left. */
  readonly asksLog: boolean;
}

const limitMs = 600_000;
const config = {
  kind: 'Cluster',
  apiVersion: 'kind.x-k8s.io/v1alpha4',
  nodes: [{ role: 'control-plane' }],
};
/** More than the 10 MiB at which a kubelet begins a new file unless told otherwise; of a log the API gives the newest. */
const writtenMiB = 80;
/** A kubelet looks at the sizes of logs every ten seconds. */
const rotatedMs = 25_000;

/** A cluster of its own, made, measured and deleted. */
export async function measureOne(
  context: SettingContext,
  { settings, oneDns }: Candidate,
): Promise<Pick<SettingRun, 'readyMs' | 'verdictsMs' | 'logMiB'>> {
  const { commands, kubeconfig } = context;
  const name = `bench-${process.pid}-${crypto.randomBytes(3).toString('hex')}`;
  const input = kindInput(config, {
    nodeImage: process.env['KET_NODE_IMAGE'],
    authorities: undefined,
    settings,
  });
  const image = input.image === undefined ? [] : ['--image', input.image];
  try {
    const began = performance.now();
    await commands.run(
      [
        ...['kind', 'create', 'cluster', '--name', name, '--config', '-', ...image],
        ...['--kubeconfig', kubeconfig, '--retain', '--wait', '0s'],
      ],
      { input: input.config },
    );
    await ready(kubeconfig, `${name}-control-plane`, oneDns === true);
    const readyMs = performance.now() - began;
    const verdictsMs = await verdicts(context, name);
    return { readyMs, verdictsMs, ...(context.asksLog ? { logMiB: await logLeft(commands) } : {}) };
  } finally {
    await commands
      .uninterrupted()
      .run(['kind', 'delete', 'cluster', '--name', name, '--kubeconfig', kubeconfig]);
  }
}

/** Until ket would start releases in it. */
async function ready(kubeconfig: string, node: string, oneDns: boolean): Promise<void> {
  const kube = await connect({ kubeconfig });
  try {
    const dns = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'kube-system', name: 'coredns' };
    if (oneDns) await kube.patch(dns, { spec: { replicas: 1 } });
    await waitUntilReady({
      kube,
      nodes: [node],
      limitMs,
      disableDefaultCNI: false,
      signal: AbortSignal.timeout(limitMs),
      awaiting: () => undefined,
    });
  } finally {
    kube.close();
  }
}

async function verdicts({ commands, root, box }: SettingContext, name: string): Promise<number> {
  await commands.run(['kind', 'load', 'docker-image', image, '--name', name]);
  const ket = path.join(root, 'bin', 'ket');
  return (await withKet({ commands, ket, box, cluster: name }, shapes.forty)).wallMs;
}

/** MiB of a log that can still be read when the kubelet has looked at it. */
async function logLeft(commands: Commands): Promise<number> {
  const line = 'x'.repeat(1023);
  const write = `yes ${line} | head -n ${writtenMiB * 1024}; echo end; sleep 3600`;
  await commands.run([
    ...['kubectl', 'run', 'writer', `--image=${image}`, '--image-pull-policy=IfNotPresent'],
    ...['--restart=Never', '--command', '--', 'sh', '-c', write],
  ]);
  await commands.run(['kubectl', 'wait', '--for=condition=Ready', 'pod/writer', '--timeout=3m']);
  for (const limit = performance.now() + limitMs; ;) {
    const { stdout } = await commands.attempt(['kubectl', 'logs', 'writer', '--tail=1']);
    if (stdout.trim() === 'end') break;
    if (performance.now() > limit) throw new Error('the writer of the log does not come to its end');
  }
  await sleep(rotatedMs);
  const left = await commands.run([...['sh', '-c', 'kubectl logs writer | wc -c']]);
  return Number(left) / 2 ** 20;
}
