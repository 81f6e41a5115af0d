import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { knownVersionOf } from '../../src/tools/known-versions.ts';
import { failedWith, fakeDeps, said } from './support/phases.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-versions-'));
  file = path.join(folder, 'kind');
  fs.writeFileSync(file, '\x7fELF one');
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const asked = async (answer = said('kind v0.30.0 go1.26')): Promise<{ version?: string; times: number }> => {
  const deps = { ...fakeDeps([['version', answer]]), env: { XDG_CACHE_HOME: path.join(folder, 'cache') } };
  const version = await knownVersionOf(deps, 'kind', file);
  return { ...(version === undefined ? {} : { version: version.version }), times: deps.commands.length };
};

test('a program tells its version once, and again when it is another', async () => {
  expect(await asked()).toEqual({ version: 'v0.30.0', times: 1 });
  expect(await asked()).toEqual({ version: 'v0.30.0', times: 0 });
  fs.writeFileSync(file, '\x7fELF two');
  expect(await asked(said('kind v0.31.0'))).toEqual({ version: 'v0.31.0', times: 1 });
});

test('also one of the same length and time', async () => {
  await asked();
  const { atime, mtime } = fs.statSync(file);
  fs.writeFileSync(file, '\x7fELF two');
  fs.utimesSync(file, atime, mtime);
  expect((await asked()).times).toBe(1);
});

test('a script, which may call any program, and one that did not answer are asked each time', async () => {
  expect(await asked(failedWith('no'))).toEqual({ times: 1 });
  expect((await asked()).times).toBe(1);
  fs.writeFileSync(file, '#!/bin/sh\n');
  await asked();
  expect((await asked()).times).toBe(1);
});
