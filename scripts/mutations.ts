import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { machineEnv } from './machine-env.ts';
import { readMutations, type Mutation } from './mutation-files.ts';
import { clustersOf, type OwnClusters } from './own-clusters.ts';
import { applyPatch, copyTree } from './tree-copy.ts';

/**
 * Proves that the promises are guarded: each patch of __tests__/mutations breaks one of them in a copy of the tree,
 * and the test that it names must turn red there, after it was green without the patch.
 * `node scripts/mutations.ts [name…]` runs those whose name begins so; without a name all.
 */
const root = path.join(import.meta.dirname, '..');
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
const limitsMs = { unit: 5 * 60_000, cluster: 15 * 60_000 };

interface TestRun {
  readonly passed: number;
  readonly failed: number;
  /** Last lines of what jest said. */
  readonly said: string;
}

const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-mutations-'));
let clusters: OwnClusters | undefined;
process.once('exit', () => {
  clusters?.end();
  fs.rmSync(copy, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const names = process.argv.slice(2);
const all = readMutations(path.join(root, '__tests__', 'mutations'));
const chosen = all.filter(({ name }) => names.length === 0 || names.some((n) => name.startsWith(n)));
if (chosen.length === 0) {
  process.stderr.write(`no such mutation; there are: ${all.map((m) => m.name).join(', ')}\n`);
  process.exit(2);
}

copyTree(root, copy);
let env = process.env;
if (chosen.some((mutation) => mutation.project === 'cluster')) {
  clusters = clustersOf(machineEnv(root, 'test'));
  env = clusters.env;
}
const unpatched = new Map<string, TestRun>();
let passed = 0;
for (const mutation of chosen) {
  const began = performance.now();
  const fault = faultOf(mutation);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (fault === undefined) passed++;
  process.stdout.write(
    `${fault === undefined ? 'red as it must be' : 'NOT GUARDED'}: ${mutation.name} (promise ${mutation.promise}; ${seconds} s)\n` +
      (fault === undefined ? '' : `${fault.replace(/^/gm, '    ')}\n`),
  );
}
process.stdout.write(`${passed} passed, ${chosen.length - passed} failed\n`);
process.exitCode = passed === chosen.length ? 0 : 1;

/** Why a mutation does not show that its promise is guarded; undefined when it does. */
function faultOf(mutation: Mutation): string | undefined {
  const check = applyPatch(copy, mutation.file, ['--check']);
  if (check !== '') return `the patch does not apply:\n${check}`;
  const before = unpatched.get(mutation.test) ?? run(mutation);
  unpatched.set(mutation.test, before);
  if (before.passed === 0 && before.failed === 0) return `no test is called so: ${mutation.test}`;
  if (before.failed > 0 || before.passed === 0) return `its test is red without the patch:\n${before.said}`;
  applyPatch(copy, mutation.file);
  try {
    const { failed, passed: green, said } = run(mutation);
    if (failed > 0) return undefined;
    return green > 0 ? `its test stays green: ${mutation.test}` : `its test did not run:\n${said}`;
  } finally {
    applyPatch(copy, mutation.file, ['-R']);
  }
}

/** Runs exactly the named tests in the copy. */
function run({ project, testFile, title }: Mutation): TestRun {
  const report = path.join(copy, 'report.json');
  fs.rmSync(report, { force: true });
  const args = ['--selectProjects', project, '--runInBand', '--json', '--outputFile', report];
  const only = title === undefined ? [] : ['-t', title];
  const pattern = `/__tests__/${project}/${testFile}\\.test\\.ts$`;
  const result = spawnSync(process.execPath, [...jest, ...args, '--testPathPatterns', pattern, ...only], {
    cwd: copy,
    env: project === 'cluster' ? { ...env, KET_SOURCE: '1' } : process.env,
    encoding: 'utf8',
    timeout: limitsMs[project],
    maxBuffer: 1 << 26,
  });
  if (project === 'cluster') clusters?.remove();
  const said = result.stderr.split('\n').slice(-40).join('\n');
  if (!fs.existsSync(report)) return { passed: 0, failed: 0, said };
  const counts = JSON.parse(fs.readFileSync(report, 'utf8')) as Record<string, number>;
  return { passed: counts['numPassedTests'] ?? 0, failed: counts['numFailedTests'] ?? 0, said };
}
