/** Plain lines with times: they read the same in a terminal and in a CI log. */
import { tail } from './proc.ts';

const started = performance.now();
const heartbeatMs = 15_000;

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function say(text: string): void {
  const at = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`[${at}] ${text}\n`);
}

export function sinceStart(): number {
  return performance.now() - started;
}

interface Running {
  readonly title: string;
  readonly since: number;
  readonly log: string;
}

/** Says every 15 s what is under way, how long, and the last line of its log. */
export class Heartbeat {
  readonly #running = new Map<string, Running>();
  #timer: NodeJS.Timeout | undefined;

  start(id: string, title: string, log: string): void {
    this.#running.set(id, { title, since: performance.now(), log });
    this.#timer ??= setInterval(() => this.#beat(), heartbeatMs).unref();
  }

  end(id: string): number {
    const entry = this.#running.get(id);
    this.#running.delete(id);
    if (this.#running.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    return entry ? performance.now() - entry.since : 0;
  }

  #beat(): void {
    for (const { title, since, log } of this.#running.values()) {
      const last = tail(log, 1)[0]?.trim().slice(0, 90) ?? '';
      say(`  … ${title}, ${seconds(performance.now() - since)}${last ? `: ${last}` : ''}`);
    }
  }
}
