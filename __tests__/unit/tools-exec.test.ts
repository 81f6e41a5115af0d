import { PassThrough, Readable, Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { realClock } from '../../src/tools/clock.ts';
import { exec } from '../../src/tools/exec.ts';
import { splitLines, tailBuffer } from '../../src/tools/lines.ts';

const node = (script: string): string[] => [process.execPath, '-e', script];
const limitMs = 20_000;
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('exec', () => {
  test('any exit code is a result', async () => {
    const result = await exec({
      argv: node('console.log("out"); console.error("err"); process.exit(7)'),
      limitMs,
    });
    expect(result).toEqual({ code: 7, signal: null, timedOut: false, stdout: 'out\n', stderr: 'err\n' });
  });

  test('a command that is not there rejects with its name', () =>
    expect(exec({ argv: ['/nowhere/at-all'], limitMs })).rejects.toThrow('cannot start /nowhere/at-all'));

  test('a signal is told', async () => {
    const result = await exec({ argv: node('process.kill(process.pid, "SIGKILL")'), limitMs });
    expect(result).toMatchObject({ code: null, signal: 'SIGKILL', timedOut: false });
  });

  test('lines come as they are printed, by stream', async () => {
    const lines: string[] = [];
    const script =
      'process.stdout.write("a\\nb"); process.stderr.write("c\\r\\n"); setTimeout(() => console.log("d"), 50)';
    await exec({ argv: node(script), limitMs, onLine: (line, stream) => lines.push(`${stream} ${line}`) });
    expect(lines.filter((line) => line.startsWith('stdout'))).toEqual(['stdout a', 'stdout bd']);
    expect(lines).toContain('stderr c');
  });

  test('environment is added, folder is used', async () => {
    const argv = node('console.log(process.env.KET_X, process.cwd(), Boolean(process.env.PATH))');
    const result = await exec({ argv, cwd: '/', env: { KET_X: 'y' }, limitMs });
    expect(result.stdout).toBe('y / true\n');
  });

  test('over its limit the whole group is ended', async () => {
    const child = 'setInterval(() => {}, 1000)';
    const script = `const c = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(child)}]);
      console.log(c.pid); setInterval(() => {}, 1000)`;
    const result = await exec({ argv: node(script), limitMs: 700 });
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGTERM' });
    const pid = Number(result.stdout);
    expect(pid).toBeGreaterThan(0);
    for (let i = 0; i < 100 && alive(pid); i += 1) await realClock.sleep(20);
    expect(alive(pid)).toBe(false);
  });

  test('what ignores TERM is killed', async () => {
    const began = Date.now();
    const argv = node(
      'process.on("SIGTERM", () => console.log("no")); setInterval(() => {}, 1000); console.log("up")',
    );
    const abort = new AbortController();
    const work = exec({
      argv,
      limitMs,
      signal: abort.signal,
      onLine: () => abort.abort(new Error('enough')),
    });
    await expect(work).rejects.toThrow('enough');
    expect(Date.now() - began).toBeGreaterThan(4500);
  }, 15_000);

  test('a signal that has fired starts nothing', () =>
    expect(exec({ argv: node(''), limitMs, signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    ));

  test('a grandchild that holds stdout does not hold ket', async () => {
    const script = `require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 8000)'],
      { stdio: 'inherit', detached: true }).unref(); console.log('done'); process.exit(0)`;
    const began = Date.now();
    const result = await exec({ argv: node(script), limitMs });
    expect(result).toMatchObject({ code: 0, stdout: 'done\n' });
    expect(Date.now() - began).toBeLessThan(6000);
  }, 15_000);

  test('stdin is handed over, stdout goes to the sink and not into the result', async () => {
    const sink = new PassThrough();
    const chunks: Buffer[] = [];
    sink.on('data', (chunk: Buffer) => chunks.push(chunk));
    const stdin = Readable.from([Buffer.from('one '), Buffer.from('two')]);
    const result = await exec({ argv: ['cat'], stdin, stdout: sink, limitMs });
    expect(result).toMatchObject({ code: 0, stdout: '' });
    expect(Buffer.concat(chunks).toString()).toBe('one two');
  });

  test('everything of a large output reaches a slow sink', async () => {
    let bytes = 0;
    const sink = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        bytes += chunk.length;
        setTimeout(callback, 1);
      },
    });
    await exec({ argv: node('process.stdout.write(Buffer.alloc(3e6))'), stdout: sink, limitMs });
    expect(bytes).toBe(3e6);
  });

  test('a sink that breaks ends the command and is told', async () => {
    const sink = new Writable({ write: (_chunk, _encoding, callback) => callback(new Error('disk full')) });
    const argv = node('setInterval(() => process.stdout.write("x".repeat(1000)), 5)');
    await expect(exec({ argv, stdout: sink, limitMs })).rejects.toThrow('disk full');
  });

  test('a command that does not read its stdin ends its source', async () => {
    const stdin = new PassThrough();
    stdin.write(Buffer.alloc(1000));
    const result = await exec({ argv: node('process.exit(3)'), stdin, limitMs });
    expect(result.code).toBe(3);
    expect(stdin.destroyed).toBe(true);
  });
});

test('a split character stays whole, an endless line is handed on in pieces', () => {
  const lines: string[] = [];
  const splitter = splitLines((line) => lines.push(line));
  const euro = Buffer.from('€\n');
  splitter.push(euro.subarray(0, 1));
  splitter.push(euro.subarray(1));
  splitter.push(Buffer.from('x'.repeat(70_000)));
  splitter.end();
  expect(lines.map((line) => line.length)).toEqual([1, 65_536, 70_000 - 65_536]);
  expect(lines[0]).toBe('€');
});

test('of a long output the end is kept', () => {
  const buffer = tailBuffer(10);
  for (let i = 0; i < 10; i += 1) buffer.push(Buffer.from(`${String(i)}23456`));
  expect(buffer.text()).toBe('3456923456');
});

test('a sleep ends with the reason of its signal', () =>
  expect(realClock.sleep(10_000, AbortSignal.timeout(20))).rejects.toThrow('timeout'));
