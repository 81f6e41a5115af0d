import { execFileSync } from 'node:child_process';
import path from 'node:path';

/** The product and its example must not know of the machine set-up that the tests use. */
const root = path.join(import.meta.dirname, '..');
const rules = [
  {
    word: 'testbed',
    where: ['src', 'templates', 'kind-configs', 'examples', 'action.yml', 'native', 'schema'],
    why: 'the product takes node image, tools and mirrors through ordinary options',
  },
];

for (const { word, where, why } of rules) {
  const hits = grep(word, where);
  if (hits === '') continue;
  process.stderr.write(`"${word}" stands where it must not (${why}):\n${hits}`);
  process.exitCode = 1;
}

function grep(word: string, where: readonly string[]): string {
  try {
    return execFileSync('git', ['grep', '-nIi', word, '--', ...where], { cwd: root, encoding: 'utf8' });
  } catch (error) {
    // git grep ends with 1 when it finds nothing.
    if (error instanceof Error && 'status' in error && error.status === 1) return '';
    throw error;
  }
}
