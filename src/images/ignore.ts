import path from 'node:path';

/** Which paths of a build context a `.dockerignore` leaves out, as BuildKit reads it. */
export interface Ignore {
  /** `file` relative to the context, with `/`. */
  isOut(file: string): boolean;
  /** Whether nothing below a folder that is out can come in again. */
  readonly folderIsFinal: boolean;
}

interface Pattern {
  readonly back: boolean;
  readonly matches: RegExp;
}

/**
 * Reads the text of a `.dockerignore`. The last pattern that matches a path, or a folder above it, decides. A pattern
 * that is not read here (`[a-z]`) leaves nothing out, or with `!` brings all in again: what is looked at too much costs a
 * build, what is looked at too little would be old code.
 */
export function ignoreOf(text: string): Ignore {
  const patterns = text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line) => patternOf(line));
  return {
    folderIsFinal: patterns.every(({ back }) => !back),
    isOut(file) {
      const parts = file.split('/');
      const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
      let out = false;
      for (const { back, matches } of patterns)
        if (prefixes.some((prefix) => matches.test(prefix))) out = !back;
      return out;
    },
  };
}

function patternOf(line: string): Pattern[] {
  if (line.startsWith('#')) return [];
  const text = line.trim();
  const back = text.startsWith('!');
  const given = back ? text.slice(1).trim() : text;
  if (given === '') return [];
  const clean = path.posix.normalize(given).replace(/(.)\/$/, '$1');
  const matches = regexOf(clean.length > 1 ? clean.replace(/^\//, '') : clean);
  if (matches !== undefined) return [{ back, matches }];
  return back ? [{ back, matches: /^/ }] : [];
}

const special = /[.+()|{}$^]/;

/** The pattern as an expression for whole paths; undefined for one with a class of characters, or cut short. */
function regexOf(pattern: string): RegExp | undefined {
  let text = '';
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern.charAt(i);
    if (character === '*' && pattern[i + 1] === '*') {
      i++;
      if (pattern[i + 1] === '/') i++;
      text += i + 1 >= pattern.length ? '.*' : '(.*/)?';
    } else if (character === '*') text += '[^/]*';
    else if (character === '?') text += '[^/]';
    else if (character === '\\') {
      i++;
      const next = pattern[i];
      // A pattern that ends so is refused by Docker.
      if (next === undefined) return undefined;
      text += /\w/.test(next) ? next : `\\${next}`;
    } else if (character === '[' || character === ']') return undefined;
    else text += special.test(character) ? `\\${character}` : character;
  }
  return new RegExp(`^${text}$`, 's');
}
