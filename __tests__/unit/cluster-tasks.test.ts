import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { clusterTasks, existingClusterTasks } from '../../src/cluster/tasks.ts';
import type { ExecRequest, ExecResult } from '../../src/model/deps.ts';
import type { ClusterPlan } from '../../src/model/plan.ts';
import type { Tools } from '../../src/model/run.ts';
import type { Task } from '../../src/model/task.ts';
import {
  noOutbound,
  aPlan,
  failedWith,
  FakeCluster,
  fakeContext,
  fakeDeps,
  fakeState,
  ok,
  said,
} from './support/phases.ts';

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-tasks-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const tools = { id: 'tools' } as unknown as Task<Tools>;
const found: Tools = { docker: 'docker', kind: 'kind' };
const node = {
  metadata: { name: 'ket-t-r1-control-plane' },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
};

function setUp(
  kind: (request: ExecRequest) => ExecResult | Promise<ExecResult>,
  over: Partial<ClusterPlan> = {},
  readyMs = 50,
) {
  const file = path.join(folder, 'kind.yaml');
  fs.writeFileSync(file, 'nodes: [{role: control-plane}]');
  const state = fakeState();
  const cluster = new FakeCluster();
  const deps = fakeDeps([
    ['kind create', kind],
    ['docker ps', said('ket-t-r1-control-plane\n')],
    ['journalctl', said('kubelet: failed to run Kubelet: bad quantity')],
    ['docker', ok],
  ]);
  const clusterPlan: ClusterPlan = {
    configs: [file],
    kindConfig: {},
    nodes: ['control-plane'],
    disableDefaultCNI: false,
    hostPorts: [],
    throwaway: false,
    readyMs,
    ...over,
  };
  const plan = { ...aPlan({ tier: 't' }), cluster: clusterPlan };
  const run = {
    runId: 'r1',
    folder,
    kubeconfig: path.join(folder, 'kubeconfig'),
    state,
    env: {},
    outbound: noOutbound,
  };
  const tasks = clusterTasks(run, plan, tools, () => Promise.resolve(cluster.kube));
  return { state, cluster, deps, tasks, plan, run };
}
const steps = (request: ExecRequest, ...lines: string[]): void =>
  lines.forEach((line) => request.onLine?.(line, 'stderr'));

describe('the tasks of a cluster', () => {
  test('the state is written first; the nodes are told before kind is done', async () => {
    const end = Promise.withResolvers<ExecResult>();
    const { tasks, deps, state, cluster } = setUp((request) => {
      expect(state.made).toEqual([
        { type: 'kind-cluster', name: 'ket-t-r1', kubeconfig: path.join(folder, 'kubeconfig') },
      ]);
      steps(
        request,
        ' • Preparing nodes 📦  ...',
        ' ✓ Preparing nodes 📦',
        ' • Starting control-plane 🕹️  ...',
      );
      return end.promise.finally(() => steps(request, ' ✓ Starting control-plane 🕹️'));
    });
    const context = fakeContext(deps, [[tools, found]]);
    const nodes = await tasks.nodes.run(context);
    expect(nodes).toMatchObject({
      ...{ name: 'ket-t-r1', nodes: ['ket-t-r1-control-plane'] },
      facts: [{ name: 'ket-t-r1-control-plane', taints: [] }],
    });
    expect(context.events).toContainEqual(
      expect.objectContaining({ type: 'task-step', task: 'cluster nodes', step: 'Preparing nodes' }),
    );
    const second = fakeContext(deps, [
      [tools, found],
      [tasks.nodes, nodes],
    ]);
    const creating = tasks.create.run(second);
    end.resolve(ok);
    const handle = await creating;
    expect(handle).toMatchObject({ name: 'ket-t-r1', nodes: ['ket-t-r1-control-plane'], kube: cluster.kube });
    expect(second.events).toContainEqual(
      expect.objectContaining({ task: 'cluster create', step: 'Starting control-plane' }),
    );
  });

  test('a failed creation brings the lines that matter, and names the folder with all of them', async () => {
    const { tasks, deps } = setUp((request) => {
      steps(
        request,
        ' • Preparing nodes 📦  ...',
        ' ✗ Preparing nodes 📦',
        'ERROR: failed to create cluster: x',
      );
      return failedWith('');
    });
    await expect(tasks.nodes.run(fakeContext(deps, [[tools, found]]))).rejects.toMatchObject({
      code: 'KET_CLUSTER',
      where: path.join(folder, 'cluster'),
      details: expect.arrayContaining([
        'ERROR: failed to create cluster: x',
        '[control-plane kubelet] kubelet: failed to run Kubelet: bad quantity',
      ]),
    });
    expect(fs.existsSync(path.join(folder, 'cluster/ket-t-r1-control-plane/kubelet.log'))).toBe(true);
  });

  test('a cancel ends kind and saves nothing', async () => {
    const { tasks, deps } = setUp(
      (request) =>
        new Promise((_resolve, reject) => {
          request.signal?.addEventListener('abort', () => reject(request.signal?.reason as Error));
        }),
    );
    const context = { ...fakeContext(deps, [[tools, found]]), signal: AbortSignal.timeout(60) };
    await expect(tasks.nodes.run(context)).rejects.toThrow();
    expect(deps.commands.filter((line) => !line.startsWith('kind create'))).toEqual([]);
  });

  test('a cluster that does not get ready is named with what is lacking, and diagnosed', async () => {
    const { tasks, deps, cluster } = setUp(() => ok, { disableDefaultCNI: true });
    cluster.set('Node', [node]);
    const handle = {
      name: 'ket-t-r1',
      kubeconfig: '/k',
      nodes: ['ket-t-r1-control-plane'],
      kube: cluster.kube,
    };
    const context = fakeContext(deps, [
      [tools, found],
      [tasks.create, handle],
    ]);
    await expect(tasks.ready.run(context)).rejects.toMatchObject({
      code: 'KET_NODES_NOT_READY',
      message: expect.stringContaining('CoreDNS (not made yet)'),
      where: path.join(folder, 'cluster'),
      details: expect.arrayContaining([expect.stringContaining('bad quantity')]),
    });
    expect(context.waits.at(-1)).toBe('diagnostics to be saved');
  });

  test('a name in the config is not used, and that is said', async () => {
    const { tasks, deps } = setUp(() => ok, { configName: 'mine' });
    const context = fakeContext(deps, [[tools, found]]);
    await tasks.nodes.run(context);
    expect(context.events).toContainEqual(
      expect.objectContaining({ type: 'notice', text: expect.stringContaining('mine') }),
    );
    expect(deps.commands[0]).toContain('--name ket-t-r1');
  });

  test('a cluster that is there is neither made nor listed', async () => {
    const { run, plan, state, cluster, deps } = setUp(() => ok);
    const existing = { name: 'up', kubeconfig: '/up/kubeconfig' };
    const tasks = existingClusterTasks(run, plan, tools, existing, () => Promise.resolve(cluster.kube));
    const labels = { zone: 'a' };
    cluster.set('Node', [
      { metadata: { name: 'up-control-plane', labels } },
      { metadata: { name: 'other' } },
    ]);
    const handle = await tasks.create.run(fakeContext(deps, []));
    const nodes = await tasks.nodes.run(fakeContext(deps, [[tasks.create, handle]]));
    expect(nodes.facts).toEqual([{ name: 'up-control-plane', labels, mayHaveMore: true, taints: [] }]);
    expect(handle).toMatchObject({ name: 'up', kubeconfig: '/up/kubeconfig', nodes: ['up-control-plane'] });
    expect(state.made).toEqual([]);
    expect(deps.commands).toEqual([]);
  });
});
