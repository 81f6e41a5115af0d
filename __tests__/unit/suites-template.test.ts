import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readTemplate } from '../../src/suites/job/template.ts';
import type { SuitePlan } from '../../src/model/plan.ts';
import { aSuite } from './support/suites.ts';

const root = path.join(import.meta.dirname, '..', '..');
const read = (over: Partial<SuitePlan> = {}) => readTemplate({ root }, aSuite(over));
const pod = (patch: object): SuitePlan['patches'][number] => ({ spec: { template: { spec: patch } } });

describe('the template of a Job', () => {
  test('with a patch: lists merge by their keys', () => {
    const spec = read({
      patches: [
        pod({
          nodeSelector: { disk: 'ssd' },
          containers: [{ name: 'suite', env: [{ name: 'A', value: '1' }] }],
        }),
      ],
    }).spec?.template.spec;
    expect(spec?.nodeSelector).toEqual({ disk: 'ssd' });
    expect(spec?.containers).toHaveLength(1);
    expect(spec?.containers[0]?.env?.map(({ name }) => name)).toEqual([
      'A',
      'PYTHONUNBUFFERED',
      'HOME',
      'TMPDIR',
    ]);
  });

  const delete_ = { $patch: 'delete' };
  test.each<[string, object, RegExp]>([
    ['the sidecar', { initContainers: [{ name: 'ket', ...delete_ }] }, /lacks .*: container ket$/],
    [
      'a mount',
      { containers: [{ name: 'suite', volumeMounts: [{ mountPath: '/results', ...delete_ }] }] },
      /: the mount of \/results in container suite$/,
    ],
    ['a volume', { volumes: [{ name: 'ket-state', ...delete_ }] }, /: volume ket-state/],
    ['all containers', { containers: [{ $patch: 'replace' }] }, /: container suite$/],
  ])('what ket relies on cannot be patched away: %s', (_name, patch, message) => {
    const refused = (): unknown => read({ patches: [pod(patch)] });
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ code: 'KET_CONFIG', where: 'patch of suite api' }));
  });

  test('templates of the tests have all that', () => {
    const folder = path.join(root, '__tests__', 'cluster', 'fixture');
    const own = fs.readdirSync(folder).filter((name) => name.endsWith('-job.yaml'));
    expect(own.length).toBeGreaterThan(2);
    for (const name of own) expect(read({ template: path.join(folder, name) }).kind).toBe('Job');
  });

  test('one that cannot be read, or is none', () => {
    expect(() => read({ template: '/nowhere.yaml' })).toThrow(/cannot be read/);
    expect(() => read({ template: path.join(root, 'kind-configs', 'e2e.yaml') })).toThrow(/lacks .*: a pod/);
  });
});
