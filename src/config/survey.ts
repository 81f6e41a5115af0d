import { readFileSync, readdirSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { readKindConfig } from './kind-config.ts';

/** What a folder has that a ket.yaml would name; all paths relative to it, with `/`. */
export interface Survey {
  readonly charts: readonly string[];
  /** Values files other than a chart's own values.yaml. */
  readonly values: readonly string[];
  readonly dockerfiles: readonly string[];
  readonly kindConfigs: readonly { readonly file: string; readonly nodes: number }[];
  /** Folders that are called as tests are. */
  readonly tests: readonly string[];
  /** Files at the top, by which the language is known. */
  readonly top: readonly string[];
}

const skipped = new Set([
  'node_modules',
  'vendor',
  'dist',
  'build',
  'target',
  'venv',
  'ket-results',
  '__pycache__',
]);

/** Enough for any sensible layout; a home folder that is looked into by mistake costs no more than that. */
const mostDepth = 4;
const mostFiles = 5000;

export function survey(root: string): Survey {
  const { files, folders } = walk(root);
  const charts = files
    .filter((file) => path.posix.basename(file) === 'Chart.yaml')
    .map((file) => path.posix.dirname(file))
    .filter((folder, _, all) => !all.some((other) => folder.startsWith(`${other}/charts/`)));
  return {
    charts,
    values: files.filter((file) => /(^|\/)(values[-.][^/]+|[^/]+[-.]values)\.ya?ml$/.test(file)),
    dockerfiles: files.filter((file) => /(^|\/)(Dockerfile(\.[^/]+)?|[^/]+\.Dockerfile)$/.test(file)),
    kindConfigs: files.flatMap((file) => kindConfig(root, file)),
    tests: folders.filter((folder) => /(^|\/)(tests?|__tests__|spec|e2e)$/.test(folder)),
    top: files.filter((file) => !file.includes('/')),
  };
}

/** Only files that are likely by name are opened. */
function kindConfig(root: string, file: string): Survey['kindConfigs'] {
  if (!/kind[^/]*(\/[^/]+)?\.ya?ml$/i.test(file)) return [];
  const { nodes, problems } = readKindConfig([path.join(root, file)]);
  return problems.length > 0 ? [] : [{ file, nodes: nodes.length }];
}

/** The nearest things first, then by name; hidden folders and links are left out. */
function walk(root: string): { files: string[]; folders: string[] } {
  const files: string[] = [];
  const folders: string[] = [];
  let level = [''];
  for (let depth = 0; depth <= mostDepth && level.length > 0; depth++) {
    const below: string[] = [];
    for (const folder of level)
      for (const entry of entries(path.join(root, folder))) {
        const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
        if (entry.isFile() && files.length < mostFiles) files.push(name);
        if (!entry.isDirectory() || entry.name.startsWith('.') || skipped.has(entry.name)) continue;
        below.push(name);
        folders.push(name);
      }
    level = files.length < mostFiles ? below : [];
  }
  return { files, folders };
}

/** A folder that may not be read has nothing to offer. */
function entries(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}

/** The command that runs the unit tests here, and the JUnit file it leaves; a guess that its reader completes. */
export function unitCommand(root: string, found: Survey): { command: string; note?: string } {
  const has = (file: string): boolean => found.top.includes(file);
  if (has('package.json') && /"test"\s*:/.test(readFileSync(path.join(root, 'package.json'), 'utf8')))
    return {
      command: 'npm test',
      note: 'the runner has to write it, e.g. Jest with the reporter jest-junit',
    };
  if (has('go.mod'))
    return {
      command: 'gotestsum --junitfile reports/junit.xml ./...',
      note: 'gotestsum runs "go test" and writes JUnit',
    };
  if (has('pom.xml'))
    return { command: 'mvn -B test', note: 'Surefire writes target/surefire-reports/*.xml' };
  const python = ['pyproject.toml', 'pytest.ini', 'setup.cfg', 'setup.py', 'requirements.txt', 'tox.ini'];
  if (python.some(has)) return { command: 'python3 -m pytest --junitxml=reports/junit.xml' };
  return { command: 'make test', note: 'whatever runs your tests; it has to write JUnit there' };
}
