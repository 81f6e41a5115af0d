import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { groups, type TestGroup } from './groups.ts';
import { machineEnv } from './machine-env.ts';

/**
 * Runs groups of tests, each in a process of its own and within its limit. A group that was green keeps a stamp with
 * the hash of the files that it depends on, and is not run again until one of them changes.
 */
const root = path.join(import.meta.dirname, '..');
const stamps = path.join(root, '.cache', 'stamps');
const [scope = 'all', only] = process.argv.slice(2);

const chosen = groups.filter((group) =>
  only === undefined ? scope === 'all' || group.inTest : group.name === only,
);
if (chosen.length === 0) {
  process.stderr.write(`no group ${only ?? ''}; there are: ${groups.map((g) => g.name).join(', ')}\n`);
  process.exit(2);
}

let passed = 0;
let failed = 0;
const lines: string[] = [];
fs.mkdirSync(stamps, { recursive: true });
for (const group of chosen) {
  const hash = hashOf(group);
  const stamp = path.join(stamps, group.name);
  // `make test` promises a run; only test-all trusts stamps.
  const stamped = scope === 'all' && only === undefined ? readStamp(stamp) : undefined;
  if (stamped?.hash === hash) {
    passed += stamped.passed;
    lines.push(`${group.name}: unchanged since it was green (${stamped.passed} tests)`);
    continue;
  }
  process.stderr.write(`\n=== ${group.name}: ${group.what}\n`);
  const began = Date.now();
  const result = runGroup(group);
  const seconds = Math.round((Date.now() - began) / 1000);
  passed += result.passed;
  failed += result.failed;
  lines.push(`${group.name}: ${result.passed} passed, ${result.failed} failed, ${seconds} s`);
  if (result.failed === 0) fs.writeFileSync(stamp, JSON.stringify({ hash, passed: result.passed }));
  else fs.rmSync(stamp, { force: true });
}
process.stderr.write(`\n${lines.join('\n')}\n`);
fs.writeFileSync(path.join(root, '.cache', 'test-counts'), `${passed} ${failed}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function readStamp(file: string): { hash: string; passed: number } | undefined {
  if (!fs.existsSync(file)) return undefined;
  return JSON.parse(fs.readFileSync(file, 'utf8')) as { hash: string; passed: number };
}

/** Of the content of all files that git knows or would add, below the group's paths. */
function hashOf(group: TestGroup): string {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...group.inputs];
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 }).split('\0');
  const hash = createHash('sha256');
  for (const name of [...new Set(files)].sort()) {
    const file = path.join(root, name);
    if (name === '' || !fs.existsSync(file) || !fs.statSync(file).isFile()) continue;
    hash.update(name).update('\0').update(fs.readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function runGroup(group: TestGroup): { passed: number; failed: number } {
  const env = { ...process.env, ...(group.setUp === undefined ? {} : machineEnv(root, group.setUp)) };
  let passed = 0;
  for (const command of group.commands) {
    const report = path.join(root, '.cache', `${group.name}.json`);
    fs.rmSync(report, { force: true });
    const argv = command.map((word) => (word === '{report}' ? report : word));
    const [bin = '', ...args] = argv;
    const result = spawnSync(bin === 'node' ? process.execPath : bin, args, {
      cwd: root,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: group.limitMinutes * 60_000,
      killSignal: 'SIGTERM',
    });
    const counts = fs.existsSync(report)
      ? jestCounts(report)
      : { passed: result.status === 0 ? 1 : 0, failed: 0 };
    passed += counts.passed;
    if (result.status !== 0) return { passed, failed: Math.max(1, counts.failed) };
  }
  return { passed, failed: 0 };
}

function jestCounts(report: string): { passed: number; failed: number } {
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
    fs.readFileSync(report, 'utf8'),
  ) as {
    numPassedTests: number;
    numFailedTests: number;
    numRuntimeErrorTestSuites: number;
  };
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
}
