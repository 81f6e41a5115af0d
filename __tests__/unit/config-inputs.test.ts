import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { keyOf } from '../../src/config/action-reference.ts';
import { inputMeta, inputNames, type Inputs } from '../../src/config/inputs.ts';
import { outputDescription, outputNames, outputTexts } from '../../src/config/outputs.ts';
import { parseInputs } from '../../src/config/parse-inputs.ts';
import { KetError } from '../../src/model/errors.ts';

/** What is said of these inputs, as a reader of the annotation sees it. */
function refusal(given: Readonly<Record<string, string>>): string {
  try {
    parseInputs(given);
  } catch (error) {
    if (!(error instanceof KetError)) throw error;
    expect(error.code).toBe('KET_USAGE');
    return error.message;
  }
  throw new Error('nothing was refused');
}

const digest = `sha256:${'a'.repeat(64)}`;

const good: readonly (readonly [input: keyof Inputs, text: string, value: unknown])[] = [
  ['tier', ' e2e ', 'e2e'],
  ['config', 'ci/ket.yaml', 'ci/ket.yaml'],
  ['working-directory', '/elsewhere', '/elsewhere'],
  ['suites', 'api, db\nk8s,,\n', ['api', 'db', 'k8s']],
  ['suites', ' , ', []],
  ['test-command', 'set -e\npytest tests', 'set -e\npytest tests'],
  ['image', 'registry.example:5000/shop/tests:dev', 'registry.example:5000/shop/tests:dev'],
  ['load-images', `postgres:15,redis@${digest}`, ['postgres:15', `redis@${digest}`]],
  ['results-path', 'reports/*.xml\nmore/*.xml', ['reports/*.xml', 'more/*.xml']],
  ['secrets', 'API_TOKEN', ['API_TOKEN']],
  ['chart', 'oci://registry.example/shop', 'oci://registry.example/shop'],
  ['values', 'a.yaml\n  b.yaml', ['a.yaml', 'b.yaml']],
  ['release-name', 'shop', 'shop'],
  ['cluster', 'mine', 'mine'],
  ['kind-version', 'v0.30.0', 'v0.30.0'],
  ['helm-version', 'v3.19.0', 'v3.19.0'],
  ['kubernetes-version', 'v1.34', 'v1.34'],
  ['kubernetes-version', '1.34', '1.34'],
  ['kind-config', 'kind.yaml,gates.yaml', ['kind.yaml', 'gates.yaml']],
  ['kubernetes-version', 'v1.33.5', 'v1.33.5'],
  ['allow-unlisted-tools', 'false', false],
  ['allow-unlisted-tools', 'true', true],
  ['timeout', '1h30m', '1h30m'],
  ['retries', '0', 0],
  ['parallel', '64', 64],
  ['keep', 'on-failure', 'on-failure'],
  ['retention-days', '400', 400],
  ['check-run', 'true', 'true'],
  ['artifact-name', 'ket results (unit)', 'ket results (unit)'],
  ['tool-mirror', 'https://mirror.example/a/', { all: 'https://mirror.example/a' }],
  [
    'tool-mirror',
    'http://127.0.0.1:8080\nhelm=https://other.example',
    { all: 'http://127.0.0.1:8080', helm: 'https://other.example' },
  ],
  ['log-level', 'debug', 'debug'],
];

const bad: readonly (readonly [input: string, text: string, message: string])[] = [
  ['tier', 'E2E', '"E2E" is not a valid name: lower-case letters, digits and "-" inside; write "e2e"'],
  ['suites', 'api,Db', '"Db" is not a valid name: lower-case letters, digits and "-" inside; write "db"'],
  ['image', 'tests', '"tests" has no tag; write "tests:dev", or whichever version is meant'],
  ['load-images', 'a:1 b:2', '"a:1 b:2" is not an image reference such as shop-api:dev'],
  ['secrets', 'API-TOKEN', '"API-TOKEN" is not a variable name: letters, digits and "_", no digit first'],
  ['release-name', 'a'.repeat(54), `"${'a'.repeat(54)}" has 54 characters; at most 53 are allowed`],
  ['cluster', 'Mine', '"Mine" is not the name of a Kind cluster: lower-case letters, digits, "." and "-"'],
  ['kind-version', '0.30.0', '"0.30.0" lacks the leading v; write "v0.30.0"'],
  ['kind-version', 'latest', '"latest" is not a full version such as v0.20.0'],
  ['kubernetes-version', '34', '"34" is not a version of Kubernetes such as 1.34 or 1.34.0'],
  ['kubernetes-version', 'v1.24', '"v1.24" is too old; 1.29 is the oldest that works'],
  ['helm-version', 'v2.17.0', '"v2.17.0" is too old; v3.0.0 is the oldest that works'],
  ['allow-unlisted-tools', 'yes', 'must be true or false, not "yes" (did you mean "true"?)'],
  ['allow-unlisted-tools', 'FALSE', 'must be true or false, not "FALSE" (did you mean "false"?)'],
  ['timeout', '300', '300 has no unit; write "5m" if seconds are meant'],
  ['timeout', '25h', '"25h" is too long: a limit is at most 24h, and never infinite'],
  ['release-timeout', 'never', '"never" is not a duration; write it like 30s, 5m, 1h30m or 500ms'],
  ['retries', '3', 'must be a whole number from 0 to 2, not "3"'],
  ['retries', '1.0', 'must be a whole number from 0 to 2, not "1.0"'],
  ['parallel', '-1', 'must be a whole number from 1 to 1000, not "-1"'],
  ['retention-days', '0', 'must be a whole number from 1 to 400, not "0"'],
  [
    'keep',
    'on_failure',
    'must be never, on-failure or always, not "on_failure" (did you mean "on-failure"?)',
  ],
  ['check-run', 'off', 'must be auto, true or false, not "off" (did you mean "false"?)'],
  ['log-level', 'trace', 'must be warning, info or debug, not "trace"'],
  [
    'artifact-name',
    'a/b',
    'must not hold "/"; also not allowed in the name of an artifact: " < > | * ? : \\ /',
  ],
  [
    'tool-mirror',
    'mirror.example',
    'the address for all tools must begin with https://, or with http:// on this machine itself',
  ],
  [
    'tool-mirror',
    'helm=http://me:word@mirror.example',
    'the address for helm must begin with https://, or with http:// on this machine itself',
  ],
  [
    'tool-mirror',
    'docker=https://a.example',
    '"docker" is not a tool that is fetched; those are kind, kubectl, helm',
  ],
  ['tool-mirror', 'https://a.example,https://b.example', 'names two mirrors for all tools'],
];

const unknown: readonly (readonly [input: string, meant: string])[] = [
  ['teir', 'tier'],
  ['kind_version', 'kind-version'],
  ['node_image', 'node-image'],
  ['cluster_name', 'cluster'],
  ['version', 'kind-version'],
  ['run', 'test-command'],
  ['wait', 'cluster-timeout'],
  ['time-out', 'timeout'],
  ['suite', 'suites'],
  ['github-token', 'token'],
];

describe('inputs', () => {
  test.each(good)('%s: %j', (input, text, value) => {
    expect(parseInputs({ [input]: text })[input]).toEqual(value);
  });

  test.each(bad)('%s: %j is refused', (input, text, message) => {
    expect(refusal({ [input]: text })).toBe(`input ${input}: ${message}`);
  });

  test.each(unknown)('%s is not one; %s was meant', (input, meant) => {
    expect(refusal({ [input]: 'x' })).toBe(
      `input ${input}: there is no such input (did you mean "${meant}"?)`,
    );
  });

  test('an unknown one that is like none is refused, empty or not', () => {
    expect(refusal({ zzzzzzzz: '' })).toBe('input zzzzzzzz: there is no such input');
  });

  test('all that is wrong is told at once', () => {
    const wrong = { retries: '9', keep: 'no', tokne: 'x' };
    expect(refusal(wrong)).toBe('3 problems with the inputs retries, keep, tokne');
    expect(() => parseInputs(wrong)).toThrow(
      expect.objectContaining({ details: expect.arrayContaining([expect.stringMatching(/^input keep: /)]) }),
    );
  });

  test('defaults where nothing is given, or the empty text that GitHub gives', () => {
    const nothing = parseInputs({});
    expect(nothing).toEqual({
      'working-directory': '.',
      suites: [],
      'load-images': [],
      'kind-config': [],
      'results-path': [],
      secrets: [],
      values: [],
      'retention-days': 90,
      'check-run': 'auto',
      'log-level': 'info',
    });
    expect(parseInputs(Object.fromEntries(inputNames.map((name) => [name, ' '])))).toEqual(nothing);
  });

  test('any text of any input is taken or refused by name', () => {
    fc.assert(
      fc.property(fc.constantFrom(...inputNames), fc.string(), (name, text) => {
        try {
          parseInputs({ [name]: text });
        } catch (error) {
          expect(error).toBeInstanceOf(KetError);
          // A list may have several wrong entries.
          expect((error as KetError).message).toMatch(
            new RegExp(`^(input ${name}: .|\\d+ problems with input ${name}$)`),
          );
        }
      }),
    );
  });

  test('are found in milliseconds', () => {
    const took = Array.from({ length: 5 }, () => {
      const start = performance.now();
      refusal({ retries: '9' });
      return performance.now() - start;
    });
    // Others may have the processor meanwhile.
    expect(Math.min(...took)).toBeLessThan(100);
  });

  test.each(inputNames)('%s has a meaning, a form, and a key that ket.yaml has', (name) => {
    const { title, description } = inputMeta(name);
    expect(description).toMatch(/\.$/);
    expect(title).not.toBe('');
    expect(() => keyOf(name)).not.toThrow();
    // What ket.yaml decides where the input says nothing must not be decided in action.yml before.
    if (keyOf(name) !== undefined) expect(inputMeta(name).default).toBeUndefined();
  });
});

describe('outputs', () => {
  test.each(outputNames)('%s has a meaning', (name) => expect(outputDescription(name)).toMatch(/\.$/));

  test('are texts, and JSON where there is more than one value', () => {
    const counts = { total: 2, passed: 1, failed: 0, errors: 0, skipped: 1 };
    expect(outputTexts({ outcome: 'passed', 'exit-code': 0, counts })).toEqual({
      outcome: 'passed',
      'exit-code': '0',
      counts: '{"total":2,"passed":1,"failed":0,"errors":0,"skipped":1}',
    });
  });
});
