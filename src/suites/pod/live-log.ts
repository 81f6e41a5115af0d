import fs from 'node:fs';
import { messageOf } from '../../model/errors.ts';
import type { EventBody } from '../../model/events.ts';
import type { ContainerRef, FollowEnd, Kube } from '../../model/kube.ts';
import type { AttemptId } from '../names.ts';

/** Stands in for the collected console.log when that cannot be had. */
export const liveLogFile = 'console.live.log';

export interface LiveLog {
  /** Undefined while it goes on, and when it was cut short. */
  ended(): FollowEnd | undefined;
  /** All lines that came are in the file; asked after its end. */
  stored(): boolean;
  /** Gives it so long to reach its own end, then cuts it. */
  end(withinMs: number): Promise<void>;
}

export interface LiveLogOptions {
  readonly kube: Kube;
  readonly container: ContainerRef;
  readonly finished: () => boolean;
  readonly file: string;
  readonly id: AttemptId;
  /** Of the pod, where the attempt has several. */
  readonly index?: number;
  readonly emit: (event: EventBody) => void;
  readonly room?: () => Promise<void> | undefined;
}

/** Follows a container's log: each line goes out as an event at once, and into a file. */
export function followLive(options: LiveLogOptions): LiveLog {
  const { suite, attempt } = options.id;
  const of = { suite, attempt, ...(options.index === undefined ? {} : { index: options.index }) };
  const out = fs.openSync(options.file, 'w', 0o600);
  // The collected log is the one that counts; a full disk shows there.
  let broken = false;
  let waiting = '';
  // At once, and what came together in one piece: lines that wait for a stream of their own would fill the memory.
  const store = (): void => {
    const text = waiting;
    waiting = '';
    if (broken || text === '') return;
    try {
      fs.writeFileSync(out, text);
    } catch (error) {
      broken = true;
      options.emit({
        type: 'notice',
        level: 'warning',
        text: `the live log of ${suite} cannot be stored: ${messageOf(error)}`,
      });
    }
  };
  const stop = new AbortController();
  let end: FollowEnd | undefined;
  const done = options.kube
    .follow(options.container, {
      finished: options.finished,
      signal: stop.signal,
      ...(options.room === undefined ? {} : { room: options.room }),
      onLine: (line) => {
        if (waiting === '') setImmediate(store);
        waiting += line.text + '\n';
        const { seq, text, printed } = line;
        options.emit({ type: 'log', ...of, number: seq + 1, line: text, printed });
      },
    })
    .then((value) => {
      end = value;
    })
    .catch((error: unknown) => {
      if (!stop.signal.aborted)
        options.emit({
          type: 'notice',
          level: 'warning',
          text: `the live log of ${suite} broke off: ${messageOf(error)}`,
        });
    });
  return {
    ended: () => end,
    stored: () => !broken,
    async end(withinMs) {
      const timer = setTimeout(() => stop.abort(), withinMs);
      await done;
      clearTimeout(timer);
      store();
      fs.closeSync(out);
    },
  };
}
