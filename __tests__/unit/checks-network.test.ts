import { describe, expect, test } from '@jest/globals';
import { judgePolicy, triesOf, type Tried } from '../../src/checks/policy.ts';
import {
  acrossNodes,
  reuseQuestion,
  serviceQuestions,
  withoutPods,
  type Service,
} from '../../src/checks/network.ts';
import { aFailure, anAnswer } from './support/checks.ts';

const service = (name: string, spec: Service['spec'], namespace = 'shop'): Service => ({
  metadata: { name, namespace },
  spec: { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'], selector: { app: name }, ...spec },
});
/** What is asked, in short. */
const asked = (...services: Service[]): string[] =>
  serviceQuestions(services, 'cluster.local').map(({ probe, expects }) =>
    [
      probe.kind,
      probe.kind === 'dns' ? probe.host : `${probe.host}:${probe.port}`,
      expects.kind === 'addresses' ? expects.addresses.join('+') : expects.kind,
    ].join(' '),
  );
const names = (name: string, address = '10.96.0.5'): string[] =>
  [name, `${name}.shop`, `${name}.shop.svc.cluster.local`].map((host) => `dns ${host} ${address}`);

describe('the services of releases', () => {
  test('are looked up by three names, and each port is tried', () => {
    const ports = [
      { name: 'http', port: 8080 },
      { name: 'http-admin', port: 8081 },
      { name: 'metrics', port: 9000, appProtocol: 'http' },
      { name: 'https', port: 8443 },
      { name: 'http2', port: 8082 },
      { name: 'http', port: 8083, appProtocol: 'kubernetes.io/h2c' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ];
    const at = 'api.shop.svc.cluster.local';
    expect(asked(service('api', { ports }))).toEqual([
      ...names('api'),
      `http ${at}:8080 answer`,
      `http ${at}:8081 answer`,
      `http ${at}:9000 answer`,
      `tcp ${at}:8443 connection`,
      `tcp ${at}:8082 connection`,
      `tcp ${at}:8083 connection`,
    ]);
  });

  test('a short name that two namespaces have is left out', () => {
    const two = asked(service('db', { ports: [] }), service('db', { ports: [] }, 'mail'));
    expect(two).toEqual([
      'dns db.shop 10.96.0.5',
      'dns db.shop.svc.cluster.local 10.96.0.5',
      'dns db.mail 10.96.0.5',
      'dns db.mail.svc.cluster.local 10.96.0.5',
    ]);
  });

  test('without an address of its own, the ports are those of the pods', () => {
    const ports = [
      { port: 80, targetPort: 8080 },
      { port: 90, targetPort: 'web' },
    ];
    const headless = asked(service('db', { clusterIP: 'None', clusterIPs: ['None'], ports }));
    const at = 'db.shop.svc.cluster.local';
    expect(headless).toEqual([...names('db', ''), `tcp ${at}:8080 connection`, `tcp ${at}:90 connection`]);
  });

  test('no port of a service is tried that has no pods by intent', () => {
    const ports = [{ port: 80 }];
    expect(asked(service('out', { type: 'ExternalName', externalName: 'x.example', ports }))).toEqual(
      names('out', ''),
    );
    expect(asked(service('hand', { selector: {}, ports }))).toEqual(names('hand'));
  });

  test('those without a ready pod are named', () => {
    const pod = (
      app: string,
      status: string,
      namespace = 'shop',
    ): Parameters<typeof withoutPods>[1][number] => ({
      metadata: { namespace, labels: { app, tier: 'x' } },
      status: { conditions: [{ type: 'Ready', status }] },
    });
    const services = [
      service('up', {}),
      service('down', {}),
      service('elsewhere', {}),
      service('none', {}),
      service('hand', { selector: {} }),
      service('early', { publishNotReadyAddresses: true }),
    ];
    const pods = [
      pod('up', 'False'),
      pod('up', 'True'),
      pod('down', 'False'),
      pod('elsewhere', 'True', 'mail'),
    ];
    expect(withoutPods(services, pods)).toEqual(['shop/down', 'shop/elsewhere', 'shop/none']);
  });
});

describe('pods of ket', () => {
  const pods = ['a', 'b', 'c'].map((node, i) => ({
    pod: `p-${node}`,
    node,
    address: `10.0.${i}.2`,
    port: 8000,
  }));

  test('reach those on other nodes, and in a cluster of one node nobody', () => {
    expect(acrossNodes('b', pods).map(({ to }) => to)).toEqual([
      'pod p-a on node a (10.0.0.2:8000)',
      'pod p-c on node c (10.0.2.2:8000)',
    ]);
    expect(acrossNodes('a', pods.slice(0, 1))).toEqual([]);
  });

  test('count 1,000 requests over 10 connections', () => {
    const [pod] = pods;
    expect(pod === undefined ? undefined : reuseQuestion('w', pod).probe).toEqual({
      ...{ kind: 'http', host: '10.0.0.2', port: 8000 },
      ...{ path: '/count/w', requests: 1000, connections: 10 },
    });
  });
});

describe('a policy', () => {
  const api = { labels: { app: 'api' }, namespace: 'shop' };
  const web = { labels: {}, namespace: 'default' };
  const tries = triesOf(
    { kind: 'policy', host: 'db', port: 5432, allow: [api], deny: [web] },
    'db.shop.svc.cluster.local',
    5432,
  );
  const [through, dropped] = [anAnswer(), aFailure('connect', 'timeout')];
  const tried = (...answers: (typeof through)[]): Tried[] =>
    tries.map((one, i) => ({ ...one, answer: answers[i] ?? through }));

  test('tries one and the same path', () => {
    expect(tries.map(({ who, question }) => [who.namespace, question.to, question.expects.kind])).toEqual([
      ['shop', 'db.shop.svc.cluster.local:5432', 'connection'],
      ['default', 'db.shop.svc.cluster.local:5432', 'no-connection'],
    ]);
  });

  const cases: readonly (readonly [name: string, tried: Tried[], enforced: boolean, ...words: string[]])[] = [
    ['as declared', tried(through, dropped), true],
    [
      'a dead service is no deny',
      tried(dropped, dropped),
      true,
      'a pod with app=api in namespace shop → db.shop.svc.cluster.local:5432: expected a connection',
      'nobody got through to that port',
    ],
    [
      'one that is to be kept out gets through',
      tried(through, through),
      true,
      'a pod without labels in namespace default → db.shop.svc.cluster.local:5432: expected no connection, seen: a connection to 10.96.3.7; likely: no NetworkPolicy selects',
    ],
    [
      'nothing is enforced',
      tried(through, through),
      false,
      'likely: the network plugin of this cluster does not enforce NetworkPolicies',
      'this cluster does not enforce policies',
    ],
    [
      'a deny that holds where nothing is enforced',
      tried(through, dropped),
      false,
      'this cluster does not enforce policies',
    ],
  ];
  test.each(cases)('%s', (_name, all, enforced, ...words) => {
    const texts = judgePolicy(all, enforced);
    expect(texts).toHaveLength(words.length);
    words.forEach((word, i) => expect(texts[i]).toContain(word));
  });
});
