import { afterEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { RunEvent } from '../../src/model/events.ts';
import { folder, removeFolders } from './support/folder.ts';

afterEach(removeFolders);

const src = path.join(import.meta.dirname, '..', '..', 'src');

const config = `tiers:
  unit:
    suites:
      - name: good
        command: |
          printf '<testsuite><testcase name="a"/><testcase name="b"><skipped/></testcase></testsuite>' > $KET_RESULTS/j.xml
      - name: flaky
        retries: 1
        env: { WORD: "x y" }
        command: |
          test "$WORD" = "x y" || exit 9
          echo try $KET_ATTEMPT
          [ $KET_ATTEMPT = 2 ] || exit 1
          printf '<testsuite><testcase name="c"/></testsuite>' > $KET_RESULTS/j.xml
      - { name: red, command: "echo words; exit 3", timeout: 5s }
      - { name: unproved, command: "pytest() { :; }; pytest" }
`;

interface Seen {
  readonly status: number | null;
  readonly events: readonly string[];
  readonly files: readonly string[];
}

/** What a run through a door leaves, without what differs from run to run: times, ids, and the order of suites. */
function through(door: 'cli' | 'action', args: readonly string[]): Seen {
  const root = folder();
  fs.writeFileSync(path.join(root, 'ket.yaml'), config);
  const { PATH = '' } = process.env;
  const env = {
    PATH,
    HOME: root,
    CI: 'true',
    XDG_STATE_HOME: path.join(root, 'state'),
    INPUT_CONFIG: 'ket.yaml',
    GITHUB_WORKSPACE: root,
    GITHUB_OUTPUT: path.join(root, 'output'),
    GITHUB_STATE: path.join(root, 'saved'),
  };
  fs.writeFileSync(env.GITHUB_OUTPUT, '');
  fs.writeFileSync(env.GITHUB_STATE, '');
  const argv = ['--no-warnings', path.join(src, door, 'index.ts'), ...args];
  const { status } = spawnSync(process.execPath, argv, { cwd: root, env, encoding: 'utf8', timeout: 60_000 });
  const latest = path.join(root, 'ket-results', 'latest');
  const text = fs.readFileSync(path.join(latest, 'events.ndjson'), 'utf8').trimEnd();
  return {
    status,
    events: text.split('\n').map(withoutTimes).sort(),
    files: fs.readdirSync(latest, { recursive: true, encoding: 'utf8' }).sort(),
  };
}

function withoutTimes(line: string): string {
  const event = JSON.parse(line) as RunEvent;
  const own = Object.entries(event).filter(
    ([key]) => !['seq', 'time', 'ms', 'run', 'cpuMs'].includes(key) && !key.endsWith('Ms'),
  );
  return JSON.stringify(Object.fromEntries(own), (key, value: unknown) =>
    key.endsWith('Ms') ? undefined : value,
  );
}

describe('the doors', () => {
  test('the same plan gives the same run through the command line and through the Action', () => {
    const cli = through('cli', ['run']);
    const action = through('action', []);
    expect(cli.events).toContainEqual(
      expect.stringMatching(/"suite-ended","suite":"flaky","outcome":"flaky"/),
    );
    expect(cli.events).toContainEqual(expect.stringMatching(/"run-ended","outcome":"failed","exitCode":1/));
    expect(action.events).toEqual(cli.events);
    expect(action.files).toEqual(cli.files);
    expect([cli.status, action.status]).toEqual([1, 1]);
  }, 120_000);
});
