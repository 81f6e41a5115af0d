import { afterEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Made } from '../../src/model/state.ts';
import {
  openState,
  ownerLives,
  readStates,
  stateHome,
  takeState,
  writeState,
  type RunState,
} from '../../src/pipeline/state.ts';
import { folder, removeFolders } from './support/folder.ts';

afterEach(removeFolders);

const cluster: Made = { type: 'kind-cluster', name: 'ket-a', kubeconfig: '/run/kubeconfig' };
const namespace: Made = {
  type: 'object',
  kubeconfig: '/run/kubeconfig',
  apiVersion: 'v1',
  kind: 'Namespace',
  name: 'n',
};

const stored = (file: string): RunState => JSON.parse(fs.readFileSync(file, 'utf8')) as RunState;

describe('the state of a run', () => {
  test('what is made is on disk before add resolves, and gone when it is removed', async () => {
    const home = path.join(folder(), 'ket', 'runs');
    const state = await openState(home, 'r1', '/run');
    expect(stored(state.file)).toMatchObject({ v: 1, run: 'r1', folder: '/run', made: [] });
    expect(fs.statSync(state.file).mode & 0o777).toBe(0o600);
    expect(fs.statSync(home).mode & 0o777).toBe(0o700);
    await state.add(cluster);
    expect(stored(state.file).made).toEqual([cluster]);
    await state.add(namespace);
    await state.remove(cluster);
    expect(stored(state.file).made).toEqual([namespace]);
    expect(state.list()).toEqual([namespace]);
    await state.remove(namespace);
    await state.close();
    expect(fs.readdirSync(home)).toEqual([]);
  });

  test('what many change in the same moment is written once, and is there for each of them', async () => {
    const state = await openState(path.join(folder(), 'ket', 'runs'), 'r1', '/run');
    const names = Array.from({ length: 20 }, (_, i) => `n${i}`);
    const seen = new Set<number>();
    const note = (): unknown => seen.add(fs.statSync(state.file).ino + fs.statSync(state.file).ctimeMs);
    await Promise.all(
      names.map(async (name) => {
        await state.add({ ...namespace, name });
        expect(stored(state.file).made).toContainEqual({ ...namespace, name });
        note();
      }),
    );
    expect(stored(state.file).made).toHaveLength(20);
    expect(seen.size).toBe(1);
    await Promise.all(names.map((name) => state.remove({ ...namespace, name })));
    await state.close();
    expect(fs.existsSync(state.file)).toBe(false);
  });

  test('a write that fails is told to each of them, and the next is tried', async () => {
    const state = await openState(path.join(folder(), 'ket', 'runs'), 'r1', '/run');
    fs.mkdirSync(`${state.file}.${process.pid}.tmp`);
    const told = await Promise.allSettled([state.add(cluster), state.add(namespace)]);
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    fs.rmdirSync(`${state.file}.${process.pid}.tmp`);
    await state.remove(cluster);
    expect(stored(state.file).made).toEqual([namespace]);
  });

  test('a file with something in it, or kept on purpose, stays after the end', async () => {
    const home = folder();
    const left = await openState(home, 'left', '/run');
    await left.add(cluster);
    await left.close();
    const kept = await openState(home, 'kept', '/run');
    await kept.keep({ until: '2026-11-21T13:00:00Z' });
    await kept.close();
    expect(fs.readdirSync(home).sort()).toEqual(['kept.json', 'left.json']);
    expect(stored(kept.file).kept).toEqual({ until: '2026-11-21T13:00:00Z' });
  });

  test('a write that fails leaves the old file whole', () => {
    const file = path.join(folder(), 'r.json');
    const state: RunState = {
      v: 1,
      run: 'r',
      pid: 1,
      started: '',
      folder: '/run',
      socket: '/nowhere',
      made: [cluster],
    };
    writeState(file, state);
    // What is written first is another file: its name is taken, so the write fails before anything is replaced.
    fs.mkdirSync(`${file}.${process.pid}.tmp`);
    expect(() => writeState(file, { ...state, made: [] })).toThrow(/EISDIR/);
    expect(stored(file).made).toEqual([cluster]);
  });

  test('a reader sees the old or the new list, never half of one', async () => {
    const home = folder();
    const state = await openState(home, 'r', '/run');
    const many = Array.from({ length: 40 }, (_, i): Made => ({ type: 'folder', path: `/f/${i}` }));
    // A reader that is slow: the file that it has open must not change under it.
    const reader = fs.openSync(state.file, 'r');
    for (const made of many) await state.add(made);
    expect((JSON.parse(fs.readFileSync(reader, 'utf8')) as RunState).made).toEqual([]);
    fs.closeSync(reader);
    expect(readStates(home)).toMatchObject({ unreadable: [] });
    expect(fs.readdirSync(home).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    await state.close();
  });

  test('what cannot be read is named and left', () => {
    const home = folder();
    const broken = {
      'cut.json': '{"v": 1, "run": "x", "ma',
      'other.json': '{"v": 2, "made": [], "socket": "s"}',
      'list.json': '{"v": 1}',
    };
    for (const [name, text] of Object.entries(broken)) fs.writeFileSync(path.join(home, name), text);
    fs.writeFileSync(path.join(home, 'note.txt'), 'not a state');
    expect(readStates(home)).toEqual({
      states: [],
      unreadable: ['cut.json', 'list.json', 'other.json'].map((name) => path.join(home, name)),
    });
    expect(readStates(path.join(home, 'nowhere'))).toEqual({ states: [], unreadable: [] });
  });

  test('what another version of ket made is not called removed: a state that names it is left alone', () => {
    const home = folder();
    const file = path.join(home, 'r.json');
    const made = [{ type: 'satellite', name: 's' }] as unknown as RunState['made'];
    writeState(file, { v: 1, run: 'r', pid: 1, started: '', folder: '', socket: '', made });
    expect(readStates(home)).toEqual({ states: [], unreadable: [file] });
  });

  test('where it lies: the XDG folder when it is absolute, else below the home', () => {
    expect(stateHome({ XDG_STATE_HOME: '/s', HOME: '/h' })).toBe('/s/ket/runs');
    expect(stateHome({ XDG_STATE_HOME: 's', HOME: '/h' })).toBe('/h/.local/state/ket/runs');
    expect(stateHome({ HOME: '/h' })).toBe('/h/.local/state/ket/runs');
  });
});

/** A run whose process was killed, with a cluster in its state. */
function killedOwner(home: string): void {
  const script = `const { openState } = await import(${JSON.stringify(path.resolve('src/pipeline/state.ts'))});
    const state = await openState(${JSON.stringify(home)}, 'r', '/run');
    await state.add({ type: 'folder', path: '/x' }); process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script]);
  expect(child.signal).toBe('SIGKILL');
}

describe('a run whose owner is gone', () => {
  test('goes over to one process, with all that is listed, and with its id', async () => {
    const home = folder();
    killedOwner(home);
    const before = readStates(home).states[0]?.state;
    const all = await Promise.all([takeState(home, 'r'), takeState(home, 'r'), takeState(home, 'r')]);
    const [owner, ...others] = all.filter((one) => one !== undefined);
    expect(others).toEqual([]);
    expect(owner?.list()).toEqual([{ type: 'folder', path: '/x' }]);
    const now = readStates(home).states[0]?.state;
    expect(now).toMatchObject({ pid: process.pid, started: before?.started, folder: '/run' });
    expect(now !== undefined && (await ownerLives(home, now))).toBe(true);
    expect(before !== undefined && (await ownerLives(home, before))).toBe(true);
    await owner?.remove({ type: 'folder', path: '/x' });
    await owner?.close();
    expect(fs.readdirSync(home)).toEqual([]);
  });

  test('that was taken over by one that was killed too, goes over to the next', async () => {
    const home = folder();
    killedOwner(home);
    const script = `const { takeState } = await import(${JSON.stringify(path.resolve('src/pipeline/state.ts'))});
      await takeState(${JSON.stringify(home)}, 'r'); process.kill(process.pid, 'SIGKILL');`;
    spawnSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', script]);
    expect(fs.readdirSync(home).sort()).toEqual(['r.1.sock', 'r.json', 'r.sock']);
    const owner = await takeState(home, 'r');
    expect(readStates(home).states[0]?.state.pid).toBe(process.pid);
    expect(await takeState(home, 'r')).toBeUndefined();
    await owner?.close();
    expect(fs.readdirSync(home)).toEqual(['r.json']);
  });

  test('that was killed while it wrote: the half is gone with the takeover, and that of another run is not', async () => {
    const home = folder();
    killedOwner(home);
    fs.writeFileSync(path.join(home, 'r.json.1.tmp'), '{"v":');
    fs.writeFileSync(path.join(home, 'r2.json.1.tmp'), '{"v":');
    const owner = await takeState(home, 'r');
    await owner?.remove({ type: 'folder', path: '/x' });
    await owner?.close();
    expect(fs.readdirSync(home)).toEqual(['r2.json.1.tmp']);
  });

  test('that ended in good order meanwhile has nothing to take over', async () => {
    const home = folder();
    await (await openState(home, 'r', '/run')).close();
    expect(await takeState(home, 'r')).toBeUndefined();
    expect(fs.readdirSync(home)).toEqual([]);
  });

  test('that lives is not taken over', async () => {
    const home = folder();
    const state = await openState(home, 'r', '/run');
    expect(await takeState(home, 'r')).toBeUndefined();
    expect(stored(state.file).pid).toBe(process.pid);
    await state.close();
  });
});

describe('whether the owner lives', () => {
  test('while it accepts on its socket, and not after its end', async () => {
    const home = folder();
    const state = await openState(home, 'r', '/run');
    const seen = stored(state.file);
    expect(await ownerLives(home, seen)).toBe(true);
    await state.close();
    expect(await ownerLives(home, seen)).toBe(false);
  });

  test('a process that was killed leaves its socket, which no longer accepts', async () => {
    const home = folder();
    killedOwner(home);
    const [entry] = readStates(home).states;
    expect(fs.existsSync(entry?.state.socket ?? '')).toBe(true);
    expect(entry === undefined || (await ownerLives(home, entry.state))).toBe(false);
  });

  test('a path too long for a socket is replaced by a short one', async () => {
    const home = path.join(folder(), 'x'.repeat(120));
    const state = await openState(home, 'r', '/run');
    const { socket } = stored(state.file);
    expect(socket.length).toBeLessThanOrEqual(100);
    expect(await ownerLives(home, stored(state.file))).toBe(true);
    await state.close();
    expect(fs.existsSync(socket)).toBe(false);
  });

  test('an answer that proves nothing is no proof of death', async () => {
    const file = path.join(folder(), 'file');
    fs.writeFileSync(file, '');
    const state: RunState = {
      v: 1,
      run: 'r',
      pid: 1,
      started: '',
      folder: '',
      socket: `${file}/x`,
      made: [],
    };
    // ENOTDIR: neither "nobody listens" nor "no such socket".
    expect(await ownerLives(folder(), state)).toBe(true);
  });
});
