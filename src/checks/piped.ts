import type { Duplex } from 'node:stream';
import { messageOf } from '../model/errors.ts';
import { NoConnection, type PodConnection, type Target } from './connection.ts';
import type { Answer } from './probe.ts';
import { TlsFault } from './tls.ts';

/** Makes a connection from a pod. */
export type Dial = (target: Target) => Promise<PodConnection>;

/** What a protocol found over the connection. */
export interface Found {
  readonly found: Partial<Answer>;
  /** What was wrong and accepted. */
  readonly note?: string;
}

/** An answer of the protocol that is none. */
export class ProtocolFault extends Error {
  readonly error: string;

  constructor(error: string, message: string) {
    super(message);
    this.error = error;
  }
}

/**
 * Speaks a protocol over a connection of a pod, and gives what came of it the form of an answer of `ket-run probe`;
 * `stage` is that of the protocol. Rejects when the outer signal fires, or when the pod cannot be reached.
 */
export async function answerOf(
  dial: Dial,
  target: Target,
  stage: 'http' | 'grpc',
  speak: (raw: Duplex, signal: AbortSignal) => Promise<Found>,
): Promise<{ readonly answer: Answer; readonly note?: string }> {
  const began = performance.now();
  const limit = AbortSignal.timeout(target.limitMs);
  const ms = (): number => Math.round(performance.now() - began);
  const failed = (at: NonNullable<Answer['stage']>, error: string, text: string, address: string) => ({
    answer: { ...nothing, ok: false, ms: ms(), stage: at, error, text, address },
  });
  let connection: PodConnection;
  try {
    connection = await dial(target);
  } catch (error) {
    if (!(error instanceof NoConnection)) throw error;
    return failed(error.stage, error.error, error.message, error.address);
  }
  const signal = AbortSignal.any([target.signal, limit]);
  const { address } = connection;
  // What breaks it is told by who reads or writes.
  connection.on('error', () => undefined);
  try {
    const { found, note } = await speak(connection, signal);
    return {
      answer: { ...nothing, ok: true, ms: ms(), address, ...found },
      ...(note === undefined ? {} : { note }),
    };
  } catch (error) {
    target.signal.throwIfAborted();
    if (limit.aborted) return failed(stage, 'timeout', 'no whole answer in time', address);
    if (error instanceof TlsFault) return failed('tls', error.error, error.message, address);
    if (error instanceof ProtocolFault) return failed(stage, error.error, error.message, address);
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code.startsWith('HPE_')) return failed(stage, 'not-http', 'the answer is not HTTP/1', address);
    return failed(stage, code === 'ECONNRESET' ? 'reset' : 'other', messageOf(error), address);
  } finally {
    connection.destroy();
  }
}

const nothing = {
  ...{ id: 0, ms: 0, stage: null, error: null, text: null },
  ...{ addresses: '', status: 0, body: '', requests: 0, opened: 0 },
} as const;
