import { jsonSchema, type SchemaNode } from './schema.ts';

/** docs/ket-yaml.md, made from the schema, so that it cannot say anything else than ket does. */

interface Section {
  readonly title: string;
  readonly node: SchemaNode;
}

const head = `# ket.yaml

<!-- Made from src/config/schema.ts by scripts/schema.ts: change it there. -->

All keys of \`ket.yaml\`. Only \`tiers\` is required; an unknown key is an error. Paths are relative to the folder of the
file. A duration names its units: \`30s\`, \`5m\`, \`1h30m\`, \`500ms\`; at most 24h, and never infinite. The JSON Schema of
the file, for editors, is [schema/ket.schema.json](../schema/ket.schema.json).
`;

export function referenceText(): string {
  return [head, ...sections({ title: 'Top level', node: jsonSchema() }).map(sectionText)].join('\n');
}

/** A mapping with keys of its own, then those inside it, in the order of the file. */
function sections(section: Section, prefix = ''): Section[] {
  const found = [section];
  for (const [key, child] of Object.entries(section.node.properties ?? {})) {
    const [inner, title] = within(child, `${prefix}${key}`);
    if (inner?.properties !== undefined)
      found.push(...sections({ title: `\`${title}\``, node: inner }, `${title}.`));
  }
  return found;
}

/** What a list or a mapping by name holds, and its path as the headings show it. */
function within(node: SchemaNode, path: string): [SchemaNode | undefined, string] {
  if (node.items !== undefined) return [node.items, `${path}[]`];
  const entry = node.additionalProperties || undefined;
  return entry === undefined ? [node, path] : [entry, `${path}.NAME`];
}

function sectionText({ title, node }: Section): string {
  const rows = Object.entries(node.properties ?? {}).map(([key, child]) =>
    [
      `\`${key}\``,
      typeText(child),
      defaultText(child, node.required?.includes(key) === true),
      child.description ?? '',
    ]
      .map((cell) => cell.replaceAll('|', '\\|'))
      .join(' | '),
  );
  return [
    `## ${title}\n`,
    '| key | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    '',
  ].join('\n');
}

function typeText(node: SchemaNode): string {
  if (node.title !== undefined) return node.title;
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(' or ');
  if (node.const !== undefined) return `\`${JSON.stringify(node.const)}\``;
  if (node.items !== undefined)
    return node.items.properties === undefined ? `list: ${typeText(node.items)}` : 'list of mappings';
  if (node.additionalProperties) {
    const entry = node.additionalProperties;
    return entry.properties === undefined ? `mapping: ${typeText(entry)}` : 'mapping by name';
  }
  if (node.type === 'integer') return `whole number, ${node.minimum ?? ''} to ${node.maximum ?? ''}`;
  return { string: 'text', boolean: '`true` or `false`' }[node.type ?? ''] ?? 'mapping';
}

function defaultText(node: SchemaNode, required: boolean): string {
  if (required) return '**required**';
  const value = node.default;
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  if (value === undefined || isEmpty) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
