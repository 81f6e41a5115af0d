/**
 * Writes what is made from the schemas of ket.yaml and of the Action: schema/ket.schema.json, docs/ket-yaml.md,
 * action.yml, and the tables in docs/github-action.md and README.md.
 * `--check` writes nothing and fails when one of them is not up to date.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import {
  actionText,
  between,
  foldedTables,
  inputsTable,
  outputsTable,
} from '../src/config/action-reference.ts';
import { referenceText } from '../src/config/reference.ts';
import { jsonSchema } from '../src/config/schema.ts';

const root = path.resolve(import.meta.dirname, '..');

/** Each file, relative to the repository, with the text that it should have. */
export async function generated(): Promise<ReadonlyMap<string, string>> {
  const texts = new Map([
    ['schema/ket.schema.json', JSON.stringify(jsonSchema(), null, 2)],
    ['docs/ket-yaml.md', referenceText()],
    ['docs/github-action.md', tables('docs/github-action.md')],
    ['README.md', between(committed('README.md') ?? '', 'inputs and outputs', foldedTables())],
  ]);
  const style = await resolveConfig(path.join(root, 'package.json'));
  for (const [file, text] of texts) texts.set(file, await format(text, { ...style, filepath: file }));
  // As Prettier is told to leave .yml alone, so is this one.
  return texts.set('action.yml', actionText());
}

function tables(file: string): string {
  const text = between(committed(file) ?? '', 'inputs', inputsTable());
  return between(text, 'outputs', outputsTable());
}

export function committed(file: string): string | undefined {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  for (const [file, text] of await generated()) {
    if (committed(file) === text) continue;
    if (check) {
      console.error(`${file} is not up to date: run node scripts/schema.ts`);
      process.exitCode = 1;
    } else {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), text);
      console.error(`wrote ${file}`);
    }
  }
}
