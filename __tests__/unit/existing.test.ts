import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { distributionOf } from '../../src/cluster/distribution.ts';
import { grantFor, lackingLines } from '../../src/cluster/grant.ts';
import { chooseContext } from '../../src/cluster/kubeconfig.ts';
import { checkConfig } from '../../src/config/load.ts';
import { resolvePlan, type PlanInput } from '../../src/config/plan.ts';
import { lackingRights, rights, type Right } from '../../src/kube/rights.ts';
import { errorInfo, type ErrorInfo } from '../../src/model/errors.ts';
import type { AnyObject } from '../../src/model/kube.ts';
import { leaseState, strangers } from '../../src/pipeline/lease.ts';
import { keptOf, uninstallRelease } from '../../src/releases/uninstall.ts';
import { folderWith, goodFiles, placed, said, unmarked } from './config-cases.ts';
import { fakeDeps, said as says, ok } from './support/phases.ts';

function refusal(work: () => unknown): ErrorInfo {
  try {
    work();
  } catch (error) {
    return errorInfo(error);
  }
  throw new Error('nothing was refused');
}

describe('ket.yaml and options', () => {
  const tier = (cluster: string, more = ''): string =>
    `tiers: {t: {cluster: ${cluster}, ${more}suites: [{name: s, image: "i:1"}]}}`;
  const root = folderWith({
    ...goodFiles,
    'ket.yaml': `tiers:
  made: {cluster: {config: kind.yaml}, images: [{name: "i:1", build: app, dockerfile: app/Dockerfile.dev}], suites: [{name: s, image: "i:1"}]}
  pinned: {cluster: {context: c}, images: [{name: "r.example/i:1", digest: "sha256:${'a'.repeat(64)}", build: app, dockerfile: app/Dockerfile.dev}], suites: [{name: s, image: "r.example/i:1"}]}
  pulls: {cluster: {config: kind.yaml, kubernetes: [1.33, 1.34]}, images: [{name: "i:1"}], suites: [{name: s, image: "i:1"}]}
  there: {cluster: {context: c, kubeconfig: k/config}, releases: [{name: shop, installed: true}], suites: [{name: s, image: "i:1"}]}
`,
  });
  const plan = (tierName: string, overrides: PlanInput['overrides'] = {}): ReturnType<typeof resolvePlan> =>
    resolvePlan({ tier: tierName, env: {}, isTTY: false, ci: false, cwd: root, overrides });

  test.each([
    [
      tier('«{ready: 1m}'),
      'the cluster has no "config", the Kind config that it is made from; or "context" or "kubeconfig" for one that is there already',
    ],
    [
      tier('{«config: kind.yaml, context: c}'),
      '"config" contradicts "context": that cluster is there already',
    ],
    [
      tier('{kubeconfig: k, «kubernetes: 1.34}'),
      '"kubernetes" contradicts "kubeconfig": that cluster is there already',
    ],
    [
      tier('{context: «"${CTX}"}'),
      '"cluster.context" of tier "t": "${CTX}" has a variable in it, and none is filled in here; use --context',
    ],
    [
      tier('{kubeconfig: «~/.kube/config}'),
      '"cluster.kubeconfig" of tier "t": "~/.kube/config" is for a shell, and nothing is filled in here; use --kubeconfig, or KUBECONFIG beside "context"',
    ],
    [
      tier(
        '{context: c}',
        'releases: [{name: shop, installed: true, «chart: chart, «values: [values.yaml]}], ',
      ),
      '"chart" of release "shop" is not for one that is installed already',
      '"values" of release "shop" is not for one that is installed already',
    ],
    [
      `tiers: {t: {cluster: {context: c}, releases: [{name: shop, installed: true}], suites: [{name: s, image: "i:1", «isolation: release}]}}`,
      'suite "s" wants a copy of release "shop", which is installed already and not by ket; share it',
    ],
  ])('%s', (marked, ...problems) => {
    const { text, places } = unmarked(marked);
    const found = checkConfig('ket.yaml', folderWith({ ...goodFiles, 'ket.yaml': text })).problems;
    expect(found.map(said)).toEqual(problems);
    expect(found.map(placed)).toEqual(places);
  });

  test('name the cluster: options go before the file, and a kubeconfig of theirs has its own context', () => {
    expect(plan('there').cluster).toMatchObject({
      existing: { context: 'c', kubeconfig: path.join(root, 'k/config') },
      nodes: [],
    });
    expect(plan('there').releases).toMatchObject([{ name: 'shop', namespace: 'shop', installed: true }]);
    expect(plan('there', { context: 'd' }).cluster?.existing).toEqual({
      context: 'd',
      kubeconfig: path.join(root, 'k/config'),
    });
    expect(plan('there', { kubeconfig: 'x' }).cluster?.existing).toEqual({
      kubeconfig: path.join(root, 'x'),
    });
    // One run, whatever versions a made cluster would have had.
    expect(plan('pulls', { context: 'd' }).cluster).toMatchObject({
      existing: { context: 'd' },
      configs: [],
    });
  });

  test('images that ket builds cannot be brought there; versions are those that it has', () => {
    expect(refusal(() => plan('made', { context: 'd' }))).toMatchObject({
      code: 'KET_USAGE',
      message: expect.stringContaining('tier made builds i:1, and ket cannot bring images to the nodes'),
      next: expect.stringContaining('push it to a registry'),
    });
    expect(refusal(() => plan('pinned')).message).toContain('tier pinned builds r.example/i:1');
    expect(refusal(() => plan('there', { kubernetes: '1.34' })).message).toContain(
      '--kubernetes contradicts',
    );
  });

  test('production mode builds nothing, so that a cluster that is there can have the images', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const asked = [
      plan('pinned', { production: true }),
      resolvePlan({ tier: 'pinned', env: { PRODUCTION_MODE: 'true' }, isTTY: false, ci: false, cwd: root }),
    ];
    for (const { cluster, images, suites, production } of asked) {
      expect([production, cluster?.existing]).toEqual([true, { context: 'c' }]);
      expect(images).toEqual([{ name: 'r.example/i:1', digest, limitMs: expect.any(Number) }]);
      expect(suites[0]?.image).toBe(`r.example/i:1@${digest}`);
    }
    expect(refusal(() => plan('made', { context: 'd', production: true })).message).toBe(
      'production mode needs the digest of i:1',
    );
  });
});

describe('a kubeconfig', () => {
  const file = (text: object, at = '/k/config') => ({ path: at, text: JSON.stringify(text) });
  const whole = {
    contexts: [
      { name: 'a', context: { cluster: 'c', user: 'u', namespace: 'n' } },
      { name: 'b', context: { cluster: 'c', user: 'x' } },
      { name: 'lost', context: { cluster: 'none' } },
    ],
    clusters: [{ name: 'c', cluster: { server: 'https://h', 'certificate-authority': 'ca.pem' } }],
    users: [
      {
        name: 'u',
        user: { 'client-certificate': '../c.pem', 'client-key': '/abs/key', tokenFile: 't', token: 'hush' },
      },
      {
        name: 'x',
        user: {
          exec: {
            command: './login',
            apiVersion: 'v1x',
            provideClusterInfo: true,
            env: [{ name: 'A', value: 'b' }],
          },
        },
      },
    ],
  };
  const choose = (
    files: ReturnType<typeof file>[],
    context?: string,
    programs: readonly string[] = ['/k/login'],
  ) => chooseContext(files, context, (command) => programs.includes(command));

  test('gives a copy of one context, with paths that hold anywhere', () => {
    const { server, text } = choose([file(whole)], 'a');
    expect(server).toBe('https://h');
    expect(parse(text)).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'a',
      contexts: [{ name: 'a', context: { cluster: 'c', user: 'u', namespace: 'n' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://h', 'certificate-authority': '/k/ca.pem' } }],
      users: [
        {
          name: 'u',
          user: {
            'client-certificate': '/c.pem',
            'client-key': '/abs/key',
            tokenFile: '/k/t',
            token: 'hush',
          },
        },
      ],
    });
  });

  test('a credential plugin keeps working, and is told what kubectl would tell it', () => {
    const { users } = parse(choose([file(whole)], 'b').text) as {
      users: { user: { exec: { command: string; env: { name: string; value: string }[] } } }[];
    };
    const exec = users[0]?.user.exec;
    expect(exec?.command).toBe('/k/login');
    expect(exec?.env[0]).toEqual({ name: 'A', value: 'b' });
    expect(JSON.parse(exec?.env[1]?.value ?? '')).toEqual({
      apiVersion: 'v1x',
      kind: 'ExecCredential',
      spec: { interactive: false, cluster: { server: 'https://h', 'certificate-authority': '/k/ca.pem' } },
    });
  });

  test('several files: what stands first goes before, each with paths of its own folder', () => {
    const first = file(
      { 'current-context': 'b', contexts: [{ name: 'b', context: { cluster: 'c', user: 'u' } }] },
      '/first/k',
    );
    const { context, text } = choose([first, file({ ...whole, 'current-context': 'a' })]);
    expect(context).toBe('b');
    expect(parse(text)).toMatchObject({ users: [{ name: 'u', user: { tokenFile: '/k/t' } }] });
  });

  const login = (user: object) => [file({ ...whole, users: [{ name: 'u', user }] })];
  test.each([
    [
      'several and none named',
      () => choose([file(whole)]),
      'the kubeconfig has 3 contexts, and none is named or current',
      ['a', 'b', 'lost'],
    ],
    ['none', () => choose([file({})]), 'the kubeconfig has no context', undefined],
    [
      'unknown',
      () => choose([file({ ...whole, contexts: [{ name: 'staging', context: {} }] })], 'stagin'),
      'the kubeconfig has no context stagin (did you mean staging?)',
      ['staging'],
    ],
    [
      'unknown, and nothing like it',
      () => choose([file(whole)], 'production'),
      'the kubeconfig has no context production',
      ['a', 'b', 'lost'],
    ],
    [
      'of a cluster that is not there',
      () => choose([file(whole)], 'lost'),
      'context lost names cluster none, which the kubeconfig does not have',
      undefined,
    ],
    [
      'a plugin that is not there',
      () => choose([file(whole)], 'b', []),
      'the credential plugin ./login of user x is not there',
      undefined,
    ],
    [
      'a plugin that asks',
      () => choose(login({ exec: { command: 'p', interactiveMode: 'Always' } }), 'a', ['p']),
      'the credential plugin p of user u asks somebody at a terminal',
      undefined,
    ],
    [
      'an auth provider',
      () => choose(login({ 'auth-provider': { name: 'gcp' } }), 'a'),
      'user u logs in by the auth provider gcp, which Kubernetes has given up',
      undefined,
    ],
    [
      'no YAML',
      () => chooseContext([{ path: '/k', text: 'a: [\n  token: hush' }], 'a', () => true),
      expect.stringMatching(/^the kubeconfig is no YAML: (?!.*hush)/),
      undefined,
    ],
  ])('is refused: %s', (_, work, message, details) => {
    const error = refusal(work);
    expect(error).toMatchObject({ code: 'KET_CONFIG', message });
    expect(error.details).toEqual(details);
    expect(error.next).toBeDefined();
  });
});

describe('rights', () => {
  const key = ({ verb, group, resource, namespace }: Right): string =>
    `${verb} ${resource}.${group} ${namespace ?? '*'}`;
  function asking(may: readonly string[]) {
    const asked: string[] = [];
    const create = async <T>(object: AnyObject): Promise<T> => {
      const { spec } = object as unknown as {
        spec: { resourceAttributes: Right & { subresource?: string } };
      };
      const { subresource, resource, ...rest } = spec.resourceAttributes;
      const text = key({
        ...rest,
        resource: subresource === undefined ? resource : `${resource}/${subresource}`,
      });
      asked.push(text);
      return { status: { allowed: may.includes(text) } } as T;
    };
    return { asked, create };
  }
  const signal = new AbortController().signal;
  const handed = rights(['list'], 'batch', ['jobs'], 'n').map((right) => ({
    ...right,
    handedOn: true as const,
  }));

  test('who may do everything is asked one question', async () => {
    const kube = asking(['* *.* *']);
    expect(await lackingRights(kube, rights(['get'], '', ['pods']), signal)).toEqual([]);
    expect(kube.asked).toHaveLength(1);
  });

  test('each is asked once, in its namespace; what lacks is named, and nothing else', async () => {
    const kube = asking(['get pods. n']);
    const wanted = [
      ...rights(['get', 'create'], '', ['pods', 'pods/exec'], 'n'),
      ...rights(['get'], '', ['pods'], 'n'),
    ];
    const lacking = await lackingRights(kube, wanted, signal);
    expect(lacking.map(key)).toEqual(['create pods. n', 'get pods/exec. n', 'create pods/exec. n']);
    expect(kube.asked).toHaveLength(5);
    expect(lackingLines(lacking)).toEqual([
      'create pods in namespace n',
      'get, create pods/exec in namespace n',
    ]);
  });

  test.each([
    [['escalate roles.rbac.authorization.k8s.io n', 'bind roles.rbac.authorization.k8s.io n'], 0],
    [['escalate roles.rbac.authorization.k8s.io n'], 1],
  ])('what is handed on need not be had by who may escalate and bind: %j', async (may, lacking) => {
    expect(await lackingRights(asking(may), handed, signal)).toHaveLength(lacking);
  });

  test('the grant: for namespaces of the run and the cluster one role, for others one in each', () => {
    const lacking = [
      ...rights(['get', 'list'], '', ['nodes']),
      ...rights(['create'], 'batch', ['jobs'], 'ket-r-s-1'),
      ...rights(['get'], '', ['services', 'pods'], 'prod'),
    ];
    const grant = (user: string) =>
      grantFor(lacking, user, (ns) => ns.startsWith('ket-r'))
        .split('---\n')
        .slice(1)
        .map((text) => parse(text) as AnyObject & { rules?: unknown; subjects?: unknown });
    const [role, binding, own, ownBinding] = grant('system:serviceaccount:ci:ket');
    expect(role).toMatchObject({
      kind: 'ClusterRole',
      rules: [
        { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list'] },
        { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create'] },
      ],
    });
    expect(binding?.subjects).toEqual([{ kind: 'ServiceAccount', namespace: 'ci', name: 'ket' }]);
    expect(own).toMatchObject({
      kind: 'Role',
      metadata: { namespace: 'prod' },
      rules: [{ apiGroups: [''], resources: ['services', 'pods'], verbs: ['get'] }],
    });
    expect(ownBinding).toMatchObject({ kind: 'RoleBinding', roleRef: { name: own?.metadata?.name } });
    expect(grant('jane')[1]?.subjects).toEqual([
      { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' },
    ]);
  });
});

test.each([
  ['kind', 'v1.34.0', { spec: { providerID: 'kind://docker/c/n' } }],
  ['EKS', 'v1.33.1-eks-1234', { spec: { providerID: 'aws:///z/i-1' } }],
  ['GKE', 'v1.33.1-gke.100', {}],
  ['AKS', 'v1.33.1', { metadata: { labels: { 'kubernetes.azure.com/cluster': 'c' } } }],
  ['k3s', 'v1.33.1+k3s1', {}],
  ['RKE2', 'v1.33.1+rke2r1', {}],
  [
    'OpenShift',
    'v1.33.1',
    { metadata: { labels: { 'node.openshift.io/os_id': 'rhel' } }, spec: { providerID: 'aws:///z/i-1' } },
  ],
  ['minikube', 'v1.33.1', { metadata: { labels: { 'minikube.k8s.io/name': 'm' } } }],
  ['unknown', 'v1.33.1', { spec: { providerID: 'aws:///z/i-1' } }],
])('%s is known by its nodes and versions', (name, version, node) => {
  expect(distributionOf(version, [node])).toBe(name);
});

describe('a Lease', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  const lease = (renewed: string, expires: number) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { labels: { 'ket.dev/expires': String(now / 1000 + expires) } },
    spec: { renewTime: renewed, holderIdentity: 'h 1' },
  });
  test.each([
    ['renewed just now', lease('2026-11-21T11:59:00Z', -1), true],
    ['stale, and something may run', lease('2026-11-21T11:00:00Z', 1), true],
    ['over, but not for ten minutes', lease('2026-11-21T11:50:01Z', -1), true],
    ['stale, and nothing can run', lease('2026-11-21T11:49:59Z', -1), false],
    ['of another clock, in the future', lease('2026-11-21T13:00:00Z', -1), true],
    ['unreadable', lease('no time', -1), true],
    ['not there', undefined, false],
  ])('%s', (_, found, held) => {
    expect(leaseState(found, now).held).toBe(held);
  });

  test('runs without a state here are told when they are over; known and living ones are not', async () => {
    const namespace = (name: string, run: string) => ({ metadata: { name, labels: { 'ket.dev/run': run } } });
    const kube = {
      list: async <T>() =>
        [
          namespace('ket-a', 'a'),
          namespace('ket-a-s-1', 'a'),
          namespace('ket-b', 'b'),
          namespace('x', 'c'),
        ] as T[],
      get: async <T>({ name }: { name: string }) =>
        name === 'ket-b' ? (lease('2026-11-21T11:59:00Z', 9) as T) : undefined,
    };
    const told = await strangers(kube, new Set(['c']), now, new AbortController().signal);
    expect(told).toEqual([
      'run a, of which this machine has no state, left ket-a, ket-a-s-1; left alone: kubectl delete namespace ket-a ket-a-s-1',
    ]);
  });
});

describe('the removal of a release', () => {
  const secret = { metadata: { creationTimestamp: '2026-01-01T00:00:10Z' } };
  const dated = (name: string, seconds: string) => ({
    metadata: { name, creationTimestamp: `2026-01-01T00:00:${seconds}Z` },
  });
  const hook = (name: string, more = '') =>
    `---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}${more} }\n`;
  const manifest =
    'apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: db }\nspec: { volumeClaimTemplates: [{ metadata: { name: data } }] }\n';

  function setUp(made: { crds?: readonly string[]; removeCrds?: true } = {}) {
    const deleted: string[] = [];
    const told: string[] = [];
    const objects: Record<string, object | undefined> = {
      hook: dated('hook', '11'),
      older: dated('older', '09'),
      kept: dated('kept', '11'),
      'data-db-0': dated('data-db-0', '12'),
      'data-db-1': dated('data-db-1', '01'),
      crd: dated('crd', '10'),
    };
    const kube = {
      list: async <T>({ kind }: { kind: string }) =>
        (kind === 'Secret'
          ? [secret]
          : [dated('data-db-0', '12'), dated('data-db-1', '01'), dated('data-dbx-0', '12')]) as T[],
      get: async <T>({ name }: { name: string }) => objects[name] as T | undefined,
      delete: async ({ kind, name }: { kind: string; name: string }) => {
        deleted.push(`${kind} ${name}`);
        objects[name] = undefined;
        return true;
      },
    };
    const deps = fakeDeps([
      [
        'get hooks',
        says(hook('hook') + hook('older') + hook('kept', ', annotations: {helm.sh/resource-policy: keep}')),
      ],
      ['get manifest', says(manifest)],
      [
        'uninstall',
        says(
          'These resources were kept due to the resource policy:\n[ConfigMap] wanted\n\nrelease "r" uninstalled\n',
        ),
      ],
      ['', ok],
    ]);
    const release = {
      type: 'release' as const,
      kubeconfig: '/k',
      namespace: 'n',
      name: 'r',
      helm: process.execPath,
      ...made,
    };
    return {
      deleted,
      told,
      deps,
      go: () => uninstallRelease(deps, release, { kube, say: (text) => void told.push(text) }),
    };
  }

  test('takes hooks and claims along that are not older than it, and nothing else', async () => {
    const { deleted, told, go } = setUp();
    await go();
    expect(deleted).toEqual(['ConfigMap hook', 'PersistentVolumeClaim data-db-0']);
    expect(told).toEqual(['the chart of release r wants kept, and so is left: ConfigMap wanted']);
  });

  test('tells of the CRDs that it made, or removes them', async () => {
    const told = setUp({ crds: ['crd', 'gone'] });
    await told.go();
    expect(told.told[1]).toContain('Helm leaves the CRDs that release r made: crd;');
    expect(told.deleted).not.toContain('CustomResourceDefinition crd');
    const removed = setUp({ crds: ['crd'], removeCrds: true });
    await removed.go();
    expect(removed.deleted).toContain('CustomResourceDefinition crd');
  });

  test('reads what Helm kept', () => {
    expect(keptOf('release "r" uninstalled\n')).toEqual([]);
  });
});
