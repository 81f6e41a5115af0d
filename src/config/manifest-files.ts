import { globSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { LineCounter, isMap, parseAllDocuments } from 'yaml';
import { messageOf } from '../model/errors.ts';
import { manifestFaults } from '../model/manifest-faults.ts';
import type { Problem } from './problems.ts';

/** The plain manifests of a release. */

const isManifest = (name: string): boolean => /\.(ya?ml|json)$/.test(name);

/** The files that paths and globs name, absolute, each once; a folder stands for the manifests that lie in it. */
export function manifestFiles(patterns: readonly string[], root: string): string[] {
  return [...new Set(patterns.flatMap((pattern) => filesOf(path.resolve(root, pattern))))];
}

function filesOf(place: string): string[] {
  const stat = statSync(place, { throwIfNoEntry: false });
  if (stat?.isFile() === true) return [place];
  const found =
    stat?.isDirectory() === true
      ? readdirSync(place)
          .filter(isManifest)
          .map((name) => path.join(place, name))
      : globSync(place);
  return found
    .filter((file) => isManifest(file) && statSync(file, { throwIfNoEntry: false })?.isFile() === true)
    .sort();
}

/** What is wrong with a file of manifests for a release in this namespace; `shown` is its name in messages. */
export function manifestProblems(file: string, shown: string, namespace: string): Problem[] {
  const problems: Problem[] = [];
  const lines = new LineCounter();
  const add = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset);
    problems.push({ file: shown, line: Math.max(1, line), column: Math.max(1, col), path: [], message });
  };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    add(0, `cannot be read: ${messageOf(error)}`);
    return problems;
  }
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  if (!Array.isArray(documents)) return problems;
  for (const document of documents) {
    for (const error of document.errors) add(error.pos[0], `bad YAML: ${error.message}`);
    if (document.errors.length > 0) continue;
    let content: unknown;
    try {
      content = document.toJS();
    } catch (error) {
      // An alias without its anchor, or aliases that grow without end.
      add(document.range[0], `bad YAML: ${messageOf(error)}`);
      continue;
    }
    // Between two lines of dashes there may be nothing but comments.
    if (content === null || content === undefined) continue;
    const at = document.contents?.range[0] ?? 0;
    if (!isMap(document.contents))
      add(at, 'is no manifest: a document is a mapping with "apiVersion" and "kind"');
    else for (const fault of manifestFaults(content, namespace)) add(at, fault);
  }
  return problems;
}
