import { afterEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { StreamedEvent } from '../../src/report/json.ts';
import { folder, removeFolders } from './support/folder.ts';

afterEach(removeFolders);

const program = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'index.ts');
const passing = `"printf '<testsuite><testcase name=\\"a\\"/></testsuite>' > $KET_RESULTS/j.xml"`;
const config = `tiers:
  one: {suites: [{name: good, command: ${passing}}]}
  two: {suites: [{name: red, command: exit 3}]}
  long: {suites: [{name: long, command: "echo begun; sleep 60"}]}
  secret: {suites: [{name: closed, command: "true", secrets: [NOT_THERE]}]}
`;

const matrix = `tiers:
  many:
    cluster: {config: kind.yaml, kubernetes: [1.33, 1.34]}
    suites: [{name: s, image: "i:1", command: "true"}]
`;

const tight = `tiers: {any: {budget: {time: 1ms}, suites: [{name: good, command: ${passing}}]}}`;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Folders of runs that were made. */
  readonly folders: readonly string[];
}

/** `until`: what the output must hold before the command gets a SIGINT. */
async function ket(args: readonly string[], until?: string, text = config): Promise<Ran> {
  const root = folder();
  fs.writeFileSync(path.join(root, 'ket.yaml'), text);
  fs.writeFileSync(path.join(root, 'kind.yaml'), 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n');
  const env = { PATH: process.env['PATH'], HOME: root, CI: 'true', XDG_STATE_HOME: path.join(root, 'state') };
  const child = spawn(process.execPath, ['--no-warnings', program, ...args], { cwd: root, env });
  let [stdout, stderr, stopped] = ['', '', false];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (until === undefined || stopped || !stdout.includes(until)) return;
    stopped = true;
    child.kill('SIGINT');
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const results = path.join(root, 'ket-results');
  const folders = fs.existsSync(results) ? fs.readdirSync(results).filter((name) => name !== 'latest') : [];
  return { status, stdout, stderr, folders };
}

const eventsOf = ({ stdout }: Ran): StreamedEvent[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as StreamedEvent);

describe('several tiers in one command', () => {
  test('each is a run of its own; one table and one exit code at the end', async () => {
    const { status, stderr, folders } = await ket(['run', '--tier', 'two,one']);
    expect(status).toBe(1);
    expect(folders).toHaveLength(2);
    const [two = '', one = '', verdict = ''] = stderr.trimEnd().split('\n').slice(-3);
    expect(two).toMatch(/^ {2}✗ two {2}failed .* · \S+\/ket-results\/\S+$/);
    expect(one).toMatch(/^ {2}✓ one {2}passed {2}1 passed · .* · \S+\/ket-results\/\S+$/);
    expect(verdict).toMatch(/^FAILED {2}2 runs · .* · exit code 1$/);
  }, 60_000);

  test('json is one stream, in which every event says its run', async () => {
    const ran = await ket([
      'run',
      '--tier',
      'one,two,long',
      '--suite',
      'good',
      '--suite',
      'red',
      '--format',
      'json',
    ]);
    expect(ran.status).toBe(1);
    const events = eventsOf(ran);
    const started = events.flatMap((event) => (event.type === 'run-started' ? [event] : []));
    expect(started.map(({ tier }) => tier)).toEqual(['one', 'two']);
    expect(started.map(({ run }) => run).sort()).toEqual([...ran.folders].sort());
    const order = events.map(({ run }) => started.findIndex((event) => event.run === run));
    expect(order).toEqual([...order].sort());
    expect(order).not.toContain(-1);
    expect(ran.stderr).toBe('tier long did not run: it has none of the suites that are asked for\n');
  }, 60_000);

  test('a cancel ends the running one in good order, and none starts after it', async () => {
    const ran = await ket(['run', '--tier', 'one,long,two', '--format', 'json'], '"line":"begun"');
    expect(ran.status).toBe(130);
    const ends = eventsOf(ran).flatMap((event) => (event.type === 'run-ended' ? [event.outcome] : []));
    expect(ends).toEqual(['passed', 'cancelled']);
    expect(ran.folders).toHaveLength(2);
    expect(ran.stderr).toContain('tier two did not run: cancelled before it started');
  }, 60_000);

  test.each([
    ['a tier that is not there', ['--tier', 'one,tow'], 'there is no tier "tow"'],
    ['a secret that one of them lacks', ['--all'], 'needs the secret NOT_THERE'],
    ['no name between commas', ['--tier', 'one,,two'], 'names of tiers with a comma between each two'],
  ])(
    '%s is an error before anything starts',
    async (_, args, message) => {
      const { status, stderr, folders } = await ket(['run', ...args]);
      expect({ status, folders }).toEqual({ status: 2, folders: [] });
      expect(stderr).toContain(message);
    },
    60_000,
  );

  test('a tier for several versions of Kubernetes is planned for each, and has no single cluster', async () => {
    const shown = await ket(['plan'], undefined, matrix);
    expect(shown.status).toBe(0);
    const images = parseAllDocuments(shown.stdout).flatMap((document) => {
      const image: unknown = document.getIn(['cluster', 'nodeImage']);
      return typeof image === 'string' ? [image.replace(/@.*/, '')] : [];
    });
    expect(images).toEqual(['kindest/node:v1.33.4', 'kindest/node:v1.34.0']);
    expect(shown.stdout).toContain('# The plan of tier many, Kubernetes 1.34\n');
    const { status, stderr, folders } = await ket(['run', '--cluster', 'mine'], undefined, matrix);
    expect({ status, folders }).toEqual({ status: 2, folders: [] });
    expect(stderr).toContain('--cluster is one cluster, and tier many is for several versions');
    expect(stderr).toContain('--kubernetes 1.33');
  }, 60_000);

  test('a run over its budget says so, and passes', async () => {
    const ran = await ket(['run', '--format', 'json'], undefined, tight);
    expect(ran.status).toBe(0);
    const events = eventsOf(ran);
    const [end] = events.flatMap((event) => (event.type === 'run-ended' ? [event] : []));
    expect(end?.budget).toEqual({ timeMs: 1, usedMs: end?.runMs });
    const warnings = events.flatMap((event) =>
      event.type === 'notice' && event.level === 'warning' ? [event.text] : [],
    );
    expect(warnings.join()).toMatch(/^over budget: the run took .*, and its tier has 1 ms$/);
  }, 60_000);

  test('ket plan shows each', async () => {
    const { status, stdout } = await ket(['plan', '--all']);
    expect(status).toBe(0);
    const plans = parseAllDocuments(stdout).map((document): unknown => document.get('tier'));
    expect(plans).toEqual(['one', 'two', 'long', 'secret']);
    expect(stdout.split('\n').filter((line) => line.startsWith('# '))).toEqual([
      '# The plan of tier one',
      '# The plan of tier two',
      '# The plan of tier long',
      '# The plan of tier secret',
    ]);
  }, 60_000);
});
