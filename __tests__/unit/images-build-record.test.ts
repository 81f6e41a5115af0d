import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { lookAtBuild, recordBuild, type Looked } from '../../src/images/build-record.ts';
import type { BuildPlan } from '../../src/model/plan.ts';
import { fakeClock, fakeDeps, said } from './support/phases.ts';

let folder = '';
let image: BuildPlan;
let local: Record<string, string>;
const put = (name: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
};
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-build-'));
  put('context/Dockerfile', 'FROM base:1\nCOPY . /\n');
  put('context/.dockerignore', 'notes\n');
  put('context/code', 'one');
  put('context/notes/a', 'not sent');
  local = { 'shop:dev': 'sha256:1', 'base:1': 'sha256:b' };
  const context = path.join(folder, 'context');
  image = { name: 'shop:dev', context, dockerfile: path.join(context, 'Dockerfile'), args: {}, limitMs: 1 };
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** `late`: the files are old by then, so that their times can be believed. */
const depsAt = (late: boolean, env: Record<string, string> = {}) => {
  const clock = { ...fakeClock(), now: () => Date.now() + (late ? 10_000 : 0) };
  const lines = (): string =>
    Object.entries(local)
      .map(([name, id]) => `${id}\t7\t["${name}"]\t[]\n`)
      .join('');
  return {
    ...fakeDeps([['image inspect', () => said(lines())]], clock),
    env: { XDG_CACHE_HOME: path.join(folder, 'cache'), ...env },
  };
};
const look = (plan = image, late = true, env = {}): Promise<Looked> =>
  lookAtBuild(depsAt(late, env), { docker: 'docker', image: plan, signal: new AbortController().signal });
const build = async (late = true): Promise<void> => {
  const { inputs } = await look(image, late);
  if (inputs === undefined) throw new Error('nothing could be told');
  await recordBuild(depsAt(late), image, inputs, { name: 'shop:dev', id: 'sha256:1', bytes: 7 });
};

test('what was never built is built; then it is there', async () => {
  expect((await look()).unchanged).toBeUndefined();
  await build();
  expect((await look()).unchanged).toEqual({ name: 'shop:dev', id: 'sha256:1', bytes: 7 });
});

test('a file that Docker never gets changes nothing, nor one that was only touched', async () => {
  await build();
  put('context/notes/b', 'new');
  fs.utimesSync(path.join(folder, 'context/code'), 1, 1);
  expect((await look()).unchanged).toBeDefined();
});

test.each<[string, () => unknown]>([
  ['a file', () => put('context/code', 'two')],
  ['a new file', () => put('context/more', '')],
  ['a file that is gone', () => fs.rmSync(path.join(folder, 'context/code'))],
  ['the mode of a file', () => fs.chmodSync(path.join(folder, 'context/code'), 0o755)],
  ['the Dockerfile', () => put('context/Dockerfile', 'FROM base:1\nCOPY . /x\n')],
  ['what is ignored', () => put('context/.dockerignore', 'nothing\n')],
  ['an ignore file of the Dockerfile alone', () => put('context/Dockerfile.dockerignore', 'notes\n*.md\n')],
  ['the base image', () => (local = { ...local, 'base:1': 'sha256:c' })],
  ['the image itself, by somebody else', () => (local = { ...local, 'shop:dev': 'sha256:2' })],
  ['the image, which is gone', () => (local = { 'base:1': 'sha256:b' })],
  ['an argument', () => (image = { ...image, args: { A: '1' } })],
  ['something that ADD fetches', () => put('context/Dockerfile', 'FROM base:1\nADD https://127.0.0.1/x /\n')],
])('it is built again for %s', async (_what, change) => {
  await build();
  change();
  expect((await look()).unchanged).toBeUndefined();
});

test('another Docker or platform is another image', async () => {
  await build();
  expect((await look(image, true, { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' })).unchanged).toBeUndefined();
});

test('a context that changes while it is built leaves no record', async () => {
  const { inputs } = await look();
  if (inputs === undefined) throw new Error('nothing could be told');
  put('context/code', 'meanwhile');
  await recordBuild(depsAt(true), image, inputs, { name: 'shop:dev', id: 'sha256:1', bytes: 7 });
  expect((await look()).unchanged).toBeUndefined();
});

test('times are believed only of files that were old enough when they were looked at', async () => {
  const record = (): object => {
    const builds = path.join(folder, 'cache', 'ket', 'builds');
    return JSON.parse(fs.readFileSync(path.join(builds, fs.readdirSync(builds)[0] ?? ''), 'utf8')) as object;
  };
  await build(false);
  expect(record()).not.toHaveProperty('stat');
  // It is the same by its content, and by now old enough.
  expect((await look()).unchanged).toBeDefined();
  expect(record()).toHaveProperty('stat');
});
