import { describe, expect, test } from '@jest/globals';
import { lookAtNetwork } from '../../src/checks/look-network.ts';
import type { Answer } from '../../src/checks/probe.ts';
import { startPods, type Standing } from '../../src/checks/running.ts';
import type { AnyObject } from '../../src/model/kube.ts';
import { aFailure, anAnswer } from './support/checks.ts';
import { FakeCluster } from './support/phases.ts';

const signal = new AbortController().signal;
const standing = (pod: string, node: string, address: string): Standing => ({
  ...{ namespace: 'ket-r1-checks', pod, container: 'probe', node, address },
});
const one = standing('p1', 'w1', '10.0.1.2');
const two = standing('p2', 'w2', '10.0.2.2');
const service = (name: string, release = 'shop'): object => ({
  metadata: { name, namespace: 'shop', annotations: { 'meta.helm.sh/release-name': release } },
  spec: {
    clusterIP: '10.96.3.7',
    clusterIPs: ['10.96.3.7'],
    selector: { app: name },
    ports: [{ port: 5432 }],
  },
});
const backend = (app: string): object => ({
  metadata: { name: `${app}-1`, namespace: 'shop', labels: { app } },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
});

interface Line {
  readonly id: number;
  readonly kind: string;
  readonly host: string;
  readonly path?: string;
  readonly requests?: number;
}
/** What a probe gets when all is well. */
const well = ({ kind, path = '', requests = 1 }: Line): Answer => {
  if (kind === 'dns') return anAnswer({ addresses: '10.96.3.7' });
  if (path.startsWith('/count/'))
    return anAnswer({ status: 200, body: `sockets 10 requests ${String(requests)}`, requests, opened: 10 });
  return anAnswer({ status: 200, body: 'ket' });
};

/** One look from pods on these nodes; `ill` answers in place of what is well. */
function set(
  pods: readonly Standing[],
  objects: { readonly services: readonly object[]; readonly pods: readonly object[] },
  ill: (line: Line, from: string) => Answer | undefined = () => undefined,
) {
  const asked: (Line & { readonly from: string })[] = [];
  const cluster = new FakeCluster({
    exec: async ({ pod, stdin, onStdout }) => {
      const lines = ((await stdin) ?? '').trim().split('\n');
      for (const text of lines) {
        const line = JSON.parse(text) as Line;
        asked.push({ ...line, from: pod });
        const answer = ill(line, pod) ?? well(line);
        await onStdout(Buffer.from(`${JSON.stringify({ ...answer, id: line.id })}\n`));
      }
      return { exitCode: 0 };
    },
  });
  cluster.set('Service', objects.services);
  cluster.set('Pod', objects.pods);
  const look = lookAtNetwork({
    ...{ kube: cluster.kube, pods, seekers: pods, namespaces: ['shop'], releases: ['shop'] },
    ...{ domain: 'cluster.local', word: 'net' },
  });
  return { look: () => look(signal), asked };
}
const db = { services: [service('db'), service('other', 'mail')], pods: [backend('db')] };

describe('the network', () => {
  test('is looked at from every node: names, ports, pods of other nodes, connections that are kept', async () => {
    const { look, asked } = set([one, two], db);
    expect(await look()).toEqual({ faults: [], services: [], notes: [] });
    expect(new Set(asked.map(({ from }) => from))).toEqual(new Set(['p1', 'p2']));
    const of = (from: string): string[] => asked.filter((line) => line.from === from).map(({ host }) => host);
    // Of the other release nothing; to the pod on the other node, and the count there.
    const names = ['db', 'db.shop', 'db.shop.svc.cluster.local', 'db.shop.svc.cluster.local'];
    expect(of('p1').sort()).toEqual([...names, '10.0.2.2', '10.0.2.2'].sort());
    expect(of('p2').sort()).toEqual([...names, '10.0.1.2', '10.0.1.2'].sort());
  });

  test('each look counts its own connections', async () => {
    const { look, asked } = set([one, two], db);
    await look();
    await look();
    const counts = asked.flatMap(({ path = '' }) => (path.startsWith('/count/') ? [path] : []));
    expect(new Set(counts).size).toBe(4);
  });

  test('one fault of one node is one, with from where to where, and its service', async () => {
    const seen = await set([one, two], db, ({ kind, host }, from) =>
      from === 'p2' && kind === 'tcp' && host.startsWith('db.') ? aFailure('connect', 'timeout') : undefined,
    ).look();
    expect(seen.faults).toEqual([
      expect.stringMatching(
        /^pod p2 on node w2 → db\.shop\.svc\.cluster\.local:5432: expected a connection, seen: .*; likely: /,
      ),
    ]);
    expect(seen.services).toEqual(['shop/db']);
  });

  test('a service without a ready pod is one fault; its name and ports are not asked for', async () => {
    const { look, asked } = set([one, two], { services: [service('db')], pods: [] });
    expect(await look()).toMatchObject({
      faults: ['Service shop/db has no ready pod'],
      services: ['shop/db'],
    });
    expect(asked.filter(({ host }) => host.startsWith('db'))).toEqual([]);
  });

  test('what was not looked at is said', async () => {
    const { look } = set([one], { services: [], pods: [] });
    expect((await look()).notes).toEqual([
      'the cluster has one node for pods, so that none on another could be tried',
      'the releases have no Service',
    ]);
  });
});

describe('pods of ket', () => {
  const pod = (name: string, running: boolean): object => ({
    metadata: { name, namespace: 'n' },
    spec: { nodeName: 'w1', containers: [] },
    status: {
      phase: running ? 'Running' : 'Pending',
      ...(running ? { podIP: '10.0.0.9' } : {}),
      containerStatuses: [
        { name: 'probe', state: running ? { running: {} } : { waiting: { reason: 'ContainerCreating' } } },
      ],
    },
  });

  test('are there when all of them run, in the order in which they were asked for; what is awaited is said', async () => {
    const cluster = new FakeCluster({ create: async <T>(object: AnyObject) => object as T });
    cluster.set('Pod', [pod('b', true), pod('foreign', true), pod('a', false)]);
    const waits: string[] = [];
    const wanted = ['a', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name } }));
    const work = startPods(cluster.kube, 'n', wanted, signal, (what) => waits.push(what));
    setTimeout(() => cluster.set('Pod', [pod('b', true), pod('a', true)]), 20);
    expect((await work).map((found) => [found.pod, found.address, found.node])).toEqual([
      ['a', '10.0.0.9', 'w1'],
      ['b', '10.0.0.9', 'w1'],
    ]);
    expect(waits[0]).toMatch(/^pod a of ket's: /);
  });
});
