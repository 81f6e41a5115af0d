import { afterAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RunEvent } from '../../src/model/events.ts';

/** The Action's program as a runner starts it: inputs in the environment, answers in files. */
const root = path.join(import.meta.dirname, '..', '..');
const sources = path.join(root, 'src', 'action', 'index.ts');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-action-'));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function act(ketYaml: string, env: Readonly<Record<string, string>>, program = sources) {
  const workspace = fs.mkdtempSync(path.join(folder, 'w-'));
  fs.writeFileSync(path.join(workspace, 'ket.yaml'), ketYaml);
  const files = Object.fromEntries(
    ['OUTPUT', 'STATE', 'STEP_SUMMARY'].map((name) => [`GITHUB_${name}`, path.join(workspace, name)]),
  );
  for (const file of Object.values(files)) fs.writeFileSync(file, '');
  const ran = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', program], {
    cwd: workspace,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: workspace,
      XDG_STATE_HOME: path.join(workspace, 's'),
      GITHUB_ACTIONS: 'true',
      GITHUB_WORKSPACE: workspace,
      ...files,
      ...env,
    },
    encoding: 'utf8',
    timeout: 60_000,
  });
  const read = (name: string): string => fs.readFileSync(path.join(workspace, name), 'utf8');
  return {
    code: ran.status,
    said: ran.stdout + ran.stderr,
    output: read('OUTPUT'),
    state: read('STATE'),
    summary: read('STEP_SUMMARY'),
    workspace,
  };
}

const suite = (name: string): string =>
  `tiers: {unit: {suites: [{name: u, command: 'mkdir r; echo "<testsuite><testcase name=\\"${name}\\"/></testsuite>" > r/junit.xml', results: [r/junit.xml]}]}}\n`;

describe('the Action', () => {
  test('main: outputs, summary, and a state for post', () => {
    const ran = act(suite('a'), { INPUT_TIER: 'unit', INPUT_CONFIG: 'ket.yaml' });
    expect({ code: ran.code, said: ran.said }).toMatchObject({ code: 0 });
    expect(ran.output).toMatch(/^outcome<<.*\npassed\n/);
    expect(ran.output).toMatch(/exit-code<<.*\n0\n/);
    expect(ran.output).toMatch(/results<<.*\n\/.*ket-results\//);
    expect(ran.summary).toMatch(/passed: tier unit/);
    expect(ran.state).toMatch(/^main<</);
  });

  test('the committed bundle is in its first phase within 500 ms', () => {
    const bundle = path.join(root, 'dist', 'action', 'index.js');
    const took = Array.from({ length: 5 }, () => {
      const began = Date.now();
      const ran = act(suite('a'), { INPUT_TIER: 'unit' }, bundle);
      expect({ code: ran.code, said: ran.said }).toMatchObject({ code: 0 });
      const [events = ''] = fs.globSync(path.join(ran.workspace, 'ket-results', '*', 'events.ndjson'));
      const [first] = fs
        .readFileSync(events, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as RunEvent)
        .filter(({ type }) => type === 'task-started');
      return Date.parse(first?.time ?? '') - began;
    });
    // Others may have the processor meanwhile: what it can do is its best.
    expect(Math.min(...took)).toBeLessThan(500);
    expect(Math.min(...took)).toBeGreaterThan(0);
  }, 60_000);

  test('a suite without proof fails the step', () => {
    const ran = act(suite('a').replace('results: [r/junit.xml]', 'results: [none.xml]'), {
      INPUT_CONFIG: 'ket.yaml',
    });
    expect(ran.code).toBe(3);
    expect(ran.output).toMatch(/^outcome<<.*\ninfra-error\n/);
    expect(ran.said).toContain('::error::tier unit: infra-error');
  });

  test.each([
    [{ INPUT_KEEP: 'sometimes' }, 'never, on-failure or always'],
    [{ INPUT_TIER: 'unti' }, 'did you mean'],
  ])('a wrong input %j fails before anything starts', (env, says) => {
    const ran = act(suite('a'), { INPUT_CONFIG: 'ket.yaml', ...env });
    expect(ran.code).toBe(2);
    expect(ran.said).toContain(says);
    expect(ran.output).toBe('');
  });

  test('post removes what main left, and says so', () => {
    const ran = act(suite('a'), { STATE_main: 'started' });
    expect(ran.code).toBe(0);
    expect(ran.said).toContain('nothing to remove');
  });

  test.each([
    ['configmap', 'this runner offers no artifact service'],
    ['secret', 'only the step that was ended knew the secrets'],
  ])('post uploads what a killed main left, unless it had secrets of releases: %s', (kind, says) => {
    const results = fs.mkdtempSync(path.join(folder, 'r-'));
    fs.writeFileSync(path.join(results, 'events.ndjson'), '');
    for (const [name, text] of [
      ['kind.yaml', 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n'],
      ['Chart.yaml', 'name: shop\n'],
    ] as const)
      fs.writeFileSync(path.join(results, name), text);
    const config = {
      cluster: { config: path.join(results, 'kind.yaml') },
      releases: [{ name: 'shop', chart: results }],
      suites: [{ name: 'a', image: 'i:1', envFrom: [`release/shop/${kind}/words`] }],
    };
    const ran = act(JSON.stringify({ tiers: { t: config } }), {
      STATE_main: 'started',
      STATE_folder: results,
    });
    expect({ code: ran.code, said: ran.said }).toEqual({ code: 0, said: expect.stringContaining(says) });
    expect(ran.said).not.toContain('::warning');
  });
});
