import { Duplex } from 'node:stream';
import { z } from 'zod';
import { KetError } from '../model/errors.ts';
import type { ContainerRef, Kube, KubePipe } from '../model/kube.ts';
import { ketRun } from './pods.ts';

/** Connections of a pod, carried over an exec by `ket-run connect` (native/ket-run/README.md). */

const noteSchema = z.union([
  z.object({
    open: z.boolean(),
    address: z.string().default(''),
    stage: z.enum(['dns', 'connect']).default('connect'),
    error: z.string().default('other'),
    text: z.string().default(''),
    ms: z.number().default(0),
  }),
  z.object({ end: z.int(), error: z.string().optional(), text: z.string().optional() }),
]);

/** Why the pod got no connection: the parts of an answer of `ket-run probe`. */
export class NoConnection extends Error {
  readonly stage: 'dns' | 'connect';
  readonly error: string;
  readonly address: string;
  readonly ms: number;

  constructor(told: { stage: 'dns' | 'connect'; error: string; text: string; address: string; ms: number }) {
    super(told.text);
    this.stage = told.stage;
    this.error = told.error;
    this.address = told.address;
    this.ms = told.ms;
  }
}

export interface Target {
  readonly host: string;
  readonly port: number;
  /** For the connection to be made, ms. */
  readonly limitMs: number;
  /** Breaks it at any time. */
  readonly signal: AbortSignal;
}

/** For the way to the pod, beside the limit. */
const slackMs = 10_000;

/** A connection from a pod to an address that its network has. Rejects with NoConnection when it is not made. */
export async function connectFrom(
  kube: Pick<Kube, 'pipe'>,
  from: ContainerRef,
  { host, port, limitMs, signal }: Target,
): Promise<PodConnection> {
  const connection = new PodConnection();
  const { namespace, pod, container } = from;
  const pipe = await kube.pipe({
    ...{ namespace, pod, container, signal },
    argv: [ketRun, 'connect', '--host', host, '--port', String(port), '--limit-ms', String(limitMs)],
    onStdout: (chunk) => connection.received(chunk),
    onStderr: (chunk) => connection.note(chunk),
    onClose: (error) => connection.lost(error),
  });
  return connection.begin(pipe, limitMs + slackMs);
}

/** Ends when the other side has ended and all that it sent is here; breaks with ECONNRESET when it broke. */
export class PodConnection extends Duplex {
  /** That took the connection. */
  address = '';
  #pipe: KubePipe | undefined;
  #notes = '';
  #taken = 0;
  /** How many bytes the other side sent until it ended. */
  #whole: { readonly bytes: number; readonly error: string | undefined } | undefined;
  #ended = false;
  /** Before, nobody listens for its errors: they are told to who waits for the connection. */
  #isOpen = false;
  #settle: (error?: Error) => void = () => undefined;
  readonly #opened: Promise<void>;

  constructor() {
    super({ allowHalfOpen: true });
    this.#opened = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    // It may fail before anybody waits.
    this.#opened.catch(() => undefined);
  }

  /** Resolves with itself when the pod has told that the connection is made. */
  async begin(pipe: KubePipe, limitMs: number): Promise<this> {
    this.#pipe = pipe;
    const late = setTimeout(
      () => this.#settle(new KetError('KET_CHECK', 'the pod did not tell what became of the connection')),
      limitMs,
    );
    try {
      await this.#opened;
      return this;
    } catch (error) {
      pipe.close();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  received(chunk: Buffer): void {
    this.#taken += chunk.length;
    if (!this.push(chunk)) this.#pipe?.hold();
    this.#judge();
  }

  note(chunk: Buffer): void {
    this.#notes += chunk.toString('utf8');
    const lines = this.#notes.split('\n');
    this.#notes = lines.pop() ?? '';
    for (const line of lines) this.#heed(line);
  }

  #heed(line: string): void {
    const told = noteOf(line);
    if (told === undefined) {
      const error = new KetError('KET_CHECK', `ket-run connect: ${line.slice(0, 300)}`);
      this.#fail(error);
    } else if ('end' in told) {
      this.#whole = { bytes: told.end, error: told.error };
      this.#judge();
    } else if (told.open) {
      this.address = told.address;
      this.#isOpen = true;
      this.#settle();
    } else this.#settle(new NoConnection(told));
  }

  /** The command, or the way to it, is gone. */
  lost(error: Error | undefined): void {
    // It ends by itself only after both sides have, or when it cannot go on.
    if (!this.#ended && !this.destroyed) this.#fail(error ?? broken('the connection in the pod ended'));
  }

  #fail(error: Error): void {
    this.#settle(error);
    this.destroy(this.#isOpen ? error : undefined);
  }

  #judge(): void {
    if (this.#whole === undefined || this.#ended || this.#taken < this.#whole.bytes) return;
    this.#ended = true;
    if (this.#whole.error === undefined) this.push(null);
    else this.destroy(broken(this.#whole.error));
  }

  override _read(): void {
    this.#pipe?.go();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pipe?.write(chunk).then(
      () => done(),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#pipe?.end().then(
      () => done(),
      () => done(),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#pipe?.close();
    done(error);
  }
}

function noteOf(line: string): z.output<typeof noteSchema> | undefined {
  try {
    return noteSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

const broken = (text: string): Error => Object.assign(new Error(text), { code: 'ECONNRESET' });
