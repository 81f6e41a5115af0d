import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { RunEvent } from '../../../src/model/events.ts';
import { choose } from '../../../scripts/choose.ts';
import { eventsOf, fixture, ket, kubectl, sandbox, up, type Ran, type Sandbox } from '../ket.ts';
import { Proxy } from './proxy.ts';

/** One thing that goes wrong around a suite; its name is the name of its tier and of its suite. */
export interface Fault {
  readonly name: string;
  /** What holds all the same. */
  readonly holds: string;
  /** The rest of the suite; a function of the first node's address. */
  readonly suite: object | ((address: string) => object);
  /** The rest of the tier. */
  readonly tier?: object;
  /** Too long for `make test`. */
  readonly long?: true;
  readonly limitMs?: number;
  /** Provokes it, and proves that it happened. */
  readonly run: (at: Place) => Promise<void>;
}

/** A cluster that stays, with a proxy before its API server through which ket goes, and kubectl does not. */
export interface Place {
  readonly proxy: Proxy;
  readonly cluster: string;
  readonly box: Sandbox;
  readonly project: string;
  ket(...args: string[]): Promise<Ran>;
  run(tier: string, onEvent?: (event: RunEvent, pid: number) => void): Promise<Ran>;
  kubectl(...args: string[]): string;
  apply(object: object): void;
  /** In the container of a node. */
  inNode(node: string, ...argv: string[]): void;
}

export const image = 'fixture:dev';
const always = ['default', 'kube-node-lease', 'kube-public', 'kube-system', 'local-path-storage'];
const settleMs = 90_000;

/** All faults on one cluster; with KET_FAULT_SEED a third of the short ones, chosen by it. */
export function testFaults(faults: readonly Fault[], kindConfig: string): void {
  const place = atPlace(faults, kindConfig);
  const seed = process.env['KET_FAULT_SEED'];
  const short = faults.filter(({ long }) => long !== true).map(({ name }) => name);
  const chosen = new Set(seed === undefined ? faults.map(({ name }) => name) : choose(short, seed, 1 / 3));
  const titleOf = ({ name, holds }: Fault): string => `${name}: ${holds}`;

  for (const fault of faults.filter(({ name }) => chosen.has(name)))
    test(
      titleOf(fault),
      async () => {
        const at = place();
        try {
          await fault.run(at);
          expect(leftIn(at).filter(({ going }) => !going)).toEqual([]);
          expect(at.box.states()).toHaveLength(1);
        } finally {
          at.proxy.reset();
        }
      },
      fault.limitMs ?? 150_000,
    );
  test('after all of them nothing is left in the cluster', () => settled(place()), settleMs + 10_000);

  const others = faults.filter(({ name }) => !chosen.has(name));
  if (others.length > 0)
    describe('not chosen by the hash of the tree, or too long for make test', () => {
      test.skip.each(others.map(titleOf))('%s', () => undefined);
    });
}

function atPlace(faults: readonly Fault[], kindConfig: string): () => Place {
  let place: Place | undefined;
  beforeAll(async () => {
    const box = sandbox();
    const project = path.join(box.home, 'project');
    fs.mkdirSync(project);
    fs.copyFileSync(kindConfig, path.join(project, 'kind.yaml'));
    fs.cpSync(path.join(fixture, 'charts'), path.join(project, 'charts'), { recursive: true });
    const before = [{ name: 'up', image, command: 'true', expectTests: false }];
    writeConfig(project, { up: { suites: before } });
    const { name: cluster, kubeconfig } = await up('up', project, box);
    const [, port] = /server: https:\/\/127\.0\.0\.1:(\d+)/.exec(fs.readFileSync(kubeconfig, 'utf8')) ?? [];
    const proxy = await Proxy.before(Number(port));
    const env = { PATH: `${kindThrough(proxy, box)}:${process.env['PATH'] ?? ''}` };
    const address = kubectl(
      ...[kubeconfig, 'get', 'nodes', '-o'],
      'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
    );
    const tiers = faults.map(({ name, suite, tier }): [string, object] => [
      name,
      { ...tier, suites: [{ name, image, ...(typeof suite === 'function' ? suite(address) : suite) }] },
    ]);
    writeConfig(project, Object.fromEntries(tiers));
    place = {
      ...{ proxy, cluster, box, project },
      ket: (...args) => ket({ args, cwd: project, box }),
      run: (tier, onEvent = () => undefined) =>
        ket({
          args: ['run', '--tier', tier, '--cluster', cluster],
          ...{ cwd: project, box, env, onEvent, limitMs: 900_000 },
        }),
      kubectl: (...args) => kubectl(kubeconfig, ...args),
      apply(object) {
        const argv = ['--kubeconfig', kubeconfig, 'apply', '-f', '-'];
        execFileSync('kubectl', argv, {
          input: JSON.stringify(object),
          stdio: ['pipe', 'ignore', 'inherit'],
        });
      },
      inNode: (node, ...argv) =>
        void execFileSync('docker', ['exec', `${cluster}-${node}`, ...argv], { stdio: 'ignore' }),
    };
  }, 300_000);
  afterAll(async () => {
    if (place === undefined) return;
    await place.ket('down');
    await place.proxy.close();
    place.box.remove();
  }, 120_000);
  return () => {
    if (place === undefined) throw new Error('there is no cluster');
    return place;
  };
}

/** A folder with a `kind` that gives the proxy for the API server of any cluster. */
function kindThrough(proxy: Proxy, box: Sandbox): string {
  const folder = path.join(box.home, 'bin');
  fs.mkdirSync(folder);
  const kind = execFileSync('/bin/sh', ['-c', 'command -v kind'], { encoding: 'utf8' }).trim();
  const address = 'https://127.0.0.1:';
  const script = `#!/bin/sh
[ "$1 $2" = "get kubeconfig" ] || exec '${kind}' "$@"
'${kind}' "$@" | sed 's#${address}[0-9]*#${address}${String(proxy.port)}#'
`;
  fs.writeFileSync(path.join(folder, 'kind'), script, { mode: 0o755 });
  return folder;
}

function writeConfig(project: string, tiers: Record<string, object>): void {
  const common = { cluster: { config: 'kind.yaml' }, images: [{ name: image, build: fixture }] };
  const all = Object.fromEntries(Object.entries(tiers).map(([name, tier]) => [name, { ...common, ...tier }]));
  fs.writeFileSync(path.join(project, 'ket.yaml'), JSON.stringify({ tiers: all }));
}

interface Left {
  readonly what: string;
  /** Deleting a namespace takes the cluster a moment. */
  readonly going: boolean;
}

/** Namespaces that a cluster does not have by itself, and pods in `default`. */
function leftIn(at: Place): Left[] {
  const get = (...args: string[]): { metadata: { name: string; deletionTimestamp?: string } }[] =>
    (JSON.parse(at.kubectl('get', ...args, '-o', 'json')) as { items: [] }).items;
  return [...get('namespaces'), ...get('pods', '-n', 'default')]
    .filter(({ metadata }) => !always.includes(metadata.name))
    .map(({ metadata }) => ({ what: metadata.name, going: metadata.deletionTimestamp !== undefined }));
}

async function settled(at: Place): Promise<void> {
  for (const end = Date.now() + settleMs; leftIn(at).length > 0 && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 500));
  expect(leftIn(at)).toEqual([]);
}

/** Does something once, at the first event that fits; fails the test where none came. */
export function once(
  fits: (event: RunEvent) => boolean,
  action: () => void,
): { readonly onEvent: (event: RunEvent) => void; readonly done: () => boolean } {
  let done = false;
  return {
    onEvent(event) {
      if (done || !fits(event)) return;
      done = true;
      action();
    },
    done: () => done,
  };
}

export const says =
  (line: string) =>
  (event: RunEvent): boolean =>
    event.type === 'log' && event.line === line;

export const awaits =
  (what: string) =>
  (event: RunEvent): boolean =>
    event.type === 'task-awaiting' && event.what === what;

export const linesOf = (ran: Ran): string[] => {
  const lines: string[] = [];
  for (const text of ran.stdout.split('\n'))
    if (text.includes('"type":"log"')) lines.push((JSON.parse(text) as { line: string }).line);
  return lines;
};

export const attemptsOf = (ran: Ran): ReturnType<typeof eventsOf<'attempt-ended'>> =>
  eventsOf(ran, 'attempt-ended');
