import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inputNames } from '../../src/config/inputs.ts';
import { KetError } from '../../src/model/errors.ts';
import { planIn, withFile, without } from './config-compose-cases.ts';

describe('any subset of valid inputs', () => {
  const values: Readonly<Record<string, readonly string[]>> = {
    tier: ['unit', 'one', 'two', 'e2e'],
    config: ['ket.yaml'],
    'working-directory': ['.', 'app'],
    suites: ['api', 'fast', 'new', 'api,db'],
    'test-command': ['make test'],
    image: ['i:1', 'other:2'],
    'load-images': ['app:1,i:1'],
    'results-path': ['r/*.xml'],
    secrets: ['TOKEN', 'UNSET'],
    chart: ['chart', 'oci://registry.example/shop', 'nowhere'],
    values: ['values.yaml', 'a.yaml,b.yaml'],
    'release-name': ['shop', 'cache', 'other'],
    namespace: ['ns'],
    cluster: ['mine'],
    context: ['there'],
    kubeconfig: ['k'],
    'kind-config': ['kind.yaml', 'three.yaml', 'nowhere.yaml'],
    'kind-version': ['v0.31.0'],
    'kubernetes-version': ['v1.34'],
    'node-image': ['node:1'],
    'helm-version': ['v3.19.0'],
    'allow-unlisted-tools': ['true', 'false'],
    'tool-mirror': ['https://mirror.example'],
    timeout: ['5m'],
    'release-timeout': ['5m'],
    'cluster-timeout': ['5m'],
    retries: ['0', '2'],
    parallel: ['3'],
    'fail-fast': ['true'],
    production: ['false'],
    keep: ['always'],
    'artifact-name': ['a'],
    'retention-days': ['5'],
    'check-run': ['false'],
    token: ['t'],
    'log-level': ['debug'],
  };
  /** Few at a time: of many, two nearly always contradict each other. */
  const subset = fc
    .subarray(Object.keys(values), { maxLength: 7 })
    .chain((names) =>
      fc.record(Object.fromEntries(names.map((name) => [name, fc.constantFrom(...(values[name] ?? []))]))),
    );

  test('the generator has every input', () => {
    expect(Object.keys(values).sort()).toEqual([...inputNames].sort());
  });

  test.each([
    ['with a ket.yaml', withFile],
    ['without', without],
  ])('%s: a plan, or an error that names one of them', (_, workspace) => {
    let plans = 0;
    fc.assert(
      fc.property(subset, (given) => {
        try {
          const plan = planIn(workspace, given, { TOKEN: 'x' });
          plans++;
          if (given['test-command'] !== undefined)
            expect(plan.suites.map((suite) => suite.command)).toEqual(['make test']);
          if (given['image'] !== undefined)
            expect(plan.suites.map((suite) => suite.image)).toEqual([given['image']]);
          if (given['chart'] !== undefined && given['chart'] !== 'nowhere')
            expect(plan.releases.some(({ chart }) => chart?.endsWith(given['chart'] ?? ''))).toBe(true);
          if (given['kind-config'] !== undefined)
            expect(plan.cluster?.configs).toEqual([
              path.join(workspace, given['working-directory'] ?? '', given['kind-config']),
            ]);
        } catch (error) {
          if (!(error instanceof KetError)) throw error;
          expect(error.code).toBe('KET_USAGE');
          const named = [error.message, ...error.details].join('\n').match(/input ([a-z-]+): /g) ?? [];
          expect(named.length).toBeGreaterThan(0);
          for (const place of named) expect(inputNames).toContain(place.slice(6, -2));
        }
      }),
      { numRuns: 400, examples: [[{}], [{ 'test-command': 'make test', suites: 'new' }]] },
    );

    expect(plans).toBeGreaterThan(5);
  });
});
