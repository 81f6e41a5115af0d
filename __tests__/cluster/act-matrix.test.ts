import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { act, exampleFiles, filesIn, repository } from './act.ts';
import { containersOf, root, sandbox, type Sandbox } from './ket.ts';

/** The Action in workflows as users have them, run by act on this machine itself. */

let box: Sandbox;
let repo = '';
beforeEach(() => {
  box = sandbox();
  repo = path.join(box.home, 'shop');
  exampleFiles(repo);
});
afterEach(() => box.remove());

interface Manifest {
  readonly files: readonly {
    readonly path: string;
    readonly uploadedAs?: string;
    readonly uploaded?: { readonly sha256: string };
    readonly withheld?: string;
  }[];
}

/** What the manifest says was uploaded is there, and nothing else. */
function checkManifest(folder: string): void {
  const files = filesIn(folder);
  const manifest = JSON.parse(files.get('manifest.json')?.toString() ?? '') as Manifest;
  const uploaded = manifest.files.filter((entry) => entry.withheld === undefined);
  const sums = (name: string): string =>
    createHash('sha256')
      .update(files.get(name) ?? '')
      .digest('hex');
  for (const entry of uploaded) {
    const name = entry.uploadedAs ?? entry.path;
    expect({ name, sha256: sums(name) }).toEqual({ name, sha256: entry.uploaded?.sha256 });
  }
  expect([...files.keys()].sort()).toEqual(
    [...uploaded.map((entry) => entry.uploadedAs ?? entry.path), 'manifest.json'].sort(),
  );
}

const readmeWorkflow = (): string =>
  /```yaml workflow\n(.*?)\n```/s.exec(fs.readFileSync(path.join(root, 'README.md'), 'utf8'))?.[1] ?? '';

test('the workflow of the README, as it is: verdicts, artifacts, summaries, and no cluster left', async () => {
  repository(repo, { '.github/workflows/tests.yml': readmeWorkflow() });
  const ran = await act({ repo, box });
  expect({ code: ran.code, log: ran.code === 0 ? '' : ran.log.slice(-6000) }).toEqual({ code: 0, log: '' });
  const names = [...ran.artifacts.keys()].sort();
  expect(names).toEqual([
    expect.stringMatching(/^ket-integration-\d{4}-\d{6}-[0-9a-f]{4}$/),
    expect.stringMatching(/^ket-unit-/),
  ]);
  for (const folder of ran.artifacts.values()) checkManifest(folder);
  const files = [...filesIn(ran.artifacts.get(names[0] ?? '') ?? '').keys()];
  expect(files).toEqual(
    expect.arrayContaining([
      'events.ndjson',
      'junit.xml',
      'coverage.xml',
      'summary.md',
      'timings.json',
      'suites/api/attempt-1/console.log',
      'suites/api/attempt-1/results/junit.xml',
    ]),
  );
  expect(ran.log).toMatch(/Summary - .*passed: tier integration/);
  expect(containersOf(ran.log)).toEqual([]);
}, 600_000);

test('examples/workflows/matrix.yml: unit, integration and e2e, the release spread over both workers', async () => {
  const text = fs.readFileSync(path.join(root, 'examples', 'workflows', 'matrix.yml'), 'utf8');
  repository(repo, { '.github/workflows/matrix.yml': text });
  const ran = await act({ repo, box, limitMs: 900_000 });
  expect({ code: ran.code, log: ran.code === 0 ? '' : ran.log.slice(-6000) }).toEqual({ code: 0, log: '' });
  expect(ran.artifacts.size).toBe(3);
  const e2e = [...ran.artifacts].find(([name]) => name.startsWith('ket-e2e-'))?.[1] ?? '';
  const stack = filesIn(e2e).get('suites/stack/attempt-1/results/junit.xml')?.toString() ?? '';
  expect(stack).toContain('test_two_replicas_on_two_nodes');
  expect(stack).not.toMatch(/<(failure|error|skipped)/);
  for (const folder of ran.artifacts.values()) checkManifest(folder);
  // What the last step of the workflow prints of the outputs.
  expect(ran.log.match(/\| {1,2}passed$/gm)).toHaveLength(3);
  expect(ran.log).toContain('{"total":97,"passed":97,"failed":0,"errors":0,"skipped":0}');
  expect(containersOf(ran.log)).toEqual([]);
}, 1_000_000);
