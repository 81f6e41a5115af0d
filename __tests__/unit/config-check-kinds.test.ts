import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../src/config/load.ts';
import { resolvePlan } from '../../src/config/plan.ts';
import type { Problem } from '../../src/config/problems.ts';
import type { CheckPlan } from '../../src/model/plan.ts';
import { folderWith, goodFiles, placed, said, unmarked } from './config-cases.ts';

const tier = (check: string, more = 'releases: [{name: shop, chart: chart}]', suite = ''): string =>
  `tiers: {t: {cluster: {config: kind.yaml}, ${more}, checks: [${check}], suites: [{name: s, image: "i:1"${suite}}]}}`;
const two = 'releases: [{name: shop, chart: chart}, {name: mail, chart: chart, namespace: post}]';

/** The text, with « where the problem is, and what is said of it. */
const wrong: readonly (readonly [text: string, ...problems: string[]])[] = [
  [
    tier('«{name: a}'),
    'check "a" looks at nothing; give it one of "http", "tcp", "grpc", "exec", "workload", "job", "network", "policy", "alone"',
  ],
  [
    tier('{name: a, tcp: "x:1", «job: b}'),
    '"job" of check "a" contradicts "tcp": a check looks at one thing',
  ],
  [tier('{name: a, tcp: "x:1", «status: 204}'), '"status" of check "a" goes with "http", but it has "tcp"'],
  [tier('{name: a, tcp: "x:1", «service: b}'), '"service" of check "a" goes with "grpc", but it has "tcp"'],
  [
    tier('{name: a, network: true, «during: true}'),
    '"during" of check "a" goes with "http", "tcp", "grpc" or "workload"; the others are looked at before suites only',
  ],
  [
    tier('{name: a, http: "http://x/", «insecure: true}'),
    '"insecure" of check "a" is about TLS: it goes with https://, or "tls"',
  ],
  [
    tier('{name: a, grpc: "x:1", «ca: release/shop/secret/tls/ca.crt}'),
    '"ca" of check "a" is about TLS: it goes with https://, or "tls"',
  ],
  [
    tier('{name: a, http: "https://x/", ca: «release/shp/secret/tls/ca.crt}'),
    'check "a" takes "release/shp/secret/tls/ca.crt" of an unknown release "shp" → release/shop/secret/tls/ca.crt',
  ],
  [
    tier('{name: a, http: "https://x/", ca: «ca.pem}'),
    'the file of authorities of check "a" does not exist: ca.pem',
  ],
  [tier('{name: a, exec: «deployment/x}'), 'check "a" has no "command" to run there'],
  [
    tier('{name: a, policy: «"x:1"}'),
    'check "a" says of nobody whether he may connect; give it "allow", and "deny" beside it',
  ],
  [
    tier('{name: a, policy: «"x:1", deny: [{}]}'),
    'check "a" has "deny" without "allow": a service that is dead would hold it; name a pod that gets through',
  ],
  [tier('{name: a, tcp: "x:1", release: «shp}'), 'check "a" is about an unknown release "shp" → shop'],
  [
    tier('«{name: a, tcp: "x:1"}', two),
    'check "a" names no "release", and this tier has several: shop, mail',
  ],
  [
    tier('{name: a, «network: true}', 'images: []'),
    'check "a" looks at the services of releases, and this tier has none',
  ],
  [
    tier('{name: a, «alone: true}', 'images: []'),
    'check "a" looks at the namespaces of releases, and this tier has none',
  ],
  [
    tier('{name: a, tcp: "x:1", «besides: [pod/a]}'),
    '"besides" of check "a" goes with "alone", but it has "tcp"',
  ],
  [
    tier('{name: a, alone: true, besides: [pod/a-*, «debug]}'),
    '"checks[0].besides[1]" of tier "t": "debug" names nothing that runs; write deployment/NAME, pod/NAME, cronjob/NAME and so on, with * for any letters',
  ],
  [
    tier('{name: api, tcp: "x:1"}', undefined, ', requires: {checks: [«apy]}'),
    'suite "s" requires an unknown check "apy" → api',
  ],
  [
    tier('{name: api, tcp: "x:1"}', undefined, ', requires: {checks: [api, «api]}'),
    'suite "s" requires the check "api" twice',
  ],
  [
    'tiers: {t: {suites: [{name: s, command: c, requires: {checks: [«a]}}]}}',
    'suite "s" requires an unknown check "a"; tier "t" has no checks',
  ],
  [
    'tiers: {t: {«checks: [{name: a, tcp: "x:1"}], suites: [{name: s, command: c}]}}',
    '"checks" need a cluster, but tier "t" has no "cluster"',
  ],
  [tier('{name: a, tcp: "x:1"}, {name: «a, tcp: "x:2"}'), 'check 1 of tier "t" is called "a" too'],
];

/** A check, and what is wrong with the form of its value. */
const forms: readonly (readonly [check: string, problem: string])[] = [
  ['tcp: shop-db', '"shop-db" has no port; write it like shop-db:5432'],
  ['tcp: ":5432"', '":5432" has no name of a service before the port, like shop-db:5432'],
  ['tcp: "x:0"', '"0" is not a port: a number from 1 to 65535'],
  ['tcp: "x:65536"', '"65536" is not a port: a number from 1 to 65535'],
  ['http: "shop-api:8080"', '"shop-api:8080" is not an address like http://shop-api:8080/health'],
  ['http: "http:///x"', '"http:///x" is not an address like http://shop-api:8080/health'],
  ['http: "ftp://x/"', '"ftp://x/" is not an address like http://shop-api:8080/health'],
  ['http: "https://u:p@x/"', '"https://u:p@x/" has a name or password in it'],
  ['grpc: x', '"x" has no port; write it like shop-db:5432'],
  ['http: "http://u:p@x/"', '"http://u:p@x/" has a name or password in it'],
  ['http: "http://x/#a"', '"http://x/#a" has a part behind "#", which no server gets'],
  ['workload: pod/x', '"pod/x" names no workload; write deployment/NAME, statefulset/NAME or daemonset/NAME'],
];

const problemsOf = (text: string): readonly Problem[] =>
  checkConfig('ket.yaml', folderWith({ ...goodFiles, 'ket.yaml': text })).problems;

describe('a check that cannot be meant', () => {
  test.each(wrong)('%s', (marked, ...problems) => {
    const { text, places } = unmarked(marked);
    const found = problemsOf(text);
    expect(found.map(said)).toEqual(problems);
    expect(found.map(placed)).toEqual(places);
  });

  test.each(forms)('%s', (check, problem) => {
    const found = problemsOf(tier(`{name: a, ${check}}`));
    expect(found).toHaveLength(1);
    expect(found.map(({ message }) => message).join()).toContain(problem);
  });
});

const planOf = (text: string): ReturnType<typeof resolvePlan> =>
  resolvePlan({
    env: {},
    isTTY: false,
    ci: false,
    cwd: folderWith({ ...goodFiles, 'ket.yaml': text }),
  });

describe('the plan of a check', () => {
  const looks: readonly (readonly [check: string, look: CheckPlan['look']])[] = [
    ['http: "http://api/"', { kind: 'http', host: 'api', port: 80, path: '/', status: 200 }],
    [
      'http: "http://api.shop:8080/a?b=c", status: 204, body: x',
      { kind: 'http', host: 'api.shop', port: 8080, path: '/a?b=c', status: 204, body: 'x' },
    ],
    ['tcp: "db:5432"', { kind: 'tcp', host: 'db', port: 5432 }],
    [
      'exec: statefulset/db, command: [pg_isready], container: db',
      {
        kind: 'exec',
        workload: { kind: 'StatefulSet', name: 'db' },
        container: 'db',
        command: ['pg_isready'],
      },
    ],
    [
      'http: "https://api/", ca: release/shop/configmap/tls/root.pem',
      {
        ...{ kind: 'http', host: 'api', port: 443, path: '/', status: 200 },
        tls: {
          ca: { kind: 'ConfigMap', namespace: 'shop', name: 'tls', key: 'root.pem' },
          insecure: false,
        },
      },
    ],
    [
      'grpc: "cart:9090", service: shop.Cart, tls: true, insecure: true',
      { kind: 'grpc', host: 'cart', port: 9090, service: 'shop.Cart', tls: { insecure: true } },
    ],
    ['workload: daemonset/x', { kind: 'workload', workload: { kind: 'DaemonSet', name: 'x' } }],
    ['job: migrate', { kind: 'job', job: 'migrate' }],
    ['network: true', { kind: 'network' }],
    ['alone: true', { kind: 'alone', besides: [] }],
    ['alone: true, besides: ["cronjob/a*"]', { kind: 'alone', besides: ['cronjob/a*'] }],
    [
      'policy: "db:5432", allow: [{labels: {app: api}}], deny: [{namespace: other}]',
      {
        kind: 'policy',
        host: 'db',
        port: 5432,
        allow: [{ labels: { app: 'api' }, namespace: 'shop' }],
        deny: [{ labels: {}, namespace: 'other' }],
      },
    ],
  ];
  test.each(looks)('%s', (check, look) => {
    const during = ['http', 'tcp', 'grpc', 'workload'].includes(look.kind) ? { during: true } : {};
    const names = { name: 'a', releases: ['shop'], namespaces: ['shop'] };
    const limits = { limitMs: 30_000, totalMs: 300_000, ...during };
    expect(planOf(tier(`{name: a, ${check}}`)).checks).toEqual([{ ...names, look, ...limits }]);
  });

  test('suites require those of the releases that they need, or what they list', () => {
    const text = `
tiers:
  t:
    cluster: {config: kind.yaml}
    ${two}
    checks:
      - {name: net, network: true}
      - {name: only, alone: true}
      - {name: shop-up, tcp: "x:1", release: shop}
      - {name: mail-up, tcp: "x:1", release: mail, limit: 5s, timeout: 1m}
    suites:
      - {name: all, image: "i:1"}
      - {name: shop, image: "i:1", needs: [shop]}
      - {name: none, image: "i:1", needs: []}
      - {name: one, image: "i:1", needs: [shop], requires: {checks: [mail-up]}}
      - {name: empty, image: "i:1", requires: {checks: []}}
`;
    const { suites, checks } = planOf(text);
    expect(suites.map((suite) => [suite.name, suite.checks])).toEqual([
      ['all', ['net', 'only', 'shop-up', 'mail-up']],
      ['shop', ['net', 'only', 'shop-up']],
      ['none', []],
      ['one', ['mail-up']],
      ['empty', []],
    ]);
    expect(checks.map((check) => [check.name, check.namespaces, check.limitMs, check.totalMs])).toEqual([
      ['net', ['shop', 'post'], 30_000, 300_000],
      ['only', ['shop', 'post'], 30_000, 300_000],
      ['shop-up', ['shop'], 30_000, 300_000],
      ['mail-up', ['post'], 5000, 60_000],
    ]);
  });
});
