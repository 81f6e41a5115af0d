/** Strategic merge patches of a pod template; __tests__/cluster/options.test.ts compares each with a real API server. */
export interface MergeCase {
  readonly name: string;
  readonly patch: object;
  /** What is expected of the pod's spec; keys that are not named stay as they are. */
  readonly expected: Readonly<Record<string, unknown>>;
  /** A key that is gone. */
  readonly gone?: string;
}

const [a, b] = [
  {
    name: 'a',
    image: 'a:1',
    env: [
      { name: 'X', value: '1' },
      { name: 'Y', value: '2' },
    ],
  },
  { name: 'b', image: 'b:1', command: ['run', 'it'], ports: [{ containerPort: 80, name: 'http' }] },
].map((container) => ({ ...container, volumeMounts: [{ name: 'data', mountPath: '/data' }] }));

export const base = {
  metadata: { labels: { app: 'x', tier: 'one' } },
  spec: {
    containers: [a, b],
    volumes: [
      { name: 'data', emptyDir: { sizeLimit: '1Gi' } },
      { name: 'more', configMap: { name: 'm' } },
    ],
    nodeSelector: { disk: 'ssd' },
    tolerations: [{ key: 'k', operator: 'Exists' }],
    securityContext: { runAsNonRoot: true, runAsUser: 1000 },
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['one'] }],
    imagePullSecrets: [{ name: 'first' }],
    terminationGracePeriodSeconds: 30,
  },
};

const spec = (patch: object): object => ({ spec: patch });
const containers = (...list: object[]): object => spec({ containers: list });

export const mergeCases: readonly MergeCase[] = [
  {
    name: 'a scalar',
    patch: spec({ terminationGracePeriodSeconds: 5 }),
    expected: { terminationGracePeriodSeconds: 5 },
  },
  {
    name: 'a mapping merges',
    patch: spec({ securityContext: { runAsUser: 5 } }),
    expected: { securityContext: { runAsNonRoot: true, runAsUser: 5 } },
  },
  {
    name: 'null removes a key',
    patch: spec({ securityContext: { runAsUser: null } }),
    expected: { securityContext: { runAsNonRoot: true } },
  },
  {
    name: 'null removes a mapping',
    patch: spec({ nodeSelector: null }),
    expected: {},
    gone: 'nodeSelector',
  },
  {
    name: 'a container by its name',
    patch: containers({ name: 'b', image: 'b:2' }),
    expected: { containers: [a, { ...b, image: 'b:2' }] },
  },
  {
    name: 'a new container',
    patch: containers({ name: 'c', image: 'c:1' }),
    expected: { containers: [{ name: 'c', image: 'c:1' }, a, b] },
  },
  {
    name: 'two in another order than they stood',
    patch: containers({ name: 'b', image: 'b:2' }, { name: 'a', image: 'a:2' }),
    expected: {
      containers: [
        { ...b, image: 'b:2' },
        { ...a, image: 'a:2' },
      ],
    },
  },
  {
    name: 'a container that is deleted',
    patch: containers({ name: 'a', $patch: 'delete' }),
    expected: { containers: [b] },
  },
  {
    name: 'all containers replaced',
    patch: containers({ $patch: 'replace' }, { name: 'd', image: 'd:1' }),
    expected: { containers: [{ name: 'd', image: 'd:1' }] },
  },
  {
    name: 'variables by their names, one deleted and one new',
    patch: containers({
      name: 'a',
      env: [
        { name: 'X', $patch: 'delete' },
        { name: 'Z', value: '3' },
      ],
    }),
    expected: {
      containers: [
        {
          ...a,
          env: [
            { name: 'Z', value: '3' },
            { name: 'Y', value: '2' },
          ],
        },
        b,
      ],
    },
  },
  {
    name: 'a command is replaced as a whole',
    patch: containers({ name: 'b', command: ['other'] }),
    expected: { containers: [a, { ...b, command: ['other'] }] },
  },
  {
    name: 'ports by their number, mounts by their path',
    patch: containers({
      name: 'b',
      ports: [{ containerPort: 80, name: 'web' }, { containerPort: 81 }],
      volumeMounts: [{ mountPath: '/data', name: 'more' }],
    }),
    expected: {
      containers: [
        a,
        {
          ...b,
          ports: [{ containerPort: 80, name: 'web' }, { containerPort: 81 }],
          volumeMounts: [{ name: 'more', mountPath: '/data' }],
        },
      ],
    },
  },
  {
    name: 'a volume of another type, with $retainKeys',
    patch: spec({
      volumes: [{ name: 'data', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }],
    }),
    expected: {
      volumes: [
        { name: 'data', secret: { secretName: 's' } },
        { name: 'more', configMap: { name: 'm' } },
      ],
    },
  },
  {
    name: 'tolerations are replaced as a whole',
    patch: spec({ tolerations: [{ key: 'other', operator: 'Exists' }] }),
    expected: { tolerations: [{ key: 'other', operator: 'Exists' }] },
  },
  {
    name: 'a mapping replaced',
    patch: spec({ nodeSelector: { $patch: 'replace', zone: 'a' } }),
    expected: { nodeSelector: { zone: 'a' } },
  },
  {
    name: 'aliases by their address, pull secrets by their name',
    patch: spec({
      hostAliases: [{ ip: '10.0.0.2', hostnames: ['two'] }],
      imagePullSecrets: [{ name: 'second' }],
    }),
    expected: {
      hostAliases: [
        { ip: '10.0.0.2', hostnames: ['two'] },
        { ip: '10.0.0.1', hostnames: ['one'] },
      ],
      imagePullSecrets: [{ name: 'second' }, { name: 'first' }],
    },
  },
  {
    name: 'something that was not there, in depth',
    patch: spec({ affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } } }),
    expected: { affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } } },
  },
];
