import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { groups, type TestGroup } from './groups.ts';
import { machineEnv } from './machine-env.ts';
import { hashOf, keep, stampOf } from './stamps.ts';

/**
 * Runs groups of tests, each in a process of its own and within its limit. A group that was green keeps a stamp
 * (stamps.ts) and is not run again by `make test-all` until one of its inputs changes.
 */
const root = path.join(import.meta.dirname, '..');
const [scope = 'all', only] = process.argv.slice(2);

const chosen = groups.filter((group) =>
  only === undefined ? scope === 'all' || group.inTest : group.name === only,
);
if (chosen.length === 0) {
  process.stderr.write(`no group ${only ?? ''}; there are: ${groups.map((g) => g.name).join(', ')}\n`);
  process.exit(2);
}

const lines: string[] = [];
let passed = 0;
let failed = 0;
fs.mkdirSync(path.join(root, '.cache'), { recursive: true });
const due = chosen.filter((group) => !isStamped(group));
const environments = new Map(
  [...new Set(due.flatMap((group) => group.setUp ?? []))].map((need) => [need, machineEnv(root, need)]),
);
// A cluster mostly waits, so what needs none runs beside it; two clusters at once would fight for two cores.
const onClusters = due.filter((group) => group.setUp !== undefined);
await Promise.all([
  runAll(onClusters, 'inherit'),
  runAll(
    due.filter((group) => group.setUp === undefined),
    onClusters.length === 0 ? 'inherit' : 'pipe',
  ),
]);
process.stderr.write(`\n${lines.join('\n')}\n`);
fs.writeFileSync(path.join(root, '.cache', 'test-counts'), `${passed} ${failed}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** `make test` promises a run; only test-all trusts stamps. */
function isStamped(group: TestGroup): boolean {
  const stamped = scope === 'all' && only === undefined ? stampOf(group) : undefined;
  if (stamped === undefined) return false;
  passed += stamped.passed;
  lines.push(`${group.name}: unchanged since it was green (${stamped.passed} tests)`);
  return true;
}

/** One after another; what is piped is shown when its group has ended. */
async function runAll(lane: readonly TestGroup[], stdio: 'inherit' | 'pipe'): Promise<void> {
  for (const group of lane) {
    process.stderr.write(`\n=== ${group.name}: ${group.what}\n`);
    // Of what is tested, not of what stands there when it ends.
    const hash = hashOf(group);
    const began = Date.now();
    const result = await runGroup(group, stdio);
    const seconds = Math.round((Date.now() - began) / 1000);
    passed += result.passed;
    failed += result.failed;
    const others = result.skipped === 0 ? '' : `, ${result.skipped} skipped`;
    const why = others !== '' && isPart(group) ? ' (not chosen by the hash of the tree)' : '';
    const line = `${group.name}: ${result.passed} passed, ${result.failed} failed${others}${why}, ${seconds} s`;
    lines.push(line);
    process.stderr.write(`\n=== ${line}\n${result.output}`);
    if (result.failed === 0 && isPart(group)) continue;
    keep(group, { hash, passed: result.failed === 0 ? result.passed : 0 });
  }
}

/** Of some groups `make test` runs a part only, which says nothing about the whole. */
function isPart(group: TestGroup): boolean {
  return scope === 'test' && group.thirdInTest === true;
}

async function runGroup(
  group: TestGroup,
  stdio: 'inherit' | 'pipe',
): Promise<{ passed: number; failed: number; skipped: number; output: string }> {
  const machine = (group.setUp === undefined ? undefined : environments.get(group.setUp)) ?? process.env;
  const env = isPart(group) ? { ...machine, KET_FAULT_SEED: hashOf(group) } : machine;
  let passed = 0;
  let skipped = 0;
  let output = '';
  for (const command of group.commands) {
    const report = path.join(root, '.cache', `${group.name}.json`);
    fs.rmSync(report, { force: true });
    const words: Readonly<Record<string, string>> = { '{report}': report, node: process.execPath };
    const argv = command.map((word) => words[word] ?? word);
    const ended = await runCommand(argv, { env, stdio, timeout: group.limitMinutes * 60_000 });
    output += ended.output;
    const counts = fs.existsSync(report)
      ? jestCounts(report)
      : { passed: ended.status === 0 ? 1 : 0, failed: 0, skipped: 0 };
    passed += counts.passed;
    skipped += counts.skipped;
    if (ended.status !== 0) return { passed, failed: Math.max(1, counts.failed), skipped, output };
  }
  return { passed, failed: 0, skipped, output };
}

async function runCommand(
  argv: readonly string[],
  options: { env: NodeJS.ProcessEnv; stdio: 'inherit' | 'pipe'; timeout: number },
): Promise<{ status: number | null; output: string }> {
  const [bin = '', ...args] = argv;
  const child = spawn(bin, args, {
    cwd: root,
    env: options.env,
    stdio: ['ignore', options.stdio, options.stdio],
    timeout: options.timeout,
    killSignal: 'SIGTERM',
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { status, output: Buffer.concat(chunks).toString() };
}

function jestCounts(report: string): { passed: number; failed: number; skipped: number } {
  const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites } = JSON.parse(
    fs.readFileSync(report, 'utf8'),
  ) as Record<'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numRuntimeErrorTestSuites', number>;
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  return { passed: numPassedTests, failed, skipped: numPendingTests };
}
