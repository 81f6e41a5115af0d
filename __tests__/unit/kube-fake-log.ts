import type http from 'node:http';
import type { Handler } from './kube-fake.ts';

interface Entry {
  readonly stamp: string;
  readonly text: Buffer;
  readonly newline: boolean;
}

/** How one request to the log is answered; `normal` unless told. */
export type Play =
  | { readonly as: 'normal' }
  /** The connection is reset after so many bytes of the answer. */
  | { readonly as: 'cut'; readonly afterBytes: number }
  /** Of a followed log: a proper end after so many lines, though the container runs on. */
  | { readonly as: 'eof'; readonly afterLines: number }
  /** The same of any read. */
  | { readonly as: 'short'; readonly afterLines: number }
  /** What is there is sent, later lines are not (kubernetes #115701), and it never ends. */
  | { readonly as: 'wedged' }
  /** Any handler in place of the log. */
  | { readonly as: 'instead'; readonly handler: Handler }
  /** The log as it is, then a message of the kubelet and the end. */
  | { readonly as: 'message'; readonly text: string };

/** Stamp number n; `perStamp` lines have the same one. */
export const stampOf = (n: number, zone = 'Z'): string => {
  const base = zone === 'Z' ? Date.UTC(2026, 0, 1) : Date.UTC(2026, 0, 1, 2);
  const date = new Date(base + Math.floor(n / 1e6)).toISOString().slice(0, 20);
  const nanos = String((Math.floor(n / 1e6) % 1000) * 1e6 + (n % 1e6)).padStart(9, '0');
  return `${date}${nanos}${zone}`;
};

/** The log of one container as a kubelet serves it: stamps, `sinceTime` in whole seconds, follow. */
export class FakeLog {
  finished = false;
  readonly asked: URLSearchParams[] = [];
  readonly #entries: Entry[] = [];
  /** Where the newest file begins. */
  #first = 0;
  readonly #plays: Play[];
  readonly #open = new Set<() => void>();

  constructor(plays: readonly Play[] = []) {
    this.#plays = [...plays];
  }

  print(stamp: string, text: string | Buffer, newline = true): void {
    this.#entries.push({ stamp, text: Buffer.from(text), newline });
    for (const wake of this.#open) wake();
  }

  /** The container ends: follows end by themselves unless `lazy` (the real kubelet looks every 5 s). */
  finish(lazy = false): void {
    this.finished = true;
    if (!lazy) for (const wake of [...this.#open]) wake();
  }

  /** The log file is rotated: what was printed before is no longer served. */
  rotate(keepLast = 0): void {
    this.#first = this.#entries.length - keepLast;
  }

  readonly handler: Handler = (request, response, url) => {
    this.asked.push(url.searchParams);
    const play = this.#plays.shift() ?? { as: 'normal' };
    if (play.as === 'instead') return play.handler(request, response, url);
    this.#serve(response, url.searchParams, play);
    return undefined;
  };

  #serve(response: http.ServerResponse, query: URLSearchParams, play: Play): void {
    const since = query.get('sinceTime');
    const from = since === null ? -Infinity : Date.parse(since);
    const most =
      play.as === 'short' || (play.as === 'eof' && query.get('follow') !== null) ? play.afterLines : Infinity;
    let next = this.#first;
    let sentLines = 0;
    let sentBytes = 0;
    const wake = (): void => {
      for (; next < this.#entries.length; next += 1) {
        const entry = this.#entries[next];
        if (entry === undefined || Date.parse(entry.stamp) < from) continue;
        if (sentLines >= most) break;
        const line = Buffer.concat([
          Buffer.from(`${entry.stamp} `),
          entry.text,
          Buffer.from(entry.newline ? '\n' : ''),
        ]);
        if (play.as === 'cut' && sentBytes + line.length > play.afterBytes) {
          response.write(line.subarray(0, play.afterBytes - sentBytes));
          this.#open.delete(wake);
          setTimeout(() => response.socket?.resetAndDestroy(), 2);
          return;
        }
        response.write(line);
        sentLines += 1;
        sentBytes += line.length;
      }
      if (play.as === 'wedged') this.#open.delete(wake);
      else if (play.as === 'message') {
        response.write(play.text);
        end();
      } else if (
        query.get('follow') === null ||
        this.finished ||
        (play.as === 'eof' && sentLines >= play.afterLines)
      )
        end();
    };
    const end = (): void => {
      this.#open.delete(wake);
      response.end();
    };
    this.#open.add(wake);
    response.on('close', () => this.#open.delete(wake));
    wake();
  }
}
