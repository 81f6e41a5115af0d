import { afterEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { makeRunFolder, newRunId } from '../../src/pipeline/folder.ts';
import { folder, removeFolders } from './support/folder.ts';

afterEach(removeFolders);

const id = (n: number): string => `1121-1200${String(n).padStart(2, '0')}-ab${String(n).padStart(2, '0')}`;

/** Runs 0, 1, 2 … each a second older than the next. */
function oldRuns(output: string, count: number): void {
  for (let n = 0; n < count; n++) {
    const dir = path.join(output, id(n));
    fs.mkdirSync(path.join(dir, 'suites'), { recursive: true });
    fs.utimesSync(dir, 1000 + n, 1000 + n);
  }
}

describe("a run's folder", () => {
  test('its id is short, sorts by time and fits in names', () => {
    const a = newRunId(new Date('2026-11-21T11:45:02Z'));
    expect(a).toMatch(/^1121-114502-[0-9a-f]{4}$/);
    expect(newRunId(new Date('2026-11-21T11:45:03Z')) > a).toBe(true);
  });

  test('is made for its owner alone; latest points to it', () => {
    const output = path.join(folder(), 'ket-results');
    const made = makeRunFolder(output, id(1), folder());
    expect(made).toBe(path.join(output, id(1)));
    expect(fs.statSync(made).mode & 0o777).toBe(0o700);
    makeRunFolder(output, id(2), folder());
    expect(fs.readlinkSync(path.join(output, 'latest'))).toBe(id(2));
    expect(fs.readdirSync(output).sort()).toEqual([id(1), id(2), 'latest']);
  });

  test('a run of the same id is an error, not a mix of two', () => {
    const output = folder();
    makeRunFolder(output, id(1), folder());
    expect(() => makeRunFolder(output, id(1), folder())).toThrow(/EEXIST/);
  });

  test('a file of the user that is called latest is left alone', () => {
    const output = folder();
    fs.writeFileSync(path.join(output, 'latest'), 'mine');
    makeRunFolder(output, id(1), folder());
    expect(fs.readFileSync(path.join(output, 'latest'), 'utf8')).toBe('mine');
  });

  test('the oldest go, so that 20 stay; those with a state file, and what is not a run, stay', () => {
    const output = folder();
    const states = folder();
    oldRuns(output, 25);
    fs.writeFileSync(path.join(states, `${id(0)}.json`), '{}');
    fs.mkdirSync(path.join(output, 'my-notes'));
    fs.utimesSync(path.join(output, 'my-notes'), 1, 1);
    makeRunFolder(output, id(99), states);
    const stay = [id(0), ...Array.from({ length: 19 }, (_, i) => id(i + 6)), id(99), 'latest', 'my-notes'];
    expect(fs.readdirSync(output).sort()).toEqual(stay.sort());
  });
});
