import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { minify } from 'terser';

/**
 * Makes the bundles of dist/: tsc turns src/ into plain ES modules, ncc joins each entry with its libraries.
 * The same sources and lock file give the same bytes; `--check` compares with what is committed.
 */
const root = path.join(import.meta.dirname, '..');
const check = process.argv.includes('--check');
const out = check ? fs.mkdtempSync(path.join(root, 'node_modules', '.dist-check-')) : path.join(root, 'dist');
const js = path.join(root, 'node_modules', '.build');

const entries = { cli: 'cli/index.js', action: 'action/index.js' };

const run = (bin: string, args: readonly string[]): void => {
  execFileSync(process.execPath, [path.join(root, 'node_modules', bin), ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
};

fs.rmSync(js, { recursive: true, force: true });
run('typescript/bin/tsc', [
  ...['--project', 'tsconfig.json', '--noEmit', 'false', '--outDir', js, '--rootDir', '.'],
  ...['--rewriteRelativeImportExtensions', '--sourceMap', 'false'],
]);
fs.writeFileSync(path.join(js, 'package.json'), '{"type":"module"}\n');
for (const [name, entry] of Object.entries(entries)) {
  const target = path.join(out, name);
  fs.rmSync(target, { recursive: true, force: true });
  run('@vercel/ncc/dist/ncc/cli.js', [
    ...['build', path.join(js, 'src', entry), '-o', target],
    ...['--minify', '--target', 'es2024', '--license', 'licenses.txt', '--no-cache'],
  ]);
  await minifyChunks(target);
}

/** ncc minifies the entry but not what is loaded later: 19 MB of client-node become 1.3. */
async function minifyChunks(folder: string): Promise<void> {
  for (const name of fs.readdirSync(folder).filter((n) => n.endsWith('.index.js'))) {
    const file = path.join(folder, name);
    // One character beyond Latin-1 and V8 keeps two bytes of each.
    const options = { module: true, format: { ascii_only: true } };
    const { code } = await minify(fs.readFileSync(file, 'utf8'), options);
    if (code === undefined) throw new Error(`${name} could not be minified`);
    fs.writeFileSync(file, code);
  }
}

if (check) {
  const different = Object.keys(entries).flatMap((name) =>
    differences(path.join(root, 'dist', name), path.join(out, name)),
  );
  fs.rmSync(out, { recursive: true, force: true });
  if (different.length > 0) {
    process.stderr.write(
      `dist/ is not what the sources give:\n${different.join('\n')}\nrun npm run build and commit it\n`,
    );
    process.exitCode = 1;
  }
}

/** Files that differ, or are on one side only. */
function differences(committed: string, built: string): string[] {
  const list = (folder: string): string[] =>
    fs.existsSync(folder) ? fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort() : [];
  const names = new Set([...list(committed), ...list(built)]);
  const read = (file: string): Buffer | undefined =>
    fs.existsSync(file) && fs.statSync(file).isFile() ? fs.readFileSync(file) : undefined;
  return [...names]
    .filter((name) => {
      const [a, b] = [read(path.join(committed, name)), read(path.join(built, name))];
      return a === undefined || b === undefined ? a !== b : !a.equals(b);
    })
    .map((name) => path.join(path.basename(committed), name));
}
