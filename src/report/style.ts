/** Colours for people: only where a terminal shows them and nobody asked for none (https://no-color.org). */

const codes = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
  grey: 90,
} as const;
export type Colour = keyof typeof codes;

export type Style = (colour: Colour, text: string) => string;

export interface StyleInput {
  readonly isTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const noStyle: Style = (_colour, text) => text;

export function styleFor({ isTTY, env }: StyleInput): Style {
  const off = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  const forced = !['', '0', 'false'].includes(env['FORCE_COLOR'] ?? '');
  if (off || !(isTTY || forced)) return noStyle;
  return (colour, text) => (text === '' ? '' : `\u001b[${codes[colour]}m${text}\u001b[0m`);
}

const suiteColours = ['cyan', 'magenta', 'yellow', 'blue', 'green'] as const;

/** The colour of a suite's log lines: by its name, so that it is the same in every run. */
export function suiteColour(name: string): Colour {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return suiteColours[hash % suiteColours.length] ?? 'cyan';
}
