import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { initFiles, writeInitFiles } from '../../src/config/init.ts';
import { checkConfig, loadConfig } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { KetError } from '../../src/model/errors.ts';
import { folderWith } from './config-cases.ts';

const repositories: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  empty: {},
  node: { 'package.json': '{"scripts": {"test": "jest"}}' },
  go: { 'go.mod': 'module x', Dockerfile: 'FROM scratch' },
  java: { 'pom.xml': '' },
  'python, chart, test image': {
    'pyproject.toml': '',
    Dockerfile: '',
    'tests/Dockerfile': '',
    'deploy/My Chart/Chart.yaml': 'name: x',
    'deploy/My Chart/charts/sub/Chart.yaml': 'name: sub',
    'values-integration.yaml': '',
    'kind/cluster.yaml': 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n',
  },
  'odd names': {
    'a: b/Dockerfile.test#1': '',
    '"q"/Chart.yaml': '',
    'ünï/kind-x.yaml': 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n',
    'ci-values.yml': '',
  },
  'chart only': { 'Chart.yaml': '', 'node_modules/x/Chart.yaml': '', '.hidden/Dockerfile': '' },
};

function init(files: Readonly<Record<string, string>>): string {
  const root = folderWith(files);
  writeInitFiles(root, initFiles(root));
  return root;
}
const read = (root: string, file: string): string => readFileSync(path.join(root, file), 'utf8');

describe('ket init', () => {
  test.each(Object.keys(repositories))('writes a file that is right: %s', (name) => {
    const root = init(repositories[name] ?? {});
    expect(renderProblems(checkConfig('ket.yaml', root).problems)).toEqual([]);
    expect(read(root, 'ket.yaml')).toMatch(/^# yaml-language-server: \$schema=\.\/ket\.schema\.json\n/);
    expect(JSON.parse(read(root, 'ket.schema.json'))).toHaveProperty('title', 'ket.yaml');
  });

  test('a sketch that is commented out is right when the # is taken away', () => {
    const root = init({ 'package.json': '{"scripts": {"test": "jest"}}' });
    const whole = read(root, 'ket.yaml').replace(/^ {2}# (integration:| {2})/gm, '  $1');
    const folder = folderWith({
      'ket.yaml': whole,
      'kind-configs/integration.yaml': read(root, 'kind-configs/integration.yaml'),
    });
    expect(Object.keys(loadConfig('ket.yaml', folder).config.tiers)).toEqual(['unit', 'integration']);
  });

  test('fills in what it finds', () => {
    const root = init(repositories['python, chart, test image'] ?? {});
    const { tiers } = loadConfig('ket.yaml', root).config;
    expect(tiers['unit']?.suites[0]?.command).toBe('python3 -m pytest --junitxml=reports/junit.xml');
    expect(tiers['integration']).toMatchObject({
      default: true,
      cluster: { config: 'kind/cluster.yaml' },
      images: [
        { name: 'app:dev', dockerfile: 'Dockerfile' },
        { name: 'tests:dev', dockerfile: 'tests/Dockerfile' },
      ],
      releases: [{ name: 'my-chart', chart: 'deploy/My Chart', values: ['values-integration.yaml'] }],
      suites: [{ image: 'tests:dev', needs: ['my-chart'] }],
    });
  });

  test('never overwrites a ket.yaml, nor a schema that is not its own', () => {
    const refusal = (files: Readonly<Record<string, string>>): unknown => {
      try {
        return initFiles(folderWith(files));
      } catch (error) {
        return error instanceof KetError ? `${error.code} ${error.message}` : error;
      }
    };
    expect(refusal({ 'ket.yaml': '' })).toMatch(
      /^KET_USAGE there is a ket\.yaml in .* already; it is never overwritten$/,
    );
    expect(refusal({ 'ket.schema.json': '{}' })).toMatch(
      /^KET_USAGE ket\.schema\.json in .* is not one that ket wrote/,
    );
    const root = init({});
    expect(() => writeInitFiles(root, [{ path: 'ket.yaml', text: 'x', how: 'create' }])).toThrow(/EEXIST/);
  });

  test.each([
    [undefined, 'ket-results/\n'],
    ['', 'ket-results/\n'],
    ['dist\n', 'dist\nket-results/\n'],
    ['dist', 'dist\nket-results/\n'],
    ['/ket-results\n', '/ket-results\n'],
    ['a\r\nket-results/\r\n', 'a\r\nket-results/\r\n'],
    ['my-ket-results/\n', 'my-ket-results/\nket-results/\n'],
  ])('.gitignore %j becomes %j', (before, after) => {
    expect(read(init(before === undefined ? {} : { '.gitignore': before }), '.gitignore')).toBe(after);
  });
});
