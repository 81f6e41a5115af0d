import type { ContainerRef, FollowEnd, FollowOptions } from '../model/kube.ts';
import { asError, backoff, linked, sleep, throwIfAborted } from './abort.ts';
import { KubeError } from './error.ts';
import type { Ask, BodyEnd } from './exchange.ts';
import { consume, open } from './exchange.ts';
import { Lines } from './lines.ts';
import { LogCursor } from './log-cursor.ts';
import { Stamps, textOf } from './log-line.ts';
import { getObject } from './objects.ts';
import { podPath, queryOf } from './paths.ts';
import type { Client } from './request.ts';
import { answerOf, faultOf } from './request.ts';

/** The runtime cuts lines at 16 KiB and the kubelet joins them again, without limit. */
const maxLineBytes = 1024 * 1024;
/** Distinct notices that are kept. */
const maxNotices = 20;
/** The kubelet cannot watch the log file; reading it works (`failed to create fsnotify watcher`). */
const cannotWatch = /fsnotify|inotify/;
/** The two refusals of a log (status 400) that time does not cure. */
const wrongContainer = /is not valid for pod|container name must be specified/;

/** So many whole reads in a row must lack what was read before: a proxy that lost the kubelet ends answers properly. */
const missingReads = 3;

interface Read {
  /** The server came to the end of the log. */
  readonly whole: boolean;
  /** All that was delivered came again, or will never. */
  readonly settled: boolean;
  /** Lines that were new. */
  readonly news: number;
  readonly idle: boolean;
}

/**
 * Follows one container's log to its end, through everything that ends a stream: reconnects from a cursor, and takes
 * no end of a stream for the end of the log. The log has ended when the container had terminated before a plain read
 * from the cursor that was whole and brought nothing new.
 */
export async function follow(
  client: Client,
  container: ContainerRef,
  options: FollowOptions,
): Promise<FollowEnd> {
  const stop = linked(options.signal, client.closed);
  try {
    return await new Follower(client, container, options, stop.signal).run();
  } finally {
    stop.release();
  }
}

class Follower {
  readonly #client: Client;
  readonly #container: ContainerRef;
  readonly #options: FollowOptions;
  readonly #signal: AbortSignal;
  readonly #cursor = new LogCursor();
  readonly #stamps = new Stamps();
  readonly #notices = new Set<string>();
  #lines = 0;
  #lastNews = 0;
  /** Reads in which the API only refused, since when. */
  #refusedSince: number | undefined;
  /** Following has been seen not to work here. */
  #polling = false;
  #wedged = 0;
  #missing = 0;

  constructor(client: Client, container: ContainerRef, options: FollowOptions, signal: AbortSignal) {
    this.#client = client;
    this.#container = container;
    this.#options = options;
    this.#signal = signal;
  }

  async run(): Promise<FollowEnd> {
    const { timings, random } = this.#client;
    let finishedSince: number | undefined;
    let failures = 0;
    let probe = false;
    for (;;) {
      throwIfAborted(this.#signal);
      const finished = this.#options.finished();
      if (finished) finishedSince ??= performance.now();
      if (
        finishedSince !== undefined &&
        performance.now() - Math.max(finishedSince, this.#lastNews) > timings.drainMs
      ) {
        this.#notice(`the rest of the log could not be read within ${timings.drainMs / 1000} s`);
        return this.#end(false);
      }
      const plain = finished || probe || this.#polling;
      try {
        const read = await this.#read(!plain, finished);
        failures = 0;
        if (finished && read.whole && read.settled && read.news === 0) return this.#end(true);
        if (probe) this.#judgeProbe(read);
        probe = read.idle;
        if (read.settled && (finished || probe || read.news > 0)) continue;
        await this.#pause(this.#polling ? timings.pollMs : timings.reopenMs);
      } catch (error) {
        throwIfAborted(this.#signal);
        if (!(error instanceof KubeError)) throw error;
        failures += 1;
        const verdict = await this.#judge(error, finished);
        if (verdict === 'gone') return this.#end(false);
        if (verdict === 'never-started') return this.#end(true);
        const pause =
          verdict === 'waiting'
            ? timings.startPollMs
            : Math.max(
                error.retryAfterMs ?? 0,
                backoff(failures, timings.reopenMs, timings.retryMaxMs, random),
              );
        await this.#pause(pause);
      }
    }
  }

  /** One request, from the cursor on. Rejects with a KubeError when the log was refused. */
  async #read(following: boolean, last: boolean): Promise<Read> {
    const { connection, timings } = this.#client;
    const { namespace, pod, container } = this.#container;
    const ask: Ask = {
      method: 'GET',
      path: `${podPath(namespace, pod, 'log')}${queryOf({
        container,
        timestamps: true,
        follow: following || undefined,
        sinceTime: this.#cursor.since,
      })}`,
    };
    this.#cursor.restart();
    const before = this.#lines;
    const lines = new Lines(maxLineBytes);
    const onLine = (line: Buffer, dropped: number): void => this.#line(line, dropped);
    // A followed log sends nothing, not even its headers, before the first line.
    const idleMs = following ? timings.logIdleMs : timings.answerMs;
    const stop = linked(this.#signal);
    let lastByte = performance.now();
    const fault: { error?: Error } = {};
    const look = setInterval(() => {
      if (!following || performance.now() - lastByte < timings.drainIdleMs) return;
      try {
        if (this.#options.finished()) stop.abort();
      } catch (error) {
        fault.error = asError(error);
        stop.abort();
      }
    }, timings.finishedPollMs);
    let body: BodyEnd;
    try {
      const response = await open(connection, ask, idleMs, stop.signal);
      if (response.statusCode !== 200) await answerOf(this.#client, ask, response, stop.signal);
      this.#refusedSince = undefined;
      body = await consume(
        connection,
        response,
        (chunk) => {
          lastByte = performance.now();
          lines.push(chunk, onLine);
          const room = this.#options.room?.();
          if (room === undefined) return;
          // What is not read is no silence.
          lastByte = Infinity;
          return room.then(() => {
            lastByte = performance.now();
          });
        },
        idleMs,
        stop.signal,
      );
    } catch (error) {
      throwIfAborted(this.#signal);
      if (stop.signal.aborted) body = { how: 'stopped' };
      else if (following && error instanceof KubeError && error.reason === 'SILENCE') body = { how: 'idle' };
      else throw error;
    } finally {
      clearInterval(look);
      stop.release();
    }
    throwIfAborted(this.#signal);
    if (fault.error !== undefined) throw fault.error;
    const whole = body.how === 'end' && !following;
    if (body.how === 'end') this.#rest(lines.rest().line, last);
    return {
      whole,
      settled: !whole || this.#settle(),
      news: this.#lines - before,
      idle: following && body.how === 'idle',
    };
  }

  /** A whole read that lacks lines is doubted at first. */
  #settle(): boolean {
    this.#missing = this.#cursor.missing ? this.#missing + 1 : 0;
    if (this.#missing >= missingReads) this.#cursor.giveUp();
    return this.#missing === 0 || this.#cursor.lost;
  }

  /**
   * What came after the last newline. It is a line only when nothing can follow it any more; until then it is left
   * and read again. A message of the kubelet has no newline and counts always.
   */
  #rest(bytes: Buffer, last: boolean): void {
    if (bytes.length > 0 && (last || this.#stamps.parse(bytes) === undefined)) this.#line(bytes, 0);
  }

  #line(bytes: Buffer, dropped: number): void {
    const line = this.#stamps.parse(bytes);
    if (line === undefined) {
      const text = bytes.toString('utf8').trim();
      if (text !== '') this.#notice(`the kubelet says: ${text}`);
      if (cannotWatch.test(text)) this.#polling = true;
      return;
    }
    if (!this.#cursor.accept(line)) return;
    if (dropped > 0) this.#notice(`a line of more than ${maxLineBytes} bytes was shortened in the live log`);
    const seq = this.#lines;
    this.#lines += 1;
    this.#lastNews = performance.now();
    this.#options.onLine({ seq, printed: line.printed, text: textOf(line) });
  }

  /** A stream was silent, and a plain read beside it was not: the stream is broken (kubernetes #115701, #126564). */
  #judgeProbe(read: Read): void {
    if (read.news === 0) return;
    this.#wedged += 1;
    this.#notice(`the log stream was silent while the container printed ${read.news} lines`);
    if (this.#wedged > 1) this.#polling = true;
  }

  /** What a refusal means; throws what time does not cure. */
  async #judge(error: KubeError, finished: boolean): Promise<'waiting' | 'retry' | 'gone' | 'never-started'> {
    const { connection, timings } = this.#client;
    if (error.status === 400) {
      if (wrongContainer.test(error.message)) throw error;
      return finished ? 'never-started' : 'waiting';
    }
    const refused = [401, 403, 404].includes(error.status);
    if (!refused) {
      this.#refusedSince = undefined;
      if (faultOf(error) === 'final') throw error;
      this.#notice(error.message);
      return 'retry';
    }
    const now = performance.now();
    this.#refusedSince ??= now;
    const lasted = now - this.#refusedSince;
    if (error.status === 404) {
      if (!finished && lasted < timings.goneMs) return 'waiting';
      if (await this.#exists()) return 'retry';
      this.#notice(`the pod is gone, and with it what was not read of its log: ${error.message}`);
      return 'gone';
    }
    if (lasted >= connection.contact.doubtMs(timings)) throw error;
    return 'retry';
  }

  /** A kubelet that has just started does not find the logs of its pods for a moment. */
  async #exists(): Promise<boolean> {
    const { namespace, pod } = this.#container;
    const ref = { apiVersion: 'v1', kind: 'Pod', namespace, name: pod };
    return (await getObject(this.#client, ref, this.#signal)) !== undefined;
  }

  async #pause(ms: number): Promise<void> {
    const until = performance.now() + ms;
    // In small steps, so that the end of the container ends the pause.
    const finished = this.#options.finished();
    for (;;) {
      // Read once: the question below can take longer than what is left.
      const left = until - performance.now();
      if (left <= 0 || (!finished && this.#options.finished())) return;
      await sleep(Math.min(this.#client.timings.finishedPollMs, left), this.#signal);
    }
  }

  #notice(text: string): void {
    if (this.#notices.size < maxNotices) this.#notices.add(text);
  }

  #end(whole: boolean): FollowEnd {
    if (this.#cursor.lost) this.#notice('the log was rotated while it was not read: lines may be missing');
    return { lines: this.#lines, complete: whole && !this.#cursor.lost, notices: [...this.#notices] };
  }
}
