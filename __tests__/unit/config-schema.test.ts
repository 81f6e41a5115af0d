import { describe, expect, test } from '@jest/globals';
import { validateSource } from '../../src/config/load.ts';
import { sortProblems } from '../../src/config/problems.ts';
import { parseSource } from '../../src/config/source.ts';
import { placed, said, unmarked } from './config-cases.ts';

/** A suite of a tier without a cluster, with this among its keys. */
const suite = (keys: string): string => `tiers: {unit: {suites: [{name: u, command: c, ${keys}}]}}`;
/** A suite of a tier with a cluster. */
const job = (keys: string): string =>
  `tiers: {t: {cluster: {config: k}, suites: [{name: u, image: "i:1", ${keys}}]}}`;
/** A tier with a cluster and this. */
const tier = (keys: string): string =>
  `tiers: {t: {cluster: {config: k}, suites: [{name: u, image: "i:1"}], ${keys}}}`;
const top = (keys: string): string => `${keys}\ntiers: {unit: {suites: [{name: u, command: c}]}}`;

/** The text, with « where the problem is, and what is said of it (after → what was probably meant). */
const cases: readonly (readonly [text: string, ...problems: string[]])[] = [
  [top('«verison: 1'), 'unknown key "verison" at the top level → version'],
  [top('version: «2'), '"version" must be 1, not the number 2'],
  [top('«suites: []'), 'unknown key "suites" at the top level; it belongs in an entry of "tiers"'],
  [top('tools: {kind: «0.30.0}'), '"tools.kind": "0.30.0" lacks the leading v; write "v0.30.0"'],
  [top('tools: {kind: «v0.19.0}'), '"tools.kind": "v0.19.0" is too old; v0.20.0 is the oldest that works'],
  [top('tools: {helm: «latest}'), '"tools.helm": "latest" is not a full version such as v3.0.0'],
  [top('tools: {«kubectl: v1.34.0}'), 'unknown key "kubectl" in "tools"'],
  [
    top('tools: {kubernetes: «[1.33, 1.34]}'),
    '"tools.kubernetes" must be a version, not a list; write one of them; a list stands in "cluster" of a tier',
  ],
  [
    'tiers: {t: {cluster: {config: k, kubernetes: «[]}, suites: [{name: u, image: "i:1"}]}}',
    '"cluster.kubernetes" of tier "t" must not be empty',
  ],
  [
    'tiers: {t: {cluster: {config: k, kubernetes: «latest}, suites: [{name: u, image: "i:1"}]}}',
    '"cluster.kubernetes" of tier "t": "latest" is not a version of Kubernetes such as 1.34 or 1.34.0',
  ],
  [
    'tiers: {t: {cluster: {config: k, kubernetes: «{a: b}}, suites: [{name: u, image: "i:1"}]}}',
    '"cluster.kubernetes" of tier "t" must be a version or list of versions, not a mapping',
  ],
  [
    'tiers: {t: {cluster: {config: k, kubernetes: [1.30, «1.28]}, suites: [{name: u, image: "i:1"}]}}',
    '"cluster.kubernetes[1]" of tier "t": "1.28" is too old; 1.29 is the oldest that works',
  ],
  [top('tools: {kubernetes: «1.2}'), '"tools.kubernetes": "1.2" is too old; 1.29 is the oldest that works'],
  [
    top('tools: {kubernetes: «v1.28.3}'),
    '"tools.kubernetes": "v1.28.3" is too old; 1.29 is the oldest that works',
  ],
  [
    top('tools: {kubernetes: «latest}'),
    '"tools.kubernetes": "latest" is not a version of Kubernetes such as 1.34 or 1.34.0',
  ],
  [top('tools: {allowUnlisted: «yes}'), '"tools.allowUnlisted" must be true or false, not "yes"; write true'],
  [
    suite('secrets: [«1A]'),
    '"secrets[0]" of suite "u": "1A" is not a variable name: letters, digits and "_", no digit first',
  ],
  [suite('secrets: «A'), '"secrets" of suite "u" must be a list, not "A"; write [A]'],
  [tier('budget: {time: «5}'), '"budget.time" of tier "t": 5 has no unit; write "5s" if seconds are meant'],
  [
    tier('budget: {memory: «8}'),
    '"budget.memory" of tier "t": "8" is 8 bytes, less than any container needs; write "8Mi" if mebibytes are meant',
  ],
  [top('output: «""'), '"output" must not be empty'],
  [top('parallel: «0'), '"parallel" must be at least 1'],
  [top('parallel: «2.5'), '"parallel" must be a whole number, not the number 2.5'],
  [top('parallel: «"4"'), '"parallel" must be a whole number, not "4"'],
  [
    top('keep: «on_failure'),
    '"keep" must be "never" or "on-failure" or "always", not "on_failure" → on-failure',
  ],
  [top('keep: «true'), '"keep" must be "never" or "on-failure" or "always", not true'],
  [top('logs: «allways'), '"logs" must be "on-failure" or "always", not "allways" → always'],
  ['tiers: «{}', '"tiers" must have at least one tier'],
  ['«tiers:', '"tiers" must be a mapping of keys to values, not nothing'],
  ['«version: 1', '"tiers" is required at the top level: The kinds of test, by name.'],
  ['«[]', 'the file must be a mapping of keys to values, not a list'],
  ['«just text', 'the file must be a mapping of keys to values, not "just text"'],
  ['tiers: «[unit]', '"tiers" must be a mapping of keys to values, not a list'],
  [
    'tiers: {«Unit_Tests: {suites: [{name: u, command: c}]}}',
    'tier "Unit_Tests": "Unit_Tests" is not a valid name: lower-case letters, digits and "-" inside; write "unit-tests"',
  ],
  ['tiers: {«unit: }', 'tier "unit" must be a mapping of keys to values, not nothing'],
  ['tiers: {«unit: {}}', '"suites" is required in tier "unit": The test commands.'],
  ['tiers: {unit: {suites: «[]}}', '"suites" of tier "unit" must not be empty'],
  ['tiers: {unit: {suites: «{name: u}}}', '"suites" of tier "unit" must be a list, not a mapping'],
  ['tiers: {unit: {suites: [«u]}}', 'suite 1 of tier "unit" must be a mapping of keys to values, not "u"'],
  [
    'tiers: {unit: {suites: [«{command: c}]}}',
    '"name" is required in suite 1 of tier "unit": Name of the suite, unique in its tier.',
  ],
  [
    'tiers: {unit: {«sutes: [], suites: [{name: u, command: c}]}}',
    'unknown key "sutes" in tier "unit" → suites',
  ],
  [
    'tiers: {unit: {default: «yes, suites: [{name: u, command: c}]}}',
    '"default" of tier "unit" must be true or false, not "yes"; write true',
  ],
  [suite('«comand: x'), 'unknown key "comand" in suite "u" → command'],
  [suite('«cmd: x'), 'unknown key "cmd" in suite "u" → command'],
  [suite('«dependsOn: [x]'), 'unknown key "dependsOn" in suite "u" → needs'],
  [suite('«time-out: 5m'), 'unknown key "time-out" in suite "u" → timeout'],
  [suite('«zzz: 1'), 'unknown key "zzz" in suite "u"'],
  [suite('«chart: x'), 'unknown key "chart" in suite "u"; it belongs in an entry of "releases"'],
  [suite('timeout: «300'), '"timeout" of suite "u": 300 has no unit; write "5m" if seconds are meant'],
  [suite('timeout: «1.5'), '"timeout" of suite "u": 1.5 has no unit; write "1s500ms" if seconds are meant'],
  [suite('timeout: «0s'), '"timeout" of suite "u": "0s" is no time at all; every limit is longer than that'],
  [
    suite('timeout: «"0"'),
    '"timeout" of suite "u": 0 is not a duration; a limit is more than nothing and never infinite: write it like 30s or 5m',
  ],
  [
    suite('timeout: «never'),
    '"timeout" of suite "u": "never" is not a duration; write it like 30s, 5m, 1h30m or 500ms',
  ],
  [
    suite('timeout: «.inf'),
    '"timeout" of suite "u": Infinity is not a duration; a limit is more than nothing and never infinite: write it like 30s or 5m',
  ],
  [
    suite('timeout: «-5'),
    '"timeout" of suite "u": -5 is not a duration; a limit is more than nothing and never infinite: write it like 30s or 5m',
  ],
  [
    'tiers: {unit: {soak: «169h, suites: [{name: u, command: c}]}}',
    '"soak" of tier "unit": "169h" is too long: a soak is at most 168h, and never infinite',
  ],
  [
    'tiers: {unit: {soak: «8, suites: [{name: u, command: c}]}}',
    '"soak" of tier "unit": 8 has no unit; write "8s" if seconds are meant',
  ],
  [
    'tiers: {unit: {schedule: {cron: «"17 3 * *"}, suites: [{name: u, command: c}]}}',
    '"schedule.cron" of tier "unit": "17 3 * *" has 4 fields, and cron has five: minute, hour, day of the month, month, day of the week, e.g. "17 3 * * *"',
  ],
  [
    suite('timeout: «25h'),
    '"timeout" of suite "u": "25h" is too long: a limit is at most 24h, and never infinite',
  ],
  [
    suite('timeout: «5 m'),
    '"timeout" of suite "u": "5 m" is not a duration; write it like 30s, 5m, 1h30m or 500ms',
  ],
  [
    suite('timeout: «1m1h'),
    '"timeout" of suite "u": "1m1h" is not a duration; write it like 30s, 5m, 1h30m or 500ms',
  ],
  [suite('«timeout: '), '"timeout" of suite "u" must be a duration, not nothing'],
  [suite('retries: «3'), '"retries" of suite "u" must be at most 2'],
  [suite('retries: «-1'), '"retries" of suite "u" must be at least 0'],
  [suite('retries: «yes'), '"retries" of suite "u" must be a whole number, not "yes"'],
  [suite('expectTests: «0'), '"expectTests" of suite "u" must be at least 1'],
  [
    suite('expectTests: «true'),
    '"expectTests" of suite "u" must be a whole number from 1, or false, not true',
  ],
  [
    suite('expectTests: «all'),
    '"expectTests" of suite "u" must be a whole number from 1, or false, not "all"',
  ],
  [
    suite('env: {PORT: «8080}'),
    '"env.PORT" of suite "u" must be text or `{from: REFERENCE}`, not the number 8080; write "8080" with the quotes',
  ],
  [
    suite('env: {VERSION: «1.10, DEBUG: «true}'),
    '"env.VERSION" of suite "u" must be text or `{from: REFERENCE}`, not the number 1.1; write "1.10" with the quotes',
    '"env.DEBUG" of suite "u" must be text or `{from: REFERENCE}`, not true; write "true" with the quotes',
  ],
  [
    suite('env: {«1X: a}'),
    '"env.1X" of suite "u": "1X" is not a variable name: letters, digits and "_", no digit first',
  ],
  [suite('env: «[A=b]'), '"env" of suite "u" must be a mapping of keys to values, not a list'],
  [suite('env: {«A: }'), '"env.A" of suite "u" must be text or `{from: REFERENCE}`, not nothing'],
  [
    suite('env: {A: {from: «release/shop/secret/db}}'),
    '"env.A.from" of suite "u": "release/shop/secret/db" names no key, and a variable holds one; add /KEY, or take all keys by "envFrom"',
  ],
  [
    suite('env: {A: {from: «release/shop/secrets/db/key}}'),
    '"env.A.from" of suite "u": "secrets" in "release/shop/secrets/db/key" is neither secret nor configmap; write "release/shop/secret/db/key"',
  ],
  [
    suite('env: {A: {«form: x, from: release/a/secret/b/c}}'),
    'unknown key "form" in "env.A" of suite "u" → from',
  ],
  [
    suite('envFrom: [«shop/secret/db]'),
    '"envFrom[0]" of suite "u": "shop/secret/db" names no object of a release; write release/RELEASE/secret/NAME, or configmap in place of secret',
  ],
  [
    suite('envFrom: [«release/shop/secret/db/key]'),
    '"envFrom[0]" of suite "u": "release/shop/secret/db/key" names a key, and "envFrom" takes all; write env: {NAME: {from: release/shop/secret/db/key}} for one',
  ],
  [
    suite('envFrom: [«release/shop/secret/Db]'),
    '"envFrom[0]" of suite "u": "Db" in "release/shop/secret/Db" is not the name of an object: lower-case letters, digits, "-" and "." inside',
  ],
  [
    suite('files: {/etc/db: «release/shop/configmap/db/a b}'),
    '"files./etc/db" of suite "u": "a b" in "release/shop/configmap/db/a b" is not the name of a key: letters, digits, "-", "_" and "."',
  ],
  [
    suite('files: {«etc: release/shop/configmap/db}'),
    '"files.etc" of suite "u": "etc" is a path in a container and begins with "/"',
  ],
  [suite('results: «r.xml'), '"results" of suite "u" must be a list, not "r.xml"; write [r.xml]'],
  [
    suite('results: [«1]'),
    '"results[0]" of suite "u" must be a path, not the number 1; write "1" with the quotes',
  ],
  [suite('allowSkip: «"true"'), '"allowSkip" of suite "u" must be true or false, not "true"; write true'],
  [suite('workingDir: «""'), '"workingDir" of suite "u" must not be empty'],
  [
    'tiers: {unit: {suites: [{name: «My_Suite, command: c}]}}',
    '"name" of suite "My_Suite": "My_Suite" is not a valid name: lower-case letters, digits and "-" inside; write "my-suite"',
  ],
  [
    'tiers: {unit: {suites: [{name: «aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, command: c}]}}',
    '"name" of suite "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" has 41 characters; at most 40 are allowed',
  ],
  [
    'tiers: {unit: {suites: [{name: «7, command: c}]}}',
    '"name" of suite 1 of tier "unit" must be a name, not the number 7; write "7" with the quotes',
  ],
  ['tiers: {unit: {suites: [{name: u, command: «[]}]}}', '"command" of suite "u" must not be empty'],
  [
    'tiers: {unit: {suites: [{name: u, command: [sleep, «5]}]}}',
    '"command[1]" of suite "u" must be text, not the number 5; write "5" with the quotes',
  ],
  ['tiers: {unit: {suites: [{name: u, command: «""}]}}', '"command" of suite "u" must not be empty'],
  [
    'tiers: {unit: {suites: [{name: u, command: «{run: c}}]}}',
    '"command" of suite "u" must be text (run by `/bin/sh -c`) or list of texts (argv), not a mapping',
  ],
  [
    job('placement: «release-namespace'),
    '"placement" of suite "u" must be "own" or "release", not "release-namespace"',
  ],
  [
    job('placement: «realese'),
    '"placement" of suite "u" must be "own" or "release", not "realese" → release',
  ],
  [job('api: «write'), '"api" of suite "u" must be "read" or "none", not "write"'],
  [
    job('resources: {requests: {cpu: «1Gi}}'),
    '"resources.requests.cpu" of suite "u": "1Gi" is not a cpu quantity; write it like 100m, 0.5 or 2',
  ],
  [
    job('resources: {limits: {memory: «512m}}'),
    '"resources.limits.memory" of suite "u": "512m" is 0.512 bytes, less than any container needs; write "512Mi" if mebibytes are meant',
  ],
  [
    job('resources: {limits: {memory: «0.5}}'),
    '"resources.limits.memory" of suite "u": "0.5" is 0.5 bytes, less than any container needs',
  ],
  [
    job('resources: {limits: {memory: «lots}}'),
    '"resources.limits.memory" of suite "u": "lots" is not a memory quantity; write it like 128Mi or 1Gi',
  ],
  [job('resources: {limits: {«gpu: 1}}'), 'unknown key "gpu" in "resources.limits" of suite "u" → cpu'],
  [job('resources: {«limit: {cpu: 1}}'), 'unknown key "limit" in "resources" of suite "u" → limits'],
  [job('resources: {requests: {cpu: «0}}'), '"resources.requests.cpu" of suite "u": "0" is no cpu at all'],
  [
    'tiers: {t: {cluster: {config: k}, suites: [{name: u, image: «Shop/Tests}]}}',
    '"image" of suite "u": "Shop/Tests" is not an image reference such as shop-api:dev; write it in lower case: "shop/tests"',
  ],
  [
    'tiers: {t: {cluster: {config: k}, suites: [{name: u, image: «shop}]}}',
    '"image" of suite "u": "shop" has no tag; write "shop:dev", or whichever version is meant',
  ],
  [
    'tiers: {t: {cluster: {config: k}, suites: [{name: u, image: «"a b:1"}]}}',
    '"image" of suite "u": "a b:1" is not an image reference such as shop-api:dev',
  ],
  [
    'tiers: {t: {cluster: «{}, suites: [{name: u, image: "i:1"}]}}',
    'the cluster has no "config", the Kind config that it is made from; or "context" or "kubeconfig" for one that is there already',
  ],
  [
    'tiers: {t: {cluster: «kind.yaml, suites: [{name: u, image: "i:1"}]}}',
    '"cluster" of tier "t" must be a mapping of keys to values, not "kind.yaml"',
  ],
  [
    'tiers: {t: {cluster: {config: k, «nodeimage: "i:1", ready: «soon}, suites: [{name: u, image: "i:1"}]}}',
    'unknown key "nodeimage" in "cluster" of tier "t" → nodeImage',
    '"cluster.ready" of tier "t": "soon" is not a duration; write it like 30s, 5m, 1h30m or 500ms',
  ],
  [
    tier('images: [{name: "a:1", «dockerfile: Dockerfile}]'),
    '"dockerfile" of image "a:1" needs "build", the folder to build from',
  ],
  [
    tier(
      'images: [{name: «"a@sha256:0000000000000000000000000000000000000000000000000000000000000000", build: .}]',
    ),
    '"name" of image "a@sha256:0000000000000000000000000000000000000000000000000000000000000000": "a@sha256:0000000000000000000000000000000000000000000000000000000000000000" names a digest, which an image that is built cannot have yet; give it a tag such as ":dev"',
  ],
  [
    tier('images: [{name: «a, build: ., args: {PY: «3.10}}]'),
    '"name" of image "a": "a" has no tag; write "a:dev", or whichever version is meant',
    '"args.PY" of image "a" must be text, not the number 3.1; write "3.10" with the quotes',
  ],
  [tier('releases: [«{name: r}]'), 'release "r" has neither "chart" nor "manifests" nor "kustomize"'],
  [
    tier('releases: [{name: «R, chart: c}]'),
    '"name" of release "R": "R" is not a valid name: lower-case letters, digits and "-" inside; write "r"',
  ],
  [
    tier('releases: [{name: r, chart: c, values: «v.yaml}]'),
    '"values" of release "r" must be a list, not "v.yaml"; write [v.yaml]',
  ],
  [
    tier('releases: [{name: r, chart: c, set: {a: «{b: 1}}}]'),
    '"set.a" of release "r" must be text, number, true or false, not a mapping',
  ],
  [
    tier('releases: [{name: r, chart: c, «valueFiles: [a]}]'),
    'unknown key "valueFiles" in release "r" → values',
  ],
  [
    tier('releases: [{name: r, chart: c, collect: [{from: «deploy/x, path: /a}]}]'),
    '"from" of collect 1 of release "r": "deploy/x" names no workload; write deployment/NAME, statefulset/NAME or pod/NAME',
  ],
  [
    tier('releases: [{name: r, chart: c, collect: [{from: pod/x, path: «a}]}]'),
    '"path" of collect 1 of release "r": "a" is a path in a container and begins with "/"',
  ],
  [
    tier('releases: [{name: r, chart: c, collect: [«{from: pod/x}]}]'),
    '"path" is required in collect 1 of release "r": The file or folder in the container.',
  ],
];

describe('what the schema refuses', () => {
  test.each(cases)('%s', (marked, ...problems) => {
    const { text, places } = unmarked(marked);
    const found = sortProblems(validateSource(parseSource(text, 'ket.yaml')).problems);
    expect(found.map(said)).toEqual(problems);
    expect(found.map(placed)).toEqual(places);
  });
});
