import type { RawData, WebSocket } from 'ws';
import type { KubeExecRequest } from '../model/kube.ts';
import { bytesOf, channel } from './channels.ts';
import { asError, onAbort, reasonOf } from './abort.ts';
import { KubeError, silence } from './error.ts';
import { exitCodeOf } from './exec-status.ts';
import type { Contact } from './contact.ts';
import type { Client } from './request.ts';
import type { Timings } from './timings.ts';

/**
 * A connection on which a command runs. It has ended well when the status frame came, all output before it was taken
 * by the reader, and the server closed; every other end is an error, for the output may be cut.
 */
export class ExecSession {
  readonly #timings: Timings;
  readonly #contact: Contact;
  readonly #request: KubeExecRequest;
  readonly #socket: WebSocket;
  readonly #where: string;
  readonly #signal: AbortSignal;
  /** Pieces of stdout that wait for the reader. */
  readonly #queue: Buffer[] = [];
  #reading = false;
  #status: Buffer | undefined;
  #closed = false;
  #settled = false;
  #closing: NodeJS.Timeout | undefined;
  #cause: Error | undefined;
  #lastFrame = performance.now();
  #lastData = performance.now();
  #settle: (finish: { readonly code: number } | { readonly error: Error }) => void = () => undefined;

  /** The socket is open and paused. */
  constructor(
    client: Client,
    request: KubeExecRequest,
    socket: WebSocket,
    where: string,
    signal: AbortSignal,
  ) {
    this.#timings = client.timings;
    this.#contact = client.connection.contact;
    this.#request = request;
    this.#socket = socket;
    this.#where = where;
    this.#signal = signal;
  }

  run(): Promise<number> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      let untie = (): void => undefined;
      const look = setInterval(() => this.#look(), Math.min(this.#timings.pingMs, this.#request.idleMs) / 4);
      const ping = setInterval(() => {
        if (!this.#reading && socket.readyState === socket.OPEN) socket.ping();
      }, this.#timings.pingMs);
      this.#settle = (finish) => {
        this.#settle = () => undefined;
        this.#settled = true;
        clearTimeout(this.#closing);
        clearInterval(look);
        clearInterval(ping);
        untie();
        socket.terminate();
        if ('code' in finish) resolve(finish.code);
        else reject(finish.error);
      };
      socket.on('message', (data) => this.#frame(data));
      socket.on('pong', () => (this.#lastFrame = performance.now()));
      socket.on('ping', () => (this.#lastFrame = performance.now()));
      socket.on('error', (error) => (this.#cause ??= error));
      socket.on('close', () => {
        this.#closed = true;
        this.#judge();
      });
      untie = onAbort(this.#signal, () => this.#fail(reasonOf(this.#signal)));
      this.#request.stdin?.then(
        (text) => {
          if (!this.#settled) socket.send(Buffer.concat([Buffer.of(channel.stdin), Buffer.from(text)]));
        },
        (error: unknown) => this.#fail(asError(error)),
      );
      socket.resume();
    });
  }

  #frame(data: RawData): void {
    if (this.#settled) return;
    const frame = bytesOf(data);
    const now = performance.now();
    this.#lastFrame = now;
    const rest = frame.subarray(1);
    // Servers open each channel with an empty frame.
    if (rest.length === 0) return;
    this.#lastData = now;
    if (frame[0] === channel.status) {
      this.#status = rest;
      this.#closing ??= setTimeout(() => {
        this.#closed = true;
        this.#judge();
      }, this.#timings.closeMs);
    } else if (frame[0] === channel.stderr) this.#guard(() => this.#request.onStderr?.(rest));
    else if (frame[0] === channel.stdout) {
      this.#queue.push(rest);
      if (!this.#reading) this.#read();
    }
  }

  /** Hands the queue to the reader; while it is busy the socket is paused, and so in the end the command. */
  #read(): void {
    for (
      let piece = this.#queue.shift();
      piece !== undefined && !this.#settled;
      piece = this.#queue.shift()
    ) {
      const chunk = piece;
      const busy = this.#guard(() => this.#request.onStdout(chunk));
      // Whatever else a reader returns, it has taken the piece.
      if (!(busy instanceof Promise)) continue;
      if (!this.#reading) this.#socket.pause();
      this.#reading = true;
      busy.then(
        () => this.#read(),
        (error: unknown) => this.#fail(asError(error)),
      );
      return;
    }
    if (!this.#reading) return;
    this.#reading = false;
    this.#lastFrame = performance.now();
    this.#lastData = performance.now();
    this.#socket.resume();
    this.#judge();
  }

  /** A reader that throws ends the session with its error. */
  #guard<T>(call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.#fail(asError(error));
      return undefined;
    }
  }

  #judge(): void {
    if (!this.#closed || this.#reading) return;
    if (this.#status === undefined) {
      this.#contact.accident();
      this.#fail(
        new KubeError('the connection ended before the command had told its end', {
          status: 0,
          reason: 'ConnectionLost',
          where: this.#where,
          ...(this.#cause === undefined ? {} : { cause: this.#cause }),
        }),
      );
      return;
    }
    try {
      this.#settle({ code: exitCodeOf(this.#status, this.#where) });
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #look(): void {
    if (this.#reading || this.#status !== undefined) return;
    const now = performance.now();
    const { idleMs } = this.#request;
    if (now - this.#lastData > idleMs) this.#fail(silence(this.#where, idleMs));
    else if (now - this.#lastFrame > 2 * this.#timings.pingMs)
      this.#fail(silence(this.#where, 2 * this.#timings.pingMs));
  }

  #fail(error: Error): void {
    this.#settle({ error });
  }
}
