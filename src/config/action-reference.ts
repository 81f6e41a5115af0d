import { stringify } from 'yaml';
import { inputMeta, inputNames, type InputName } from './inputs.ts';
import { schemaAt } from './issues.ts';
import { outputDescription, outputNames } from './outputs.ts';

/** action.yml and the tables of inputs and outputs, made from the schemas, so that they cannot say anything else. */

/** Text for people who read it as it is: YAML and GitHub's own page show no Markdown. */
const plain = (text: string): string => text.replaceAll('`', '').replace(/\.$/, '');

export function actionText(): string {
  const inputs = inputNames.map((name) => {
    const { description, default: value } = inputMeta(name);
    const later = keyOf(name)?.default;
    const all = later === undefined ? description : `${plain(description)} (default: ${later})`;
    return [
      name,
      { description: plain(all), required: false, ...(value === undefined ? {} : { default: value }) },
    ] as const;
  });
  const outputs = outputNames.map((name) => [name, { description: plain(outputDescription(name)) }] as const);
  const action = {
    name: 'ket',
    description: 'Runs test suites inside a real Kubernetes cluster and tells the truth about them',
    author: 'the ket authors',
    branding: { icon: 'check-circle', color: 'blue' },
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(outputs),
    // Post runs on failure and cancellation too: what a killed step left is removed there.
    runs: {
      using: 'node24',
      main: 'dist/action/index.js',
      post: 'dist/action/index.js',
      'post-if': 'always()',
    },
  };
  return `# Made from src/config/inputs.ts and outputs.ts by scripts/schema.ts: change it there.\n${stringify(action, { lineWidth: 0 })}`;
}

/** The key of ket.yaml that an input decides, and its default there, which holds where neither says anything. */
export function keyOf(name: InputName): { readonly key: string; readonly default?: string } | undefined {
  const { key } = inputMeta(name);
  if (key === undefined) return undefined;
  const at = key.split('.').flatMap((step) => (step.endsWith('[]') ? [step.slice(0, -2), 0] : [step]));
  const node = schemaAt(at) ?? schemaAt(['tiers', 'any', ...at]);
  if (node === undefined) throw new Error(`input ${name} decides "${key}", which ket.yaml does not have`);
  const value = node.default;
  const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
  return { key, ...(isPlain ? { default: String(value) } : {}) };
}

export function inputsTable(): string {
  return table(
    ['input', 'form', 'default', 'in ket.yaml', 'meaning'],
    inputNames.map((name) => {
      const { title, description, default: value } = inputMeta(name);
      const place = keyOf(name);
      return [code(name), title, code(value ?? place?.default), code(place?.key), description];
    }),
  );
}

export function outputsTable(): string {
  return table(
    ['output', 'meaning'],
    outputNames.map((name) => [code(name), outputDescription(name)]),
  );
}

const code = (text: string | undefined): string => (text === undefined ? '' : `\`${text}\``);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** For the README, where the tables would hide what stands below them. */
export const foldedTables = (): string =>
  [
    'How inputs and `ket.yaml` go together is in [docs/github-action.md](docs/github-action.md).',
    `<details>\n<summary>Inputs</summary>\n\n${inputsTable()}\n\n</details>`,
    `<details>\n<summary>Outputs</summary>\n\n${outputsTable()}\n\n</details>`,
  ].join('\n\n');

const marker = (name: string, end: string): string =>
  `<!-- ${name}: ${end === 'end' ? 'end' : 'made by scripts/schema.ts from src/config'} -->`;

/** A document with a new text between the two markers of this name. */
export function between(document: string, name: string, text: string): string {
  const [start, end] = [marker(name, 'start'), marker(name, 'end')];
  const [from, to] = [document.indexOf(start), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document lacks the markers ${start} and ${end}`);
  return `${document.slice(0, from + start.length)}\n\n${text}\n\n${document.slice(to)}`;
}
