import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** The rooms of src/ and what each may import besides itself and model/ (docs/design.md has the same table). */
const rooms = {
  model: [],
  config: [],
  pipeline: ['tools', 'kube', 'results', 'cluster', 'images', 'releases', 'checks', 'suites'],
  tools: [],
  kube: [],
  results: [],
  cluster: ['kube', 'tools'],
  images: ['cluster', 'tools'],
  releases: ['kube', 'tools'],
  checks: ['kube', 'releases'],
  suites: ['kube', 'results'],
  report: ['results'],
};
const doors = ['action', 'cli'];
const all = [...Object.keys(rooms), ...doors];

const roomRules = Object.entries(rooms).map(([room, allowed]) => ({
  files: [`src/${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: all
          .filter((other) => other !== room && other !== 'model' && !allowed.includes(other))
          .map((other) => ({
            group: [`**/${other}/**`],
            message: `src/${room} may not import src/${other}`,
          })),
      },
    ],
  },
}));

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'ket-results/', 'examples/', 'coverage/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // An async function without await turns what it throws into a rejection, which is what callers handle.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ImportExpression > Literal[value=/^node:/]',
          message:
            'in a bundle it lacks the names of modules that are functions, as node:stream is: import it above',
        },
      ],
    },
  },
  { files: ['**/*.mjs'], languageOptions: { globals: { process: 'readonly', console: 'readonly' } } },
  ...roomRules,
);
