import { expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { applyPatch } from '../../scripts/tree-copy.ts';

/** A patch that no longer fits proves nothing; that is seen here, and not a quarter of an hour into the mutations. */
const root = path.join(import.meta.dirname, '..', '..');

test.each(['mutations', 'injector-bugs/bugs'])(
  'every patch of %s fits the tree as it is',
  (name) => {
    const folder = path.join(root, '__tests__', name);
    const patches = fs.readdirSync(folder).filter((file) => file.endsWith('.patch'));
    expect(patches).not.toEqual([]);
    const said = patches.map((file) => [file, applyPatch(root, path.join(folder, file), ['--check'])]);
    expect(said.filter(([, fault]) => fault !== '')).toEqual([]);
  },
  60_000,
);
