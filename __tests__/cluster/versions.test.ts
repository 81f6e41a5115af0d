import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { containersOf, eventsOf, ket, readEvents, root, sandbox, type Ran, type Sandbox } from './ket.ts';

/**
 * The oldest Kubernetes that ket supports and the default one, as one command: a run for each, a verdict for each, one
 * exit code. KET_NODE_IMAGES says where this machine has the images; elsewhere they are those of ket's version table.
 */
const oldest = '1.29';
const newest = '1.34';
// Asks the API server of its own cluster, so that a suite can end otherwise on each.
const ask = [
  'import json, os, ssl, sys, urllib.request',
  'context = ssl._create_unverified_context()',
  'url = "https://%s:%s/version" % (os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"])',
  'version = json.load(urllib.request.urlopen(url, context=context, timeout=20))',
  'print("server", version["gitVersion"])',
  'sys.exit(0 if len(sys.argv) < 2 or int(version["minor"]) >= int(sys.argv[1]) else 1)',
].join('\n');

describe('a run for each of two versions of Kubernetes', () => {
  let box: Sandbox;
  let ran: Ran;
  let output = '';
  let folders: string[] = [];
  beforeAll(async () => {
    box = sandbox();
    output = path.join(box.home, 'out');
    const repository = path.join(box.home, 'repository');
    fs.mkdirSync(repository);
    const suite = (name: string, ...args: string[]) =>
      JSON.stringify({
        name,
        image: 'python:3.11-slim',
        command: ['python', '-c', ask, ...args],
        expectTests: false,
        resources: { requests: { memory: '64Mi' } },
      });
    const config = path.join(root, 'kind-configs', 'integration.yaml');
    fs.writeFileSync(
      path.join(repository, 'ket.yaml'),
      `tiers:
  both:
    cluster: { config: ${config}, kubernetes: [${oldest}, ${newest}] }
    images: [{ name: "python:3.11-slim" }]
    suites: [${suite('says')}, ${suite('only-new', newest.replace('1.', ''))}]
`,
    );
    ran = await ket({
      args: ['run', '--tier', 'both', '--keep', 'never', '--format', 'plain'],
      cwd: repository,
      box,
      // It would be an image for both.
      env: { KET_NODE_IMAGE: '', NO_COLOR: '1' },
      output,
      limitMs: 420_000,
    });
    folders = fs
      .readdirSync(output)
      .filter((name) => name !== 'latest')
      .sort()
      .map((name) => path.join(output, name));
  }, 450_000);
  afterAll(() => box.remove());

  test('two runs, the first on the older one', () => {
    const versions = folders.map((folder) => {
      const events = readEvents(folder);
      return eventsOf({ ...ran, events }, 'run-started').map(({ kubernetes }) => kubernetes);
    });
    expect(versions).toEqual([[oldest], [newest]]);
  });

  test('each suite really ran on its version', () => {
    const said = folders.map((folder) =>
      fs.readFileSync(path.join(folder, 'suites', 'says', 'attempt-1', 'console.log'), 'utf8'),
    );
    expect(said).toEqual([
      expect.stringMatching(new RegExp(`^server v${oldest}\\.`)),
      expect.stringMatching(new RegExp(`^server v${newest}\\.`)),
    ]);
  });

  test('each has its own verdicts', () => {
    const ends = folders.map((folder) =>
      Object.fromEntries(
        eventsOf({ ...ran, events: readEvents(folder) }, 'suite-ended').map(({ suite, outcome }) => [
          suite,
          outcome,
        ]),
      ),
    );
    expect(ends).toEqual([
      { says: 'passed', 'only-new': 'failed' },
      { says: 'passed', 'only-new': 'passed' },
    ]);
  });

  test('the table names both, and the exit code is the worst of them', () => {
    const table = ran.stderr.trimEnd().split('\n').slice(-3);
    expect(table[0]).toMatch(new RegExp(`both.*${oldest.replace('.', '\\.')}\\)?\\s+failed `));
    expect(table[1]).toMatch(new RegExp(`both.*${newest.replace('.', '\\.')}\\)?\\s+passed `));
    expect(table[2]).toMatch(/^FAILED {2}2 runs · .* · exit code 1$/);
    expect(ran.code).toBe(1);
  });

  test('each summary names its version', () => {
    const [first = '', second = ''] = folders.map((folder) =>
      fs.readFileSync(path.join(folder, 'summary.md'), 'utf8'),
    );
    expect(first).toContain(oldest);
    expect(second).toContain(newest);
  });

  test('nothing is left', () => {
    expect(containersOf(folders.join(' '))).toEqual([]);
    expect(box.states()).toEqual([]);
  });
});
