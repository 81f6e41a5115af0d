/** The policies that are tried, each with what it must let through and nothing else. */
import type { Client, Target } from './policy-scene.ts';

/** Addresses that only the cluster knows. */
export interface Addresses {
  /** Of the servers' pods. */
  readonly servers: Readonly<Record<Target['server'], string>>;
  /** Of the servers' services. */
  readonly services: Readonly<Record<Target['server'], string>>;
  /** Of the friends in `shop`. */
  readonly friends: readonly string[];
}

export interface PolicyCase {
  readonly name: string;
  /** Default `shop`. */
  readonly namespace?: Client['namespace'];
  /** The specs of policies that are there together. */
  readonly specs: (addresses: Addresses) => readonly object[];
  readonly allows: (from: Client, to: Target) => boolean;
}

const api = { matchLabels: { app: 'api' } };
const friend = { matchLabels: { role: 'friend' } };
const isOurFriend = (from: Client): boolean => from.namespace === 'shop' && from.role === 'friend';

/** Ingress rules for the api; the database stays open. */
const intoApi = (...ingress: readonly object[]): object => ({ podSelector: api, ingress });
/** Egress rules for the friends in the policy's namespace; the others are free. */
const fromFriends = (...egress: readonly object[]): object => ({
  podSelector: friend,
  policyTypes: ['Egress'],
  egress,
});

export const cases: readonly PolicyCase[] = [
  {
    name: 'ingress, nothing',
    specs: () => [{ podSelector: {} }],
    allows: () => false,
  },
  {
    name: 'ingress, pods of the own namespace',
    specs: () => [intoApi({ from: [{ podSelector: friend }] })],
    allows: (from, to) => to.server === 'db' || isOurFriend(from),
  },
  {
    name: 'ingress, namespaces by an expression',
    specs: () => {
      const matchExpressions = [{ key: 'team', operator: 'NotIn', values: ['sales'] }];
      // Kubernetes' own namespaces have no such label: NotIn means them too.
      return [intoApi({ from: [{ namespaceSelector: { matchExpressions } }] })];
    },
    allows: (from, to) => to.server === 'db' || from.namespace === 'other',
  },
  {
    name: 'ingress, pods of another namespace',
    specs: () => [
      intoApi({ from: [{ namespaceSelector: { matchLabels: { team: 'research' } }, podSelector: friend }] }),
    ],
    allows: (from, to) => to.server === 'db' || (from.namespace === 'other' && from.role === 'friend'),
  },
  {
    name: 'ingress, a named port and a number of UDP',
    specs: () => [intoApi({ ports: [{ port: 'web' }, { port: 8081, protocol: 'UDP' }] })],
    allows: (_, to) => to.server === 'db' || to.port !== 'admin',
  },
  {
    name: 'ingress, a range of ports',
    specs: () => [intoApi({ ports: [{ port: 9000, endPort: 9100 }] })],
    allows: (_, to) => to.server === 'db' || to.port === 'admin',
  },
  {
    name: 'ingress, all addresses but some',
    specs: ({ friends }) => [
      intoApi({ from: [{ ipBlock: { cidr: '0.0.0.0/0', except: friends.map((ip) => `${ip}/32`) } }] }),
    ],
    allows: (from, to) => to.server === 'db' || !isOurFriend(from),
  },
  {
    name: 'ingress, two policies together',
    specs: () => [{ podSelector: {} }, intoApi({ from: [{ podSelector: friend }] })],
    allows: (from, to) => to.server === 'api' && isOurFriend(from),
  },
  {
    name: 'egress, nothing',
    specs: () => [fromFriends()],
    allows: (from) => !isOurFriend(from),
  },
  {
    name: 'egress, pods at a named port of theirs',
    specs: () => [fromFriends({ to: [{ podSelector: api }], ports: [{ port: 'web' }] })],
    allows: (from, to) => !isOurFriend(from) || (to.server === 'api' && to.port === 'web'),
  },
  {
    name: 'egress, an address',
    specs: ({ servers }) => [fromFriends({ to: [{ ipBlock: { cidr: `${servers.db}/32` } }] })],
    allows: (from, to) => !isOurFriend(from) || to.server === 'db',
  },
  {
    name: 'egress, pods of another namespace by UDP',
    namespace: 'other',
    specs: () => [
      {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [
          {
            to: [{ namespaceSelector: { matchLabels: { team: 'sales' } }, podSelector: api }],
            ports: [{ protocol: 'UDP' }],
          },
        ],
      },
    ],
    allows: (from, to) => from.namespace === 'shop' || (to.server === 'api' && to.port === 'echo'),
  },
  {
    name: 'egress and ingress, both must let it through',
    specs: () => [
      fromFriends({ to: [{ podSelector: api }] }),
      intoApi({ from: [{ podSelector: {} }], ports: [{ port: 9090 }] }),
    ],
    allows: (from, to) =>
      isOurFriend(from)
        ? to.server === 'api' && to.port === 'admin'
        : to.server === 'db' || (from.namespace === 'shop' && to.port === 'admin'),
  },
];
