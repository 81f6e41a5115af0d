import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { isMadeOf, madeOf } from '../../src/releases/deployed.ts';
import { inputsOf } from '../../src/releases/inputs.ts';
import type { ReleasePlan } from '../../src/model/plan.ts';
import { aRelease } from './support/phases.ts';

let folder = '';
let release: ReleasePlan;
const put = (name: string, text: string): void => {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), text);
};
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-inputs-'));
  put('chart/Chart.yaml', 'name: shop');
  put('chart/templates/a.yaml', 'a');
  put('values.yaml', 'x: 1');
  release = { ...aRelease, chart: path.join(folder, 'chart'), values: [path.join(folder, 'values.yaml')] };
});
afterEach(() => fs.rmSync(folder, { recursive: true }));
const key = Buffer.from('a key');
const now = (env: Record<string, string> = {}): Promise<string | undefined> =>
  inputsOf({ release, helmVersion: 'v4.3.1', env, built: 'none', key });

test.each<[string, () => void]>([
  ['a template', () => put('chart/templates/a.yaml', 'b')],
  [
    'the name of a template',
    () =>
      fs.renameSync(path.join(folder, 'chart/templates/a.yaml'), path.join(folder, 'chart/templates/b.yaml')),
  ],
  ['a values file', () => put('values.yaml', 'x: 2')],
  ['set', () => void (release = { ...release, set: { a: '1' } })],
  ['inline', () => void (release = { ...release, inline: { a: 1 } })],
  ['the namespace', () => void (release = { ...release, namespace: 'other' })],
  ['a secret', () => void (release = { ...release, secrets: [{ path: ['a'], variable: 'A' }] })],
])('%s is another input', async (_what, change) => {
  const before = await now();
  expect(before).toBe(await now());
  change();
  expect(await now()).not.toBe(before);
});

test('the value of a secret counts, and cannot be guessed without the key', async () => {
  release = { ...release, secrets: [{ path: ['a'], variable: 'A' }] };
  const one = await now({ A: 'one' });
  expect(await now({ A: 'two' })).not.toBe(one);
  const env = { A: 'one' };
  const other = await inputsOf({ release, helmVersion: 'v4.3.1', env, built: '', key: Buffer.from('b') });
  expect(other).not.toBe(one);
});

test('a chart that is elsewhere, or files that cannot be read, tell nothing', async () => {
  release = { ...release, chart: 'oci://127.0.0.1/charts/shop' };
  expect(await now()).toBeUndefined();
  release = { ...release, chart: path.join(folder, 'gone') };
  expect(await now()).toBeUndefined();
});

const helms = (value: object): string =>
  Buffer.from(gzipSync(JSON.stringify(value)).toString('base64')).toString('base64');
const stored = {
  metadata: { uid: 'u1' },
  data: {
    release: helms({
      manifest:
        'kind: Deployment\nmetadata: { name: web }\nspec: { image: "shop:dev" }\n---\nkind: Service\nmetadata: { name: web }\n',
      hooks: [{ manifest: 'image: docker.io/library/migrate:1' }],
    }),
  },
};
const ids = { 'shop:dev': 'i1', 'migrate:1': 'i2', 'tests:dev': 'i3', 'operand:1': 'i4' };

test("what a release is made of, by Helm's own record", () => {
  const made = madeOf({ release: aRelease, inputs: 'h', stored, ids, loose: ['operand:1'] });
  expect(made).toEqual({
    namespace: 'shop',
    helmName: 'shop',
    inputs: 'h',
    revision: 'u1',
    images: { 'shop:dev': 'i1', 'migrate:1': 'i2', 'operand:1': 'i4' },
    workloads: ['Deployment web'],
  });
  const is = { inputs: 'h', revision: 'u1', ids };
  expect(isMadeOf(made, aRelease, is)).toBe(true);
  expect(isMadeOf(undefined, aRelease, is)).toBe(false);
  expect(isMadeOf(made, { ...aRelease, namespace: 'x' }, is)).toBe(false);
  expect(isMadeOf(made, aRelease, { ...is, inputs: 'g' })).toBe(false);
  // Somebody has upgraded it by hand, or uninstalled it.
  expect(isMadeOf(made, aRelease, { ...is, revision: 'u2' })).toBe(false);
  expect(isMadeOf(made, aRelease, { ...is, revision: undefined })).toBe(false);
  expect(isMadeOf(made, aRelease, { ...is, ids: { ...ids, 'shop:dev': 'new' } })).toBe(false);
  expect(isMadeOf(made, aRelease, { ...is, ids: { ...ids, 'tests:dev': 'new' } })).toBe(true);
});
