import type { Timings } from './timings.ts';

/**
 * What is known of the server's state from how requests to it went. An API server that has just started refuses
 * everyone for a moment, administrators too, until it has read its roles (seen: 403 for `kubernetes-admin` after a
 * restart); so a refusal is believed only when it stays.
 */
export class Contact {
  #answered = false;
  #sound = false;

  /** It has answered something at all. */
  get answered(): boolean {
    return this.#answered;
  }

  /** A status came. */
  answer(status: number): void {
    this.#answered = true;
    if (status < 300) this.#sound = true;
    else if (status >= 500) this.#sound = false;
  }

  /** A connection was refused, cut or silent. */
  accident(): void {
    this.#sound = false;
  }

  /** For how long a refusal must last until it is believed. */
  doubtMs(timings: Timings): number {
    return this.#sound || !this.#answered ? timings.refusedMs : timings.refusedAgainMs;
  }
}
