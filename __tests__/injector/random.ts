import { createHash } from 'node:crypto';

/** Numbers that a seed decides. */
export interface Random {
  /** A whole number from 0 up to `below`. */
  below(below: number): number;
  /** One of them. */
  one<T>(choices: readonly T[]): T;
}

/** A stream of its own for each text: the n-th number is the start of SHA-256(text, n). */
export function randomOf(text: string): Random {
  let n = 0;
  const below = (limit: number): number => {
    n += 1;
    const word = createHash('sha256').update(`${text}/${n}`).digest().readUIntBE(0, 6);
    return word % limit;
  };
  return {
    below,
    one(choices) {
      const chosen = choices[below(choices.length)];
      if (chosen === undefined) throw new Error('there is nothing to choose from');
      return chosen;
    },
  };
}
