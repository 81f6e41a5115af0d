import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KetError } from '../model/errors.ts';
import { jsonSchema } from './schema.ts';
import { firstKindConfig, firstKindConfigPath, sketch } from './sketch.ts';
import { survey } from './survey.ts';

/** A file that `ket init` writes. */
export interface InitFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly text: string;
  /** `add` keeps what the file has; `replace` is for what an earlier `ket init` wrote. */
  readonly how: 'create' | 'add' | 'replace';
}

/**
 * The schema is written beside ket.yaml: neither the address of a published one nor the place where ket is installed
 * is known there, and both differ between the people who open the file.
 */
const schemaFile = 'ket.schema.json';

/** What `ket init` would write into a folder; refuses where a ket.yaml, or another file of that name, is. */
export function initFiles(root: string): InitFile[] {
  if (existsSync(path.join(root, 'ket.yaml')))
    throw new KetError('KET_USAGE', `there is a ket.yaml in ${root} already; it is never overwritten`, {
      next: '`ket validate` checks it; to start again, move it away first',
    });
  const found = survey(root);
  const files: InitFile[] = [
    { path: 'ket.yaml', text: sketch(root, found, schemaFile), how: 'create' },
    schema(root),
  ];
  if (found.kindConfigs.length === 0 && !existsSync(path.join(root, firstKindConfigPath)))
    files.push({ path: firstKindConfigPath, text: firstKindConfig, how: 'create' });
  const ignore = ignoreLine(root);
  return ignore === undefined ? files : [...files, ignore];
}

/** Writes them; a file that has appeared meanwhile is not overwritten either. */
export function writeInitFiles(root: string, files: readonly InitFile[]): void {
  for (const file of files) {
    const target = path.join(root, file.path);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, file.text, { flag: { create: 'wx', add: 'a', replace: 'w' }[file.how] });
  }
}

function schema(root: string): InitFile {
  const text = `${JSON.stringify(jsonSchema(), null, 2)}\n`;
  const target = path.join(root, schemaFile);
  if (!existsSync(target)) return { path: schemaFile, text, how: 'create' };
  if (!/"title": "ket\.yaml"/.test(readFileSync(target, 'utf8')))
    throw new KetError(
      'KET_USAGE',
      `${schemaFile} in ${root} is not one that ket wrote; it is not overwritten`,
      {
        next: 'move it away, then call `ket init` again',
      },
    );
  return { path: schemaFile, text, how: 'replace' };
}

/** Results are large and belong to one machine; undefined when git is told already. */
function ignoreLine(root: string): InitFile | undefined {
  const file = path.join(root, '.gitignore');
  const line = 'ket-results/\n';
  if (!existsSync(file)) return { path: '.gitignore', text: line, how: 'create' };
  const before = readFileSync(file, 'utf8');
  if (/^\/?ket-results(\/|\/\*)?\s*$/m.test(before)) return undefined;
  return {
    path: '.gitignore',
    text: before === '' || before.endsWith('\n') ? line : `\n${line}`,
    how: 'add',
  };
}
