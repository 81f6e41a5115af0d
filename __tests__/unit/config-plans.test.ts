import { describe, expect, test } from '@jest/globals';
import { resolvePlan } from '../../src/config/plan.ts';
import { resolvePlans, type PlansInput } from '../../src/config/plans.ts';
import { KetError } from '../../src/model/errors.ts';
import { folderWith, goodFiles } from './config-cases.ts';

const text = `
tiers:
  unit:
    suites: [{name: fast, command: a}, {name: slow, command: b}]
  integration:
    cluster: {config: kind.yaml}
    suites: [{name: api, image: "i:1"}, {name: slow, image: "i:1"}]
  e2e:
    cluster: {config: three.yaml}
    suites: [{name: web, image: "i:1"}]
`;
const files = { ...goodFiles, 'ket.yaml': text };
const cwd = folderWith(files);

/** Each tier with its suites; `-` for one that has none of those asked for. */
const shown = (input: Partial<PlansInput>, at = cwd): string[] =>
  resolvePlans({ env: {}, isTTY: false, ci: false, cwd: at, ...input }).map(
    ({ tier, plan }) => `${tier}: ${plan?.suites.map(({ name }) => name).join(' ') ?? '-'}`,
  );

function refusal(input: Partial<PlansInput>): Pick<KetError, 'code' | 'message' | 'next'> {
  try {
    shown(input);
  } catch (error) {
    if (error instanceof KetError) return { code: error.code, message: error.message, next: error.next };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the tiers of one command', () => {
  test.each<[string, Partial<PlansInput>, string[]]>([
    ['one', { tiers: ['unit'] }, ['unit: fast slow']],
    ['several: in the order given', { tiers: ['e2e', 'unit'] }, ['e2e: web', 'unit: fast slow']],
    [
      'all: in the order of the file',
      { all: true },
      ['unit: fast slow', 'integration: api slow', 'e2e: web'],
    ],
    [
      'a suite of one of them: the other is left out',
      { tiers: ['unit', 'e2e'], suites: ['web'] },
      ['unit: -', 'e2e: web'],
    ],
    ['a suite of several', { all: true, suites: ['slow'] }, ['unit: slow', 'integration: slow', 'e2e: -']],
    [
      'suites of different ones',
      { all: true, suites: ['web', 'fast'] },
      ['unit: fast', 'integration: -', 'e2e: web'],
    ],
  ])('%s', (_, input, tiers) => {
    expect(shown(input)).toEqual(tiers);
  });

  test('none named: the default one', () => {
    const at = folderWith({ ...files, 'ket.yaml': text.replace('  e2e:', '  e2e:\n    default: true') });
    expect(shown({}, at)).toEqual(['e2e: web']);
  });

  test.each<[string, Partial<PlansInput>, string, string]>([
    [
      'one that is not there',
      { tiers: ['unit', 'e2'] },
      'there is no tier "e2" (did you mean "e2e"?)',
      'has: unit, integration, e2e',
    ],
    ['one twice', { tiers: ['unit', 'e2e', 'unit'] }, 'tier "unit" is named twice', 'once'],
    ['some and all', { tiers: ['unit'], all: true }, '--all means every tier', 'leave one of them out'],
    ['none, where none is the default', {}, 'which tier?', 'name one with --tier'],
    [
      'a suite that none of them has',
      { tiers: ['unit', 'e2e'], suites: ['api', 'web'] },
      'there is no suite "api"',
      'tier "unit" has: fast, slow; tier "e2e" has: web',
    ],
    [
      'what is wrong for one of them alone',
      { all: true, overrides: { kubernetes: '1.2' } },
      '"1.2" is too old',
      '',
    ],
  ])('refused: %s', (_, input, message, next) => {
    const refused = refusal(input);
    expect(refused.code).toBe('KET_USAGE');
    expect(refused.message).toContain(message);
    expect(refused.next ?? '').toContain(next);
  });
});

describe('a cluster for several versions of Kubernetes', () => {
  const at = (kubernetes: string): string =>
    folderWith({
      ...files,
      'ket.yaml': text.replace('{config: kind.yaml}', `{config: kind.yaml, kubernetes: ${kubernetes}}`),
    });
  const runs = (kubernetes: string, input: Partial<PlansInput> = {}): string[] =>
    resolvePlans({ env: {}, isTTY: false, ci: false, cwd: at(kubernetes), all: true, ...input }).map(
      ({ tier, plan }) =>
        [
          tier,
          plan?.cluster?.variant ?? '-',
          plan?.cluster?.kubernetes ?? plan?.cluster?.nodeImage ?? '-',
        ].join(' '),
    );

  test('is a run for each, where the tier stands', () => {
    // 1.30 is a number to YAML, and not 1.3.
    expect(runs('[1.33, 1.30, v1.34.3]')).toEqual([
      'unit - -',
      'integration 1.33 v1.33',
      'integration 1.30 v1.30',
      'integration 1.34.3 v1.34.3',
      'e2e - -',
    ]);
  });

  test.each<[string, string, Partial<PlansInput>, string]>([
    ['a list of one is that version', '[1.33]', {}, '- v1.33'],
    ['an option narrows it', '[1.33, 1.34]', { overrides: { kubernetes: '1.34' } }, '- v1.34'],
    ['a node image, too', '[1.33, 1.34]', { overrides: { nodeImage: 'n:1' } }, '- n:1'],
    ['the environment, too', '[1.33, 1.34]', { env: { KET_KUBERNETES_VERSION: '1.35' } }, '- v1.35'],
  ])('%s', (_, kubernetes, input, expected) => {
    expect(runs(kubernetes, { ...input, all: false, tiers: ['integration'] })).toEqual([
      `integration ${expected}`,
    ]);
  });

  test('an empty variable of the environment narrows nothing', () => {
    const input = { all: false, tiers: ['integration'], env: { KET_KUBERNETES_VERSION: '' } };
    expect(runs('[1.33, 1.34]', input)).toHaveLength(2);
  });

  test('what is about one cluster needs one', () => {
    const one = { env: {}, isTTY: false, ci: false, cwd: at('[1.33, 1.34]'), tier: 'integration' };
    expect(() => resolvePlan(one)).toThrow(
      'the cluster is for several versions of Kubernetes, 1.33, 1.34, and this is about one',
    );
    expect(resolvePlan({ ...one, overrides: { kubernetes: '1.33' } }).cluster?.kubernetes).toBe('v1.33');
  });
});
