import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { settleConsole } from '../../src/suites/collect/attempt-files.ts';
import type { RunRecord } from '../../src/suites/verdict/record.ts';
import { folder, removeFolders } from './support/folder.ts';
import { aRecord } from './support/suites.ts';

afterEach(removeFolders);

const brokeOff = aRecord({ console_error: 'No space left on device' });

describe('of two logs one console.log is left', () => {
  test.each<[string, string | undefined, string | undefined, RunRecord | undefined, string[]]>([
    ['the collected one, which is the record of truth', 'one\ntwo\n', 'one\n', aRecord(), ['one', 'two']],
    ['that also where it is the shorter', 'one\n', 'one\ntwo\n', aRecord(), ['one']],
    ['the live one, where there is no other', undefined, 'one\n', undefined, ['one']],
    ['the live one, where the other broke off before it', 'one\nt', 'one\ntwo\n', brokeOff, ['one', 'two']],
    ['not a live one that broke off even before', 'one\nt', 'one\n', brokeOff, ['one', 't']],
    ['none, where there is none', undefined, undefined, undefined, []],
  ])('%s', (_name, collected, live, record, lines) => {
    const dir = folder();
    if (collected !== undefined) fs.writeFileSync(path.join(dir, 'console.log'), collected);
    if (live !== undefined) fs.writeFileSync(path.join(dir, 'console.live.log'), live);
    expect(settleConsole(dir, record)).toEqual(lines);
    expect(fs.readdirSync(dir)).toEqual(lines.length === 0 ? [] : ['console.log']);
  });
});
