import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import Stream from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Exec, ExecRequest, ExecResult } from '../model/deps.ts';
import { childEnv } from './child-env.ts';
import { watchGroupMemory } from './group-memory.ts';
import { splitLines, tailBuffer } from './lines.ts';

const maxOutput = 10 * 1024 * 1024;
/** Between TERM and KILL. */
const killAfterMs = 5000;
/** A grandchild that inherited stdout must not hold ket longer than this after the command itself has ended. */
const drainMs = 2000;

/**
 * Runs a command in a process group of its own, so that a limit or a cancel reaches all its children. The real `Exec`;
 * the group is told TERM, and KILL 5 s later. Resolves or rejects only when the command is gone.
 */
export const exec: Exec = async (request) => {
  request.signal?.throwIfAborted();
  const [command, ...args] = request.argv;
  if (command === undefined) throw new Error('exec: empty argv');
  const child = spawn(command, args, {
    cwd: request.cwd,
    env: childEnv(process.env, request.env),
    detached: true,
    stdio: [request.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  await started(child, request);
  const stop = stopper(child);
  const memory =
    request.measure === true && child.pid !== undefined ? watchGroupMemory(child.pid) : undefined;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    stop.begin();
  }, request.limitMs);
  request.signal?.addEventListener('abort', stop.begin, { once: true });
  if (request.signal?.aborted === true) stop.begin();
  try {
    const result = await collect(child, request, stop.begin);
    if (request.signal?.aborted === true) throw request.signal.reason as Error;
    const memoryPeakBytes = memory?.end();
    return { ...result, timedOut, ...(memoryPeakBytes === undefined ? {} : { memoryPeakBytes }) };
  } finally {
    clearTimeout(timer);
    memory?.end();
    stop.clear();
    request.signal?.removeEventListener('abort', stop.begin);
  }
};

/** Rejects with the reason when there is no such command. */
async function started(child: ChildProcess, request: ExecRequest): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw new Error(`cannot start ${request.argv[0] ?? ''}`, { cause: error });
  }
}

function stopper(child: ChildProcess): { begin: () => void; clear: () => void } {
  let killTimer: NodeJS.Timeout | undefined;
  const kill = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The whole group is gone already.
    }
  };
  return {
    begin: () => {
      if (killTimer !== undefined) return;
      kill('SIGTERM');
      killTimer = setTimeout(() => kill('SIGKILL'), killAfterMs);
    },
    clear: () => clearTimeout(killTimer),
  };
}

async function collect(
  child: ChildProcess,
  request: ExecRequest,
  stop: () => void,
): Promise<Omit<ExecResult, 'timedOut'>> {
  const out = tailBuffer(maxOutput);
  const err = tailBuffer(maxOutput);
  const outLines = splitLines((line) => request.onLine?.(line, 'stdout'));
  const errLines = splitLines((line) => request.onLine?.(line, 'stderr'));
  child.stderr?.on('data', (chunk: Buffer) => {
    err.push(chunk);
    errLines.push(chunk);
  });
  let sinkError: unknown;
  let sink: Promise<void> | undefined;
  if (request.stdout === undefined)
    child.stdout?.on('data', (chunk: Buffer) => {
      out.push(chunk);
      outLines.push(chunk);
    });
  else if (child.stdout !== null)
    sink = pipeline(child.stdout, request.stdout).catch((error: unknown) => {
      sinkError = error;
      stop();
    });
  feed(child, request);

  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('exit', (c, s) => resolve([c, s])),
  );
  // A slow sink is given the command's whole limit; plain output is at hand at once.
  if (sink === undefined) {
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, drainMs);
    });
    await Promise.race([closed, enough]);
    clearTimeout(timer);
  } else await Promise.race([sink, aborted(request)]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  outLines.end();
  errLines.end();
  if (sinkError !== undefined && request.signal?.aborted !== true) throw sinkError as Error;
  return { code, signal, stdout: out.text(), stderr: err.text() };
}

/** Resolves when the request's signal fires or its limit is over: the end of waiting for a slow sink. */
function aborted(request: ExecRequest): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, request.limitMs);
    timer.unref();
    request.signal?.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Hands stdin over; a command that does not read to the end is its own verdict, not an error of the pipe. */
function feed(child: ChildProcess, request: ExecRequest): void {
  const { stdin } = child;
  if (stdin === null || request.stdin === undefined) return;
  const source = request.stdin;
  stdin.on('error', () => undefined);
  source.on('error', () => stdin.destroy());
  source.pipe(stdin);
  child.once('exit', () => {
    source.unpipe(stdin);
    // Tells whoever fills the source that nobody reads any more.
    if (source instanceof Stream.Readable) source.destroy();
  });
}
