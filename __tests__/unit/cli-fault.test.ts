import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const entry = path.join(import.meta.dirname, '..', '..', 'src', 'cli', 'index.ts');

test.each([
  ['thrown where nobody catches it', 'throw new Error("boom")'],
  ['a promise that nobody waits for', 'void Promise.reject(new Error("boom"))'],
])(
  'a fault of ket itself is 3, never the 1 of a failed test: %s',
  (_name, fault) => {
    const later = `data:text/javascript,setTimeout(()=>{${fault}},0);setTimeout(()=>{},5000)`;
    const args = ['--disable-warning=ExperimentalWarning', '--import', later, entry, 'status'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
    expect(stderr).toMatch(/boom.*KET_INTERNAL|KET_INTERNAL.*boom/s);
    expect(status).toBe(3);
  },
  30_000,
);
