import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import type { Made } from '../../src/model/state.ts';
import { cleanupTasks, remover } from '../../src/pipeline/cleanup.ts';
import { openState, readStates, writeState, type RunState } from '../../src/pipeline/state.ts';
import { removals, sweep as sweepWith, type Remover } from '../../src/pipeline/sweep.ts';
import { folder, removeFolders } from './support/folder.ts';
import { fakeDeps, ok } from './support/phases.ts';
import { executed } from './support/tasks.ts';

afterEach(removeFolders);

const now = Date.parse('2026-11-21T12:00:00Z');
const at = (minutes: number): string => new Date(now + minutes * 60_000).toISOString();

const cluster = (name: string): Made => ({ type: 'kind-cluster', name, kubeconfig: `/${name}` });
const release = (on: string, name: string): Made => ({
  type: 'release',
  kubeconfig: `/${on}`,
  namespace: name,
  name,
});
const namespace = (on: string, name: string): Made => ({
  type: 'object',
  kubeconfig: `/${on}`,
  apiVersion: 'v1',
  kind: 'Namespace',
  name,
});
const files = (name: string): Made => ({ type: 'folder', path: name });

function left(home: string, run: string, made: readonly Made[], kept?: RunState['kept']): void {
  writeState(path.join(home, `${run}.json`), {
    v: 1,
    run,
    pid: 1,
    started: at(-60),
    folder: `/runs/${run}`,
    socket: path.join(home, `${run}.sock`),
    made,
    ...(kept === undefined ? {} : { kept }),
  });
}

const sweep = (home: string, at: number, remove: Remover): ReturnType<typeof sweepWith> =>
  sweepWith(
    home,
    at,
    remove,
    async () => undefined,
    async () => ({ held: false }),
  );

describe('the sweep', () => {
  test('a run in a cluster of several users is left alone while its Lease is held, but what was kept is not', async () => {
    const home = folder();
    const kubeconfig = path.join(home, 'k');
    const ours = { type: 'object', kubeconfig, apiVersion: 'v1', kind: 'Namespace', lease: true } as const;
    left(home, 'held', [{ ...ours, name: 'ket-held' }]);
    left(home, 'over', [{ ...ours, name: 'ket-over' }]);
    left(home, 'kept', [{ ...ours, name: 'ket-kept' }], { until: at(-1) });
    const gone: string[] = [];
    const result = await sweepWith(
      home,
      now,
      async (made) => void gone.push('name' in made ? made.name : ''),
      async () => undefined,
      async (run) => (run === 'over' ? { held: false } : { held: true, why: 'renewed', holder: 'h' }),
    );
    expect(gone.sort()).toEqual(['ket-kept', 'ket-over']);
    expect(result.held).toEqual([{ run: 'held', why: 'renewed' }]);
    expect(readStates(home).states.map(({ state }) => state.run)).toEqual(['held']);
  });

  test("ends the processes of a dead run before it removes anything of it, and nobody else's", async () => {
    const home = folder();
    left(home, 'dead', [cluster('a')]);
    const state = await openState(home, 'alive', '/run');
    const story: string[] = [];
    await sweepWith(
      home,
      now,
      async (made) => void story.push(`remove ${made.type}`),
      async (run) => story.push(`end ${run}`),
      async () => ({ held: false }),
    );
    expect(story).toEqual(['end dead', 'remove kind-cluster']);
    await state.close();
  });

  test('files of a dead run go with its state, and those of a run that was killed before it had one', async () => {
    const home = folder();
    left(home, 'dead', []);
    for (const name of [
      'dead.kubeconfig',
      'dead.kubeconfig.lock',
      'dead.json.7.tmp',
      'young.sock',
      'young.json.8.tmp',
    ])
      fs.writeFileSync(path.join(home, name), '');
    const state = await openState(home, 'alive', '/run');
    fs.writeFileSync(path.join(home, 'alive.json.9.tmp'), '');
    left(home, 'kept', [cluster('k')], { until: at(5) });
    fs.writeFileSync(path.join(home, 'kept.kubeconfig'), '');
    await sweep(home, now, async () => undefined);
    expect(fs.readdirSync(home).sort()).toEqual([
      'alive.json',
      'alive.json.9.tmp',
      'alive.sock',
      'kept.json',
      'kept.kubeconfig',
    ]);
    await state.close();
  });

  test('removes what a dead owner left, and its state file', async () => {
    const home = folder();
    left(home, 'dead', [cluster('a'), files('/tmp/x')]);
    const gone: Made[] = [];
    const result = await sweep(home, now, async (made) => void gone.push(made));
    expect(gone).toEqual([files('/tmp/x'), cluster('a')]);
    expect(result.removed.map((r) => r.run)).toEqual(['dead', 'dead']);
    expect(fs.readdirSync(home)).toEqual([]);
  });

  test('never touches what a living owner has', async () => {
    const home = folder();
    const state = await openState(home, 'alive', '/run');
    await state.add(cluster('a'));
    const result = await sweep(home, Infinity, () => Promise.reject(new Error('must not be removed')));
    expect(result).toEqual({ removed: [], failed: [], held: [], unreadable: [] });
    expect(state.list()).toEqual([cluster('a')]);
    // Not even after its time: `ket run` may still be busy with what it kept.
    await state.keep({ until: at(-1) });
    expect((await sweep(home, now, () => Promise.reject(new Error('no')))).failed).toEqual([]);
    await state.remove(cluster('a'));
    await state.close();
  });

  test('what was kept stays until its time is over; what ket up made stays', async () => {
    const home = folder();
    left(home, 'kept', [cluster('kept')], { until: at(5) });
    left(home, 'expired', [cluster('expired')], { until: at(0) });
    left(home, 'up', [cluster('up')], { up: { root: '/repo', tier: 't' } });
    const result = await sweep(home, now, async () => undefined);
    expect(result.removed).toEqual([{ run: 'expired', made: cluster('expired') }]);
    await sweep(home, Infinity, async () => undefined);
    expect(fs.readdirSync(home)).toEqual(['up.json']);
  });

  test('a state file that cannot be read is named and left', async () => {
    const home = folder();
    fs.writeFileSync(path.join(home, 'cut.json'), '{"v": 1');
    const result = await sweep(home, now, () => Promise.reject(new Error('must not be called')));
    expect(result).toEqual({ removed: [], failed: [], held: [], unreadable: [path.join(home, 'cut.json')] });
    expect(fs.readFileSync(path.join(home, 'cut.json'), 'utf8')).toBe('{"v": 1');
  });

  test('what could not be removed stays listed, with all that is in it, and is tried again', async () => {
    const home = folder();
    const made = [cluster('a'), release('a', 'r'), files('/tmp/x'), files('/tmp/y')];
    left(home, 'dead', made);
    const result = await sweep(home, now, async (one) => {
      if (one.type === 'kind-cluster') throw new Error('docker is not there');
    });
    expect(result.failed).toEqual([{ run: 'dead', made: cluster('a'), why: 'docker is not there' }]);
    expect(readStates(home).states[0]?.state.made).toEqual([cluster('a'), release('a', 'r')]);
    expect((await sweep(home, now, async () => undefined)).removed).toHaveLength(1);
    expect(fs.readdirSync(home)).toEqual([]);
  });
});

describe('the order of removal', () => {
  test('newest first; what stands in a cluster that goes away needs no removal of its own', () => {
    const list = [
      cluster('a'),
      namespace('a', 'n'),
      release('a', 'r'),
      release('b', 's'),
      namespace('b', 'm'),
      files('/x'),
    ];
    expect(removals(list)).toEqual([
      { made: files('/x'), within: [] },
      { made: namespace('b', 'm'), within: [] },
      { made: release('b', 's'), within: [] },
      { made: cluster('a'), within: [namespace('a', 'n'), release('a', 'r')] },
    ]);
  });

  test('at the end of a run: one after another, and one that fails is named, stays listed and holds nobody up', async () => {
    const state = await openState(folder(), 'r', '/run');
    for (const made of [cluster('a'), release('a', 'r'), files('/x'), files('/y')]) await state.add(made);
    const gone: Made[] = [];
    const tasks = cleanupTasks(state, async (made) => {
      if (made.type === 'folder' && made.path === '/x') throw new Error('EBUSY');
      gone.push(made);
    });
    const { story, events } = await executed(tasks);
    expect(story).toEqual([
      'start remove folder /y',
      'end remove folder /y done',
      'start remove folder /x',
      'end remove folder /x failed',
      'start remove cluster a',
      'end remove cluster a done',
    ]);
    expect(gone).toEqual([files('/y'), cluster('a')]);
    expect(state.list()).toEqual([files('/x')]);
    expect(events.filter((e) => e.type === 'leftover')).toEqual([
      { type: 'leftover', what: 'folder /x', why: 'EBUSY', cure: 'ket cleanup' },
    ]);
    await state.close();
  });

  /** Removes at once all but namespaces, which go when nothing else moves; gives what went together. */
  async function together(list: readonly Made[]): Promise<string[]> {
    const state = await openState(folder(), 'r', '/run');
    for (const made of list) await state.add(made);
    const steps: string[][] = [[]];
    const leaving: (() => void)[] = [];
    const tasks = cleanupTasks(state, async (made) => {
      const isNamespace = made.type === 'object' && made.kind === 'Namespace';
      steps.at(-1)?.push(made.type === 'folder' ? made.path : made.name);
      if (isNamespace) await new Promise<void>((resolve) => leaving.push(resolve));
    });
    const end = executed(tasks);
    const over = new AbortController();
    void end.then(() => over.abort());
    while (!over.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, 30));
      const waiting = leaving.splice(0);
      if (waiting.length > 0) steps.push([]);
      for (const gone of waiting) gone();
    }
    await state.close();
    expect(state.list()).toEqual([]);
    return steps.filter((step) => step.length > 0).map((step) => step.join(' '));
  }
  const lease: Made = {
    type: 'object',
    kubeconfig: '/a',
    apiVersion: 'v1',
    kind: 'Namespace',
    name: 'lease',
    lease: true,
  };
  const operator: Made = { type: 'release', kubeconfig: '/a', namespace: 'op', name: 'op', crds: ['things'] };

  test.each<[string, readonly Made[], readonly string[]]>([
    [
      'namespaces go side by side, each after the release in it; that of the Lease is the last',
      [
        lease,
        namespace('a', 'ns1'),
        release('a', 'one'),
        namespace('a', 'ns2'),
        release('a', 'two'),
        namespace('a', 'ns3'),
      ],
      ['ns3 two ns2 one ns1', 'lease'],
    ],
    [
      'an operator stays while namespaces go that may have things of its own',
      [lease, namespace('a', 'ns1'), operator, namespace('a', 'ns2'), release('a', 'two')],
      ['two ns2', 'op ns1', 'lease'],
    ],
  ])('%s', async (_what, list, steps) => {
    expect(await together(list)).toEqual(steps);
  });
});

describe('the remover', () => {
  test('asks for exactly the object that is listed, nothing else', async () => {
    const kubeconfig = path.join(folder(), 'kubeconfig');
    fs.writeFileSync(kubeconfig, '');
    const asked: unknown[] = [];
    let closed = 0;
    const remove = remover(fakeDeps([]), async () => ({
      delete: async (ref, options) => asked.push([ref, options]) > 0,
      list: async <T>() => [{ metadata: { name: 'p' } } as T],
      get: async () => undefined,
      exec: async () => Promise.reject(new Error('nobody holds it')),
      text: async () => '',
      close: () => {
        closed++;
      },
    }));
    const listed = { apiVersion: 'v1', kind: 'Namespace', name: 'ket-1' };
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      name: 'ket-1',
      namespace: 'shop',
    };
    await remove({ type: 'object', kubeconfig, ...listed });
    await remove({ type: 'object', kubeconfig, ...role });
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'ket-1', name: 'p' };
    expect(asked).toEqual([
      [pod, { graceSeconds: 5 }],
      [listed, {}],
      [pod, { graceSeconds: 5 }],
      [role, {}],
    ]);
    expect(closed).toBe(2);
  });

  test('a namespace that does not go is a failure that names what keeps it, in bounded time', async () => {
    const kubeconfig = path.join(folder(), 'kubeconfig');
    fs.writeFileSync(kubeconfig, '');
    const metadata = { name: 'ket-1', deletionTimestamp: at(0), finalizers: ['example.com/endless'] };
    const remove = remover(fakeDeps([]), async () => ({
      delete: async () => true,
      list: async () => [],
      get: async <T>() => ({ metadata }) as T,
      exec: async () => Promise.reject(new Error('nobody holds it')),
      text: async () => '',
      close: () => undefined,
    }));
    const listed = { apiVersion: 'v1', kind: 'Namespace', name: 'ket-1' };
    await expect(remove({ type: 'object', kubeconfig, ...listed })).rejects.toMatchObject({
      code: 'KET_STATE',
      message: expect.stringMatching(/ket-1 is being deleted .* within 1 min: .*example.com\/endless/),
      next: expect.stringContaining('kubectl'),
    });
  });

  test('what was in a cluster that ket itself removed is gone with it', async () => {
    const remove = remover(fakeDeps([]), () => Promise.reject(new Error('must not connect')));
    await remove(namespace('gone', 'n'));
    await remove(release('gone', 'r'));
  });

  test('a registry goes by its exact name, and is listed in a state that is understood', async () => {
    const home = folder();
    const bin = path.join(home, 'docker');
    fs.writeFileSync(bin, '', { mode: 0o755 });
    const deps = fakeDeps([
      ['rm --force', ok],
      ['image ls', ok],
    ]);
    const made: Made = { type: 'container', name: 'ket-e2e-1-registry' };
    const state = await openState(home, 'r', '/run');
    await state.add(made);
    expect(readStates(home)).toMatchObject({ unreadable: [], states: [{ state: { made: [made] } }] });
    await remover({ ...deps, env: { PATH: home } }, () => Promise.reject(new Error('no')))(made);
    expect(deps.commands[0]).toBe(`${bin} rm --force --volumes ket-e2e-1-registry`);
    await state.remove(made);
    await state.close();
  });

  test('a folder goes with what is in it', async () => {
    const dir = path.join(folder(), 'd');
    fs.mkdirSync(path.join(dir, 'e'), { recursive: true });
    await remover(fakeDeps([]), () => Promise.reject(new Error('no')))(files(dir));
    expect(fs.existsSync(dir)).toBe(false);
  });
});
