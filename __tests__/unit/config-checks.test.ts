import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../src/config/load.ts';
import { folderWith, goodFiles, placed, said, unmarked } from './config-cases.ts';

/** Tiers with and without a cluster, with these keys; all files that they name are there unless a case says so. */
const cluster = (suite: string, tier = ''): string =>
  `tiers: {t: {cluster: {config: kind.yaml}, ${tier}suites: [{name: s, image: "i:1", ${suite}}]}}`;
const tier = (keys: string): string =>
  `tiers: {t: {cluster: {config: kind.yaml}, suites: [{name: s, image: "i:1", needs: []}], ${keys}}}`;
const local = (suite: string): string => `tiers: {t: {suites: [{name: s, command: c, ${suite}}]}}`;
const two = 'releases: [{name: a, chart: chart}, {name: b, chart: chart}], ';
const one = 'releases: [{name: shop, chart: chart}], ';
/** Releases on the cluster of this Kind config. */
const onto = (kind: string, releases: string): string =>
  `tiers: {t: {cluster: {config: ${kind}}, releases: [${releases}], suites: [{name: s, image: "i:1"}]}}`;
const cure =
  'a control plane takes none beside others); add "- role: worker" to its nodes, or lower "spread"';

/** The text, with « where the problem is, and what is said of it (after → what was probably meant). */
const contradictions: readonly (readonly [text: string, ...problems: string[]])[] = [
  [
    'tiers: {t: {cluster: {config: kind.yaml}, suites: [«{name: s}]}}',
    'suite "s" has no "image"; in a tier with a cluster it runs in a container',
  ],
  [
    'tiers: {t: {suites: [«{name: s}]}}',
    'suite "s" has no "command"; without a cluster there is no image whose own one could run',
  ],
  [
    onto(
      'kind.yaml',
      '{name: shop, chart: chart, set: {a: 1}, inline: {c: x}, secrets: {«a: A, b: B, «b.x: B, «c.d: C}}',
    ),
    'secret "a" of release "shop" stands in "set" too, which goes before it',
    'secret "b.x" of release "shop" is within "b", which is a secret itself',
    'secret "c.d" of release "shop" is within a value of "inline" that has no keys',
  ],
  [
    onto('kind.yaml', '{name: shop, chart: chart, secrets: {«a..b: A, «"c[0]": C, «.d: D}}'),
    '"secrets.a..b" of release "shop": "a..b" has an empty key; write db.password',
    '"secrets.c[0]" of release "shop": "c[0]" is not made of keys and dots alone: an entry of a list has no key',
    '"secrets..d" of release "shop": ".d" has an empty key; write db.password',
  ],
  [onto('kind.yaml', '«{name: shop}'), 'release "shop" has neither "chart" nor "manifests" nor "kustomize"'],
  [
    onto('kind.yaml', '{name: shop, «chart: chart, manifests: [k8s], «set: {a: b}}'),
    '"chart" of release "shop" is not for one of "manifests"',
    '"set" of release "shop" is not for one of "manifests"',
  ],
  [
    onto(
      'kind.yaml',
      '{name: a, chart: chart, «version: 1.0.0}, {name: b, chart: «charts/b, repo: "https://charts.test"}, {name: c, namespace: shop, manifests: [k8s], «repo: "https://charts.test"}',
    ),
    '"version" of release "a" is for a chart in "repo" or at an oci:// address',
    '"chart" of release "b" is a name in "repo", such as postgresql',
    '"repo" of release "c" is not for one of "manifests"',
  ],
  [
    onto(
      'kind.yaml',
      '{name: a, chart: chart, repo: «charts.test}, {name: b, chart: chart, repo: «"https://me:hush@charts.test"}',
    ),
    '"repo" of release "a": "charts.test" is no https:// or http:// address',
    '"repo" of release "b": it has a user or password in it, which everybody on the machine could read',
  ],
  [
    'tiers: {t: {cluster: {config: kind.yaml}, releases: [{name: shop, chart: chart}], suites: [{name: a, helmTest: «shob}, {name: b, helmTest: shop, «command: c, «shards: 2}]}}',
    'suite "a" tests an unknown release "shob" → shop',
    '"command" of suite "b" is not for "helmTest": its pods are those of the chart',
    '"shards" of suite "b" is not for "helmTest": its pods are those of the chart',
  ],
  [
    onto(
      'kind.yaml',
      '{name: a, namespace: shop, manifests: [k8s], «kustomize: kus}, {name: b, kustomize: kus, «set: {a: b}}',
    ),
    '"kustomize" of release "a" is not for one of "manifests"',
    '"set" of release "b" is not for one of "kustomize"',
  ],
  [
    onto(
      'kind.yaml',
      '{name: a, kustomize: «none}, {name: b, kustomize: «k8s}, {name: c, kustomize: «kus/kustomization.yaml}',
    ),
    'the folder of the kustomization of release "a" does not exist: none',
    'the kustomization of release "b" does not exist: there is no kustomization.yaml, kustomization.yml, Kustomization in k8s',
    'the folder of the kustomization of release "c" is a file, not a folder: kus/kustomization.yaml → kus',
  ],
  [
    onto('kind.yaml', '{name: shop, manifests: [k8s, «none.yaml, «"k8s/*.txt"]}'),
    'there are no manifests of release "shop": none.yaml',
    'there are no manifests of release "shop": k8s/*.txt',
  ],
  [
    onto('kind.yaml', '{name: shop, chart: chart, dependsOn: [«dbb, db, «db]}, {name: db, chart: chart}'),
    'release "shop" depends on an unknown release "dbb" → db',
    'release "shop" depends on "db" twice',
  ],
  [
    onto('kind.yaml', '{name: shop, chart: chart, dependsOn: [«shop]}'),
    'release "shop" waits for itself: shop → shop',
  ],
  [
    onto(
      'kind.yaml',
      '{name: a, chart: chart, dependsOn: [b]}, {name: b, chart: chart, dependsOn: [c, d]}, {name: c, chart: chart, dependsOn: [d, «a]}, {name: d, chart: chart}',
    ),
    'release "a" waits for itself: a → b → c → a',
  ],
  [
    onto('kind.yaml', '{name: shop, chart: chart, spread: «2}'),
    `"spread" of release "shop" asks for 2 nodes, and kind.yaml has 1 node that takes pods (${cure}`,
  ],
  [
    onto('workers.yaml', '{name: a, chart: chart, spread: 2}, {name: b, chart: chart, spread: «3}'),
    `"spread" of release "b" asks for 3 nodes, and workers.yaml has 2 nodes that take pods (${cure}`,
  ],
  [
    onto('[kind.yaml, workers.yaml]', '{name: a, chart: chart, spread: «3}'),
    `"spread" of release "a" asks for 3 nodes, and kind.yaml + workers.yaml has 2 nodes that take pods (${cure}`,
  ],
  [
    local('retry: «failed-cases'),
    'suite "s" retries failed cases only, so "expectTests" must be the number of its cases: nothing else proves that the first attempt ran them all',
  ],
  [
    cluster('expectTests: 4, replicas: 2, retry: «failed-cases'),
    'suite "s" has "replicas", which all run every case: retry the whole suite',
  ],
  [
    local('expectTests: false, retry: «failed-cases'),
    'suite "s" retries failed cases only, so "expectTests" must be the number of its cases: nothing else proves that the first attempt ran them all',
  ],
  [
    'tiers: {t: {«delivery: {by: stream}, suites: [{name: s, command: c}]}}',
    '"delivery" needs a cluster, but tier "t" has no "cluster"',
  ],
  [local('«image: "i:1"'), '"image" of suite "s" needs a cluster, but tier "t" has no "cluster"'],
  [local('«needs: [x]'), '"needs" of suite "s" needs a cluster, but tier "t" has no "cluster"'],
  [local('«resources: {}'), '"resources" of suite "s" needs a cluster, but tier "t" has no "cluster"'],
  [local('«placement: own'), '"placement" of suite "s" needs a cluster, but tier "t" has no "cluster"'],
  [local('«api: none'), '"api" of suite "s" needs a cluster, but tier "t" has no "cluster"'],
  [
    local('«allowChildOom: true'),
    '"allowChildOom" of suite "s" needs a cluster, but tier "t" has no "cluster"',
  ],
  [
    'tiers: {t: {«releases: [{name: r, chart: chart}], suites: [{name: s, command: c}]}}',
    '"releases" need a cluster, but tier "t" has no "cluster"',
  ],
  [
    'tiers: {t: {«images: [{name: "i:1", build: .}], suites: [{name: s, command: c}]}}',
    '"images" need a cluster, but tier "t" has no "cluster"',
  ],
  [
    cluster('results: [«r.xml]'),
    '"results" of suite "s": "r.xml" is not a folder of the container; write it like /app/reports',
  ],
  [
    cluster('results: [«"/app/*.xml"]'),
    '"results" of suite "s": "/app/*.xml" is not a folder of the container; write it like /app/reports',
  ],
  [cluster('results: [«/app/../etc/x]'), '"results" of suite "s": "/app/../etc/x" has "." or ".." in it'],
  [
    cluster('results: [«/results/x]'),
    '"results" of suite "s": "/results/x" is collected already, or ket\'s own',
  ],
  [
    cluster('results: [«/app]'),
    '"results" of suite "s": "/app" would hide a folder that the image needs; name one of its own for the files',
  ],
  [
    cluster('results: [«/usr/lib]'),
    '"results" of suite "s": "/usr/lib" would hide a folder that the image needs; name one of its own for the files',
  ],
  [
    'tiers: {e2e: {cluster: {config: kind.yaml}, onUnhealthy: «report, suites: [{name: s, image: "i:1"}]}}',
    'tier "e2e" tests the whole: a broken release always ends it; leave "onUnhealthy" out',
  ],
  [
    'tiers: {t: {suites: [{name: s, command: c, «patch: {spec: {}}}]}}',
    '"patch" of suite "s" needs a cluster, but tier "t" has no "cluster"',
  ],
  [cluster('workingDir: «app'), '"workingDir" of suite "s" is a folder of the image and begins with "/"'],
  [
    cluster('placement: «release'),
    'suite "s" is placed beside its release, so it needs exactly one, but it needs none',
  ],
  [
    cluster('placement: «release', two),
    'suite "s" is placed beside its release, so it needs exactly one, but it needs 2: a, b',
  ],
  [
    cluster('placement: «release, needs: []', one),
    'suite "s" is placed beside its release, so it needs exactly one, but it needs none',
  ],
  [
    cluster('envFrom: [«release/shp/secret/db]', one),
    'suite "s" takes "release/shp/secret/db" of an unknown release "shp" → release/shop/secret/db',
  ],
  [
    cluster('env: {A: {from: «release/shop/secret/db/a}}'),
    'suite "s" takes "release/shop/secret/db/a" of an unknown release "shop"; this tier has no releases',
  ],
  [
    cluster('files: {/etc/db: «release/b/configmap/db}, needs: [a]', two),
    'suite "s" takes "release/b/configmap/db" and does not need release "b"; add it to "needs"',
  ],
  [
    cluster('envFrom: [release/shop/secret/db, «release/shop/secret/db]', one),
    '"envFrom" of suite "s" has "release/shop/secret/db" twice',
  ],
  [
    cluster('files: {«/results/db: release/shop/secret/db}', one),
    '"files" of suite "s": "/results/db" is for results, or ket\'s own',
  ],
  [
    cluster('files: {«/etc: release/shop/secret/db}', one),
    '"files" of suite "s": "/etc" would hide a folder that the image needs; name one of its own, such as /etc/etc-files',
  ],
  [
    local('env: {«A: {from: release/shop/secret/db/a}}'),
    '"env.A" of suite "s" is of a release, which needs a cluster, but tier "t" has no "cluster"',
  ],
  [
    cluster('«isolation: release, needs: []', one),
    'suite "s" needs no release, so there is nothing that it could have for itself',
  ],
  [local('«isolation: shared'), '"isolation" of suite "s" needs a cluster, but tier "t" has no "cluster"'],
  [cluster('needs: [«shp]', one), 'suite "s" needs an unknown release "shp" → shop'],
  [cluster('needs: [«shop]'), 'suite "s" needs an unknown release "shop"; this tier has no releases'],
  [cluster('needs: [shop, «shop]', one), 'suite "s" needs "shop" twice'],
  [
    'tiers: {t: {suites: [{name: s, command: c}, {name: «s, command: c}]}}',
    'suite 1 of tier "t" is called "s" too',
  ],
  [
    tier('releases: [{name: r, chart: chart}, {name: «r, chart: chart}]'),
    'release 1 of tier "t" is called "r" too, and "needs" tells releases apart by their names alone',
  ],
  [
    tier('releases: [{name: r, chart: chart}, {name: «r, namespace: n, chart: chart}]'),
    'release 1 of tier "t" is called "r" too, and "needs" tells releases apart by their names alone',
  ],
  [
    tier('images: [{name: "i:1", build: .}, {name: «"i:1", build: .}]'),
    'image 1 of tier "t" is called "i:1" too',
  ],
  [
    local('expectTests: false, «allowSkip: true'),
    '"allowSkip" of suite "s" contradicts "expectTests: false": judged by the exit code alone, nothing is known of skipped cases',
  ],
  [
    local('env: {«KET_RUN: x}'),
    '"KET_RUN" of suite "s" is reserved: ket itself sets variables that begin with KET_',
  ],
  [
    local('secrets: [«KET_RUN]'),
    'secret "KET_RUN" of suite "s" is reserved: ket itself sets variables that begin with KET_',
  ],
  [local('secrets: [A, «A]'), 'secret "A" of suite "s" is there twice'],
  [
    local('env: {A: b}, secrets: [«A]'),
    'secret "A" of suite "s" stands in "env" too, where everybody may read it',
  ],
  [
    'tiers: {t: {cluster: {config: kind.yaml, kubernetes: [1.34, 1.30, «v1.34]}, suites: [{name: s, image: "i:1"}]}}',
    '"1.34" is there twice; each version is one run',
  ],
  [
    'tiers: {t: {cluster: {config: kind.yaml, nodeImage: "n:1", «kubernetes: v1.34}, suites: [{name: s, image: "i:1"}]}}',
    '"kubernetes" contradicts "nodeImage", which is a version of Kubernetes already; leave one of them out',
  ],
  [
    cluster('resources: {requests: {memory: 2Gi}, limits: {memory: «1Gi}}'),
    'suite "s" requests more memory (2Gi) than its limit (1Gi); the limit is at least 2Gi',
  ],
  [
    cluster('resources: {requests: {cpu: 1.5}, limits: {cpu: «500m}}'),
    'suite "s" requests more cpu (1.5) than its limit (500m); the limit is at least 1.5',
  ],
  [
    'tiers: {a: {default: true, suites: [{name: s, command: c}]}, b: {«default: true, suites: [{name: s, command: c}]}}',
    'tier "a" is the default already; only one tier can be',
  ],
];

const files: readonly (readonly [text: string, ...problems: string[]])[] = [
  [
    'tiers: {t: {cluster: {config: «kind.yml}, suites: [{name: s, image: "i:1"}]}}',
    'the Kind config does not exist: kind.yml',
  ],
  [
    'tiers: {t: {cluster: {config: «chart}, suites: [{name: s, image: "i:1"}]}}',
    'the Kind config is a folder, not a file: chart',
  ],
  [
    tier('releases: [{name: r, chart: «charts/r}]'),
    'the chart folder of release "r" does not exist: charts/r',
  ],
  [
    tier('releases: [{name: r, chart: «bitnami/redis}]'),
    'the chart folder of release "r" does not exist: bitnami/redis',
  ],
  [
    tier('releases: [{name: r, chart: «not-a-chart}]'),
    'the Chart.yaml of release "r" does not exist: not-a-chart/Chart.yaml',
  ],
  [
    tier('releases: [{name: r, chart: «r-1.0.0.tgz}]'),
    'the chart of release "r" does not exist: r-1.0.0.tgz',
  ],
  [
    tier('releases: [{name: r, chart: chart, values: [values.yaml, «values-e2e.yaml, «chart]}]'),
    'the values file of release "r" does not exist: values-e2e.yaml',
    'the values file of release "r" is a folder, not a file: chart',
  ],
  [tier('images: [{name: "i:1", build: «api}]'), 'the folder to build image "i:1" from does not exist: api'],
  [
    tier('images: [{name: "i:1", build: «app}]'),
    'the Dockerfile of image "i:1" does not exist: app/Dockerfile',
  ],
  [
    tier('images: [{name: "i:1", build: app, dockerfile: «Dockerfile.dev}]'),
    'the Dockerfile of image "i:1" does not exist: Dockerfile.dev → app/Dockerfile.dev',
  ],
  [cluster('template: «job.yaml'), 'the Job template of suite "s" does not exist: job.yaml'],
  [local('workingDir: «web'), 'the folder that suite "s" runs in does not exist: web'],
];

describe.each([
  ['contradictions', contradictions],
  ['files that are not there', files],
])('%s', (_, cases) => {
  test.each(cases)('%s', (marked, ...problems) => {
    const { text, places } = unmarked(marked);
    const folder = folderWith({ ...goodFiles, 'ket.yaml': text });
    const found = checkConfig('ket.yaml', folder).problems;
    expect(found.map(said)).toEqual(problems);
    expect(found.map(placed)).toEqual(places);
    expect(new Set(found.map((problem) => problem.file))).toEqual(new Set(['ket.yaml']));
  });
});

describe('a slip hides nothing but what may follow from it', () => {
  const all = (text: string): string[] => {
    const folder = folderWith({ ...goodFiles, 'ket.yaml': text });
    return checkConfig('ket.yaml', folder).problems.map(said);
  };

  test('an unknown key, a wrong value and a missing file are told together, across tiers', () => {
    const found = all(
      'tiers: {t: {cluster: {config: kind.yaml}, releases: [{name: r, chart: charts/r}], suites: [{name: s, imag: "i:1"}]},' +
        ' u: {suites: [{name: s, command: c, timeout: 5}, {name: v, command: c, image: "i:1"}]}}',
    );
    expect(found).toEqual([
      'the chart folder of release "r" does not exist: charts/r',
      'unknown key "imag" in suite "s" → image',
      '"timeout" of suite "s": 5 has no unit; write "5s" if seconds are meant',
      '"image" of suite "v" needs a cluster, but tier "u" has no "cluster"',
    ]);
  });

  test('a misspelt "cluster" does not make every suite of its tier wrong', () => {
    expect(all('tiers: {t: {clustr: {config: kind.yaml}, suites: [{name: s, image: "i:1"}]}}')).toEqual([
      'unknown key "clustr" in tier "t" → cluster',
    ]);
  });

  test('a suite without a name leaves the checks of its tier', () => {
    expect(all('tiers: {t: {cluster: {config: kind.yml}, suites: [{image: "i:1"}]}}')).toEqual([
      'the Kind config does not exist: kind.yml',
      '"name" is required in suite 1 of tier "t": Name of the suite, unique in its tier.',
    ]);
  });
});

test('manifests that cannot be those of the release are named with file and line', () => {
  const bad =
    'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n# Empty.\n---\n[a]\n---\nkind: Pod\n---\n' +
    'apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: other}\n';
  const text = onto('kind.yaml', '{name: shop, manifests: [bad.yaml, broken.yaml, alias.yaml]}');
  const files = {
    ...goodFiles,
    'ket.yaml': text,
    'bad.yaml': bad,
    'broken.yaml': 'a: {b\n',
    'alias.yaml': 'a: *b\n',
  };
  const found = checkConfig('ket.yaml', folderWith(files)).problems;
  expect(found.map((problem) => `${problem.file}:${problem.line} ${problem.message}`)).toEqual([
    expect.stringMatching(/^alias.yaml:1 bad YAML: .*alias/),
    'bad.yaml:1 ket makes namespace shop itself; leave this manifest out',
    'bad.yaml:7 is no manifest: a document is a mapping with "apiVersion" and "kind"',
    'bad.yaml:9 is no manifest: "apiVersion" and "metadata.name" lacking',
    'bad.yaml:11 Pod p is in namespace "other", and its release in shop; leave "namespace" out, or give the release this one',
    expect.stringMatching(/^broken.yaml:\d+ bad YAML: /),
  ]);
});

test('what is right has no problems', () => {
  const text = `
version: 1
tools: {kind: v0.31.0-alpha, helm: v3.18.0}
tiers:
  t:
    cluster: {config: untainted.yaml, nodeImage: "registry.example:5000/kindest/node:v1.34.0", ready: 1h30m}
    images: [{name: "registry.example/a/b:dev", build: app, dockerfile: app/Dockerfile.dev, args: {A: "1.10"}}]
    releases:
      - {name: wide, chart: chart, spread: 3, dependsOn: [shop, cache], inline: {a: {b: [1]}}, secrets: {a.c: TOKEN}}
      - {name: shop, chart: chart, values: [values.yaml], set: {a.b: 1, c: true, d: x}, dependsOn: [cache]}
      - {name: cache, chart: "oci://registry.example/charts/cache"}
      - {name: plain, namespace: shop, manifests: [k8s, "k8s/w*.yaml", k8s/web.yaml]}
      - {name: built, namespace: shop, kustomize: kus}
    suites:
      - {name: a, image: "i@sha256:${'0'.repeat(64)}", needs: [shop], placement: release, expectTests: false}
      - {name: b, image: "i:1", resources: {requests: {cpu: 2}, limits: {memory: 64Mi}}, workingDir: /app}
      - &c {name: c, image: "i:1", command: [a], template: values.yaml}
      - {<<: *c, name: d, command: "a b"}
  u: {suites: [{name: a, command: c, results: ["r/*.xml"], workingDir: app, allowSkip: true}]}
`;
  expect(checkConfig('ket.yaml', folderWith({ ...goodFiles, 'ket.yaml': text })).problems).toEqual([]);
});
