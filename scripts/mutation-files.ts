import fs from 'node:fs';
import path from 'node:path';
import { patchHeader } from './patch-header.ts';

/** A patch that breaks a promise, with the test that must see it. */
export interface Mutation {
  readonly name: string;
  /** The patch. */
  readonly file: string;
  /** Number and words of the promise in the design. */
  readonly promise: string;
  /** The test as its header names it: `unit suites-verdict -t "…"`. */
  readonly test: string;
  readonly project: 'unit' | 'cluster';
  /** Name of the test file, without its endings. */
  readonly testFile: string;
  /** A pattern of the test's title; undefined: all tests of the file. */
  readonly title?: string;
}

/** Reads all patches of a folder; a header that lacks something is an error. */
export function readMutations(folder: string): Mutation[] {
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.patch'));
  return names.sort().map((name) => readMutation(path.join(folder, name)));
}

function readMutation(file: string): Mutation {
  const header = patchHeader(file, fs.readFileSync(file, 'utf8'));
  const test = header('test');
  const parts = /^(unit|cluster) ([\w-]+)(?: -t "(.+)")?$/.exec(test);
  const [, project, testFile = '', title] = parts ?? [];
  if (project !== 'unit' && project !== 'cluster')
    throw new Error(`${file}: "${test}" is not: unit|cluster FILE [-t "TITLE"]`);
  return {
    name: path.basename(file, '.patch'),
    file,
    promise: header('promise'),
    test,
    project,
    testFile,
    ...(title === undefined ? {} : { title }),
  };
}
