import { describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import fc from 'fast-check';
import { guardCommands, type CommandGuard } from '../../src/action/command-guard.ts';
import { defuseCommands } from '../../src/report/escape.ts';
import { actActsOn, runnerActsOn } from './support/runner-parser.ts';
import { variants, type Variant } from './support/workflow-commands.ts';

interface Outlet {
  readonly stdout: { write: NodeJS.WriteStream['write'] };
  readonly stderr: { write: NodeJS.WriteStream['write'] };
  /** What the runner reads. */
  readonly out: () => string;
  readonly err: () => string;
}

function outlet(): Outlet {
  const out: string[] = [];
  const err: string[] = [];
  const into =
    (list: string[]) =>
    (chunk: string | Uint8Array): boolean =>
      list.push(String(chunk)) > 0;
  return {
    stdout: { write: into(out) },
    stderr: { write: into(err) },
    out: () => out.join(''),
    err: () => err.join(''),
  };
}

const guarded = (
  print: (o: Outlet, guard: CommandGuard) => void,
  defuse?: (line: string) => string,
): string => {
  const o = outlet();
  const guard = guardCommands({
    stdout: o.stdout,
    stderr: o.stderr,
    ...(defuse === undefined ? {} : { defuse }),
  });
  print(o, guard);
  guard.release();
  expect(o.err()).toBe('');
  return o.out();
};
const table = variants.map((variant) => [variant.name, variant] as const);
const printAll =
  ({ pieces }: Variant, stream: 'stdout' | 'stderr') =>
  (o: Outlet): void => {
    for (const piece of pieces) o[stream].write(piece);
  };

test('there are enough variants, and each has a name of its own', () => {
  expect(variants.filter((variant) => variant.acts).length).toBeGreaterThanOrEqual(30);
  expect(new Set(variants.map(({ name }) => name)).size).toBe(variants.length);
});

describe.each(table)('%s', (_, variant) => {
  test('is what a runner acts on, or not, without a guard', () => {
    expect(runnerActsOn(variant.pieces.join('')).length > 0).toBe(variant.acts);
  });

  test.each(['stdout', 'stderr'] as const)('is text behind the guard, on %s', (stream) => {
    const printed = guarded(printAll(variant, stream));
    expect([runnerActsOn(printed), actActsOn(printed)]).toEqual([[], []]);
  });

  test('is text by the first layer alone', () => {
    const printed = guarded(printAll(variant, 'stdout'), (line) => line);
    expect([runnerActsOn(printed), actActsOn(printed)]).toEqual([[], []]);
    // Nothing is lost, nothing but the frame is added, unless a line is too long.
    const inside = printed.split('\n').slice(1, -2).join('\n');
    if (printed.length < 60_000) expect(inside.trimEnd()).toBe(variant.pieces.join('').trimEnd());
  });

  test('is text by the second layer alone', () => {
    const printed = guarded(printAll(variant, 'stdout'))
      .split('\n')
      .filter((line) => !/^::(?:stop-commands::)?[0-9a-f]{32}(?:::)?$/.test(line))
      .join('\n');
    expect([runnerActsOn(printed), actActsOn(printed)]).toEqual([[], []]);
  });
});

const tokensOf = (printed: string): string[] =>
  Array.from(printed.matchAll(/^::stop-commands::(.*)$/gm), ([, token]) => token ?? '');

describe('commands of ket’s own', () => {
  test('are heeded between what others print, also after half a line', () => {
    const printed = guarded((o, guard) => {
      o.stdout.write('::error::pod\nhalf');
      guard.own(() => o.stdout.write('::error::ket 1\n'));
      o.stderr.write('::error::pod\n');
      guard.own(() => o.stdout.write('::error::ket 2\n'));
      guard.own(() => o.stdout.write('::error::ket 3\n'));
      o.stdout.write('half again');
    });
    expect(runnerActsOn(printed)).toEqual(['error ket 1', 'error ket 2', 'error ket 3']);
    expect(actActsOn(printed)).toEqual(['error ket 1', 'error ket 2', 'error ket 3']);
    expect(printed.split('\n').filter((line) => line.startsWith('half'))).toEqual(['half', 'half again']);
  });

  test('that take time are told from what others print meanwhile', async () => {
    const o = outlet();
    const guard = guardCommands(o);
    let go = (): void => undefined;
    const later = new Promise<void>((resolve) => (go = resolve));
    const own = guard.own(async () => {
      o.stdout.write('::notice::before\n');
      await later;
      o.stdout.write('::notice::after\n');
    });
    o.stdout.write('::error::pod\n');
    go();
    await own;
    o.stderr.write('::error::pod\n');
    guard.release();
    expect(runnerActsOn(o.out())).toEqual(['notice before', 'notice after']);
  });

  test('are heeded as before when the guard is gone, and the streams are as they were', () => {
    const o = outlet();
    const guard = guardCommands(o);
    o.stderr.write('text');
    guard.release();
    guard.release();
    o.stdout.write('::error::ket\n');
    o.stderr.write('err');
    expect(runnerActsOn(o.out())).toEqual(['error ket']);
    expect(o.err()).toBe('err');
  });

  test('a run that printed nothing leaves no trace', () => {
    expect(guarded(() => undefined)).toBe('');
  });
});

test('each block has a token of its own, which is of no use later', () => {
  const seen: string[] = [];
  const printed = guarded((o, guard) => {
    for (let i = 0; i < 5; i++) {
      o.stdout.write(`text\n${seen.map((token) => `::${token}::\n`).join('')}::error::pod\n`);
      seen.splice(0, Infinity, ...tokensOf(o.out()));
      guard.own(() => o.stdout.write(`::notice::${i}\n`));
    }
  });
  expect(runnerActsOn(printed)).toEqual(['notice 0', 'notice 1', 'notice 2', 'notice 3', 'notice 4']);
  const tokens = tokensOf(printed);
  expect(new Set(tokens).size).toBe(5);
  for (const token of tokens) {
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    expect(printed.split('\n').filter((line) => line === `::${token}::`)).toHaveLength(1);
  }
});

test('whatever is printed, in whatever pieces, on either stream: ket’s own commands alone are heeded', () => {
  const piece = fc.oneof(
    fc.constantFrom(...variants.filter((v) => v.pieces.join('').length < 200).map((v) => v.pieces.join(''))),
    fc.constantFrom(
      '::',
      ':',
      '##',
      '[',
      'error]',
      '\r',
      '\n',
      '\r\n',
      ' ',
      'error::',
      'stop-commands',
      'ü😀',
    ),
  );
  const step = fc.record({ text: piece, own: fc.boolean(), stderr: fc.boolean(), cut: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let own = 0;
      const printed = guarded((o, guard) => {
        for (const { text, own: isOwn, stderr, cut } of steps)
          if (isOwn) guard.own(() => o.stdout.write(`::notice::${++own}\n`));
          else {
            const bytes = Buffer.from(text);
            for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)])
              o[stderr ? 'stderr' : 'stdout'].write(part);
          }
      });
      const expected = Array.from({ length: own }, (_, i) => `notice ${i + 1}`);
      expect(runnerActsOn(printed)).toEqual(expected);
      expect(actActsOn(printed)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test('a callback of a write is called', async () => {
  const o = outlet();
  const guard = guardCommands(o);
  await new Promise<void>((resolve) => {
    o.stdout.write('a', 'utf8', () => resolve());
  });
  guard.release();
  expect(defuseCommands('a')).toBe('a');
});

describe('the process', () => {
  const module = path.join(import.meta.dirname, '..', '..', 'src', 'action', 'command-guard.ts');
  const run = (body: string) =>
    spawnSync(
      process.execPath,
      [
        ...['--no-warnings', '--input-type=module', '-e'],
        `import { guardCommands } from ${JSON.stringify(module)};
         const guard = guardCommands(process);
         console.log('::error::pod'); console.error('::error::pod');
         ${body}`,
      ],
      { encoding: 'utf8', timeout: 30_000 },
    );

  test.each([
    ['comes to its end', '', 0],
    ['exits in the midst of a line', 'process.stdout.write("half"); process.exit(3);', 3],
    ['throws', 'setTimeout(() => { throw new Error("::error::x") }, 1);', 1],
  ])('%s: commands are heeded again', (_, body, code) => {
    const ran = run(body);
    expect(ran.status).toBe(code);
    expect(runnerActsOn(`${ran.stdout}::notice::next step\n`)).toEqual(['notice next step']);
    expect(ran.stderr).not.toContain('pod');
  });
});
