import { describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { programFor } from '../../src/cli/main.ts';
import { exitCodeOfError } from '../../src/cli/render-error.ts';
import { readKindConfig } from '../../src/config/index.ts';
import { validateSource } from '../../src/config/load.ts';
import { renderProblems } from '../../src/config/problems.ts';
import { parseSource } from '../../src/config/source.ts';
import type { ErrorCode } from '../../src/model/errors.ts';
import { junitCure } from '../../src/suites/verdict/words.ts';
import { blocksOf, inlineOf, linksOf, slugsOf, tableOf, type Block } from './support/markdown.ts';
import { aSuite } from './support/suites.ts';

/** The documentation against the code: what it shows must work as it stands. */

const root = path.join(import.meta.dirname, '..', '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const docs = readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`);
const own = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...docs].filter((file) =>
  file.endsWith('.md'),
);
const all = [
  ...own,
  ...['testbed', 'native/ket-run', 'examples/fastapi-postgres', 'examples/ingress', 'images/test-runner'].map(
    (folder) => `${folder}/README.md`,
  ),
];

interface Placed extends Block {
  readonly file: string;
}
const blocks = all.flatMap((file) => blocksOf(read(file)).map((block): Placed => ({ ...block, file })));
const label = (block: Placed): string => `${block.file}:${block.line}`;
const ofKind = (...kinds: string[]): [string, Placed][] =>
  blocks.filter(({ info }) => kinds.includes(info)).map((block) => [label(block), block]);

describe('YAML', () => {
  const indented = (text: string, by: number): string => text.replace(/^(?=.)/gm, ' '.repeat(by));
  const kinds = 'integration:\n    cluster: { config: kind.yaml }\n';
  const suites = '    suites: [{ name: any, image: "any:dev", command: any }]\n';
  /** What makes a whole ket.yaml of each kind of fragment. */
  const whole: Readonly<Record<string, (text: string) => string>> = {
    'yaml ket.yaml': (text) => text,
    'yaml tier': (text) => `tiers:\n  integration:\n${indented(text, 4)}`,
    'yaml suites': (text) => `tiers:\n  ${kinds}    suites:\n${indented(text, 6)}`,
    'yaml unit-suites': (text) => `tiers:\n  unit:\n    suites:\n${indented(text, 6)}`,
    'yaml images': (text) => `tiers:\n  ${kinds}${suites}    images:\n${indented(text, 6)}`,
    'yaml releases': (text) => `tiers:\n  ${kinds}${suites}    releases:\n${indented(text, 6)}`,
  };

  test('every block says what it is', () => {
    // Those of workflows are tested in docs-workflows.test.ts.
    const known = [...Object.keys(whole), 'yaml kind', 'yaml workflow', 'yaml steps'];
    const unknown = blocks.filter(({ info }) => /^ya?ml\b/.test(info) && !known.includes(info));
    expect(unknown.map(label)).toEqual([]);
    expect(ofKind(...Object.keys(whole)).length).toBeGreaterThan(10);
  });

  test.each(ofKind(...Object.keys(whole)))('%s is right as (part of) a ket.yaml', (_, block) => {
    const text = whole[block.info]?.(block.text) ?? '';
    expect(renderProblems(validateSource(parseSource(text, label(block))).problems)).toEqual([]);
  });

  test.each(ofKind('yaml kind'))('%s is a Kind config', (_, block) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ket-docs-'));
    const file = path.join(folder, 'kind.yaml');
    writeFileSync(file, block.text);
    const { problems, nodes } = readKindConfig([file], { env: {} });
    rmSync(folder, { recursive: true });
    expect(problems).toEqual([]);
    expect(nodes.length).toBeGreaterThan(0);
  });
});

describe('commands', () => {
  /** The words of a line as a shell splits them; what is shown needs no more than quotes. */
  const words = (line: string): string[] =>
    [...line.replace(/\s#.*$/, '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, a, b, c]) => a ?? b ?? c ?? '',
    );
  const commandOf = (line: string): string | undefined =>
    /^(?:\w+=\S* )*(?:\S*\/)?ket (?<rest>.*)$/.exec(line.trim())?.groups?.['rest'];

  /** ket's own commands, with their actions replaced: what parses is right. */
  function dryProgram(): { program: Command; ran: string[] } {
    const ran: string[] = [];
    const program = programFor(() => undefined);
    for (const command of [program, ...program.commands]) {
      command.configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
      if (command !== program) command.action(() => void ran.push(command.name()));
    }
    return { program, ran };
  }
  const parses = (rest: string): string => {
    const { program, ran } = dryProgram();
    try {
      program.parse(words(rest), { from: 'user' });
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return code === 'commander.version' || code.startsWith('commander.help') ? 'right' : message;
    }
    return ran.length === 1 ? 'right' : 'no command ran';
  };

  const shown = blocks.flatMap((block) =>
    /^(sh|bash|console)?$/.test(block.info)
      ? block.text.split('\n').flatMap((line, index): [string, string][] => {
          const rest = commandOf(line);
          return rest === undefined ? [] : [[`${block.file}:${block.line + 1 + index}`, rest]];
        })
      : [],
  );
  test.each(shown)('%s: ket %s', (_, rest) => {
    expect(parses(rest)).toBe('right');
  });
  test('there are some, and wrong ones are told apart', () => {
    expect(shown.length).toBeGreaterThan(15);
    expect(['rnu', 'run --teir x', 'run --keep maybe', 'report'].map(parses)).not.toContain('right');
  });

  const spans = all.flatMap((file) =>
    inlineOf(read(file)).flatMap((span): [string, string][] => {
      const rest = commandOf(span);
      return rest === undefined ? [] : [[file, rest]];
    }),
  );
  test.each(spans)('%s: `ket %s` names a command and options that are there', (_, rest) => {
    const [name = '', ...others] = words(rest);
    const { program } = dryProgram();
    if (name.startsWith('--')) {
      expect(['--version', '--help']).toContain(name);
      return;
    }
    const command = program.commands.find((known) => known.name() === name);
    expect(command?.name()).toBe(name);
    const end = others.indexOf('--');
    for (const option of others.slice(0, end < 0 ? undefined : end).filter((word) => word.startsWith('--')))
      expect(command?.options.map(({ long }) => long)).toContain(option);
  });

  test('every command is in the documentation, and every option of `ket run` in getting-started.md', () => {
    const { program } = dryProgram();
    const text = own.map(read).join('\n');
    expect(program.commands.filter((command) => !text.includes(`ket ${command.name()}`))).toEqual([]);
    const start = read('docs/getting-started.md');
    const options = program.commands.find((command) => command.name() === 'run')?.options ?? [];
    expect(options.length).toBeGreaterThan(5);
    expect(options.map(({ long }) => long ?? '').filter((option) => !start.includes(option))).toEqual([]);
  });

  test('every target of make that is named is there', () => {
    const text = all.map(read).join('\n');
    const targets = [...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, target]) => target);
    const named = [...text.matchAll(/(?:^|`)make ([a-z-]+)/gm)].map(([, target]) => target);
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((target) => !targets.includes(target))).toEqual([]);
  });
});

describe('links', () => {
  test.each(all)('%s: every relative link leads somewhere', (file) => {
    const text = read(file);
    const broken = linksOf(text).flatMap((link) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [to = '', anchor] = link.split('#');
      const target = to === '' ? file : path.posix.join(path.posix.dirname(file), to);
      if (!existsSync(path.join(root, target))) return [link];
      return anchor === undefined || slugsOf(read(target)).includes(anchor) ? [] : [link];
    });
    expect(broken).toEqual([]);
  });

  test('every document is linked from the README', () => {
    const linked = linksOf(read('README.md')).map((link) => link.replace(/#.*/, ''));
    expect(own.filter((file) => file !== 'README.md' && !linked.includes(file))).toEqual([]);
  });

  test.each(own)('%s names no path of a machine', (file) => {
    expect(read(file)).not.toMatch(/(^|[\s`"'(=])\/(root|home|work|Users|tmp)\//m);
  });
});

describe('lists that the code has too', () => {
  /** The words of a union type of string literals. */
  const union = (file: string, type: string): string[] => {
    const text = new RegExp(`export type ${type} =([^;]*);`).exec(read(file))?.[1] ?? '';
    return [...text.matchAll(/'([^']+)'/g)].map(([, word]) => word ?? '');
  };
  const section = (file: string, title: string): string =>
    read(file)
      .split(/^## /m)
      .find((text) => text.startsWith(title)) ?? '';
  const firstColumn = (text: string): string[] =>
    tableOf(text).map(([cell = '']) => cell.replaceAll('`', ''));

  test('errors.md has exactly the codes', () => {
    const codes = union('src/model/errors.ts', 'ErrorCode');
    expect(codes.length).toBeGreaterThan(10);
    expect([...read('docs/errors.md').matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(codes);
  });

  test('troubleshooting.md has exactly the codes, with their exit codes', () => {
    const rows = tableOf(section('docs/troubleshooting.md', 'By code'));
    const linked = rows.map(([cell = '', exit = '']) => [/^\[(\w+)\]/.exec(cell)?.[1] ?? '', exit]);
    expect(linked.map(([code]) => code)).toEqual(union('src/model/errors.ts', 'ErrorCode'));
    const exits = linked.filter(([, exit]) => exit !== '–' && exit !== '130');
    expect(exits.length).toBeGreaterThan(10);
    for (const [code = '', exit] of exits)
      expect([code, String(exitCodeOfError({ code: code as ErrorCode, message: '' }))]).toEqual([code, exit]);
  });

  test.each([
    ['Classes of', 'InfraClass'],
    ['Causes of', 'FailureCause'],
  ])('verdicts.md, "%s …", has exactly those of the code', (title, type) => {
    const words = firstColumn(section('docs/verdicts.md', title));
    expect(words.sort()).toEqual(union('src/model/outcome.ts', type).sort());
  });

  test('verdicts.md has exactly the exit codes', () => {
    const codes = [
      ...(/ExitCode = \{([^}]*)\}/.exec(read('src/model/outcome.ts'))?.[1] ?? '').matchAll(/\d+/g),
    ];
    expect(firstColumn(section('docs/verdicts.md', 'Exit codes'))).toEqual(codes.map(([code]) => code));
  });

  test('results.md has exactly the types of events', () => {
    const types = [...read('src/model/events.ts').matchAll(/readonly type: '([\w-]+)'/g)].map(
      ([, type]) => type,
    );
    expect(firstColumn(section('docs/results.md', 'events.ndjson')).sort()).toEqual(types.sort());
  });

  test('design.md has the rooms of eslint.config.mjs', () => {
    const literal = /const rooms = (\{[\s\S]*?\n\});/.exec(read('eslint.config.mjs'))?.[1] ?? '';
    const rooms = parse(literal) as Readonly<Record<string, readonly string[]>>;
    const doors = parse(/const doors = (\[.*?\]);/.exec(read('eslint.config.mjs'))?.[1] ?? '') as string[];
    const rows = tableOf(section('docs/design.md', 'Rooms')).map(([room = '', , may = '']) => [
      room.replaceAll('`', ''),
      may === '–' ? [] : may.split(', '),
    ]);
    const expected = [...Object.entries(rooms), ...doors.map((door) => [door, ['anything']])];
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(expected));
  });

  test('writing-suites.md has exactly the variables that a suite gets', () => {
    const names = (file: string): string[] =>
      [...read(file).matchAll(/(?:name: '|^ +|\{ )(KET_[A-Z_]+)(?:'|:)/gm)]
        .map(([, name]) => name ?? '')
        .sort();
    const rows = tableOf(section('docs/writing-suites.md', 'Environment variables'));
    const named = (rest: readonly string[][]): string[] =>
      rest.map(([cell = '']) => cell.replaceAll('`', '')).sort();
    expect(named(rows)).toEqual(
      [...names('src/suites/job/job.ts'), ...names('src/suites/job/main-container.ts')].sort(),
    );
    expect(named(rows.filter(([, , here]) => here === 'yes'))).toEqual(names('src/suites/process.ts'));
  });

  test('troubleshooting.md quotes what the code says', () => {
    const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(`src/${file}`))
      .join('\n');
    /** Each text of the sources as its parts between placeholders. */
    const texts = [...sources.matchAll(/'([^'\n]{8,})'|`([^`\n]{8,})`/g)].map(([, plain, template]) =>
      (plain ?? template ?? '').split(/\$\{[^}]*(?:\}|$)/).filter((part) => part.trim().length > 2),
    );
    /** How many characters of the quote, which may be cut at "…", are of one and the same text. */
    const likeness = (quote: string): number => {
      const pieces = quote.split('…').map((piece) => piece.trim());
      const common = (part: string): number =>
        quote.includes(part.trim())
          ? part.length
          : Math.max(...pieces.map((piece) => (part.includes(piece) ? piece.length : 0)));
      return Math.max(...texts.map((parts) => parts.reduce((sum, part) => sum + common(part), 0)));
    };
    const quotes = [...read('docs/troubleshooting.md').matchAll(/^> (.+)$/gm)].map(
      ([, quote]) => quote ?? '',
    );
    expect(quotes.length).toBeGreaterThan(20);
    expect(quotes.filter((quote) => likeness(quote) < 13)).toEqual([]);
  });

  test('writing-suites.md has the line for each runner that a verdict names', () => {
    const rows = tableOf(section('docs/writing-suites.md', 'Results'));
    expect(rows.length).toBeGreaterThan(5);
    for (const [runner = '', line = ''] of rows) {
      const cure = junitCure(aSuite({ image: 'tests:dev', command: runner.replaceAll('`', '') }));
      expect(cure.replaceAll('`', '')).toContain(line.replaceAll('`', ''));
    }
  });
});
