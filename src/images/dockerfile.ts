/** What of a Dockerfile reaches beyond its build context. */
export interface Outside {
  /** Images that it builds on or copies from, as Docker is to be asked for them. */
  readonly images: readonly string[];
  /** Why it cannot be told from here whether what it gets from outside has changed. */
  readonly unknown?: string;
}

/**
 * Reads a Dockerfile as far as that matters: the images of FROM, COPY --from and RUN --mount, with the defaults of ARG
 * and the build's own arguments filled in, and whether it fetches anything from an address.
 */
export function outsideOf(text: string, args: Readonly<Record<string, string>>): Outside {
  const known = new Map<string, string>();
  const stages = new Set<string>(['scratch']);
  const images = new Set<string>();
  let stageCount = 0;
  for (const [word = '', ...rest] of instructions(text)) {
    const line = rest.join(' ');
    switch (word.toUpperCase()) {
      case 'ARG':
        // One without a default counts as empty, unless the build gives it.
        if (stageCount === 0)
          for (const part of rest) {
            const [name, value] = cut(part, '=');
            known.set(name, args[name] ?? filled(unquoted(value), known) ?? '');
          }
        break;
      case 'FROM': {
        const [image = '', as, stage] = rest.filter((part) => !part.startsWith('--'));
        const name = filled(unquoted(image), known);
        if (name === undefined)
          return { images: [], unknown: `FROM ${image} has a variable without a value` };
        if (!stages.has(name.toLowerCase())) images.add(name);
        stages.add(String(stageCount++));
        if (as?.toLowerCase() === 'as' && stage !== undefined) stages.add(stage.toLowerCase());
        break;
      }
      case 'ADD':
        if (/(^|[\s"[,])(https?:\/\/|git@|ssh:\/\/|git:\/\/)/i.test(line))
          return { images: [], unknown: 'ADD fetches from an address' };
        break;
      case 'COPY':
      case 'RUN':
        for (const [, from = ''] of line.matchAll(/--(?:from=|mount=\S*?\bfrom=)([^\s,]+)/g)) {
          if (from.includes('$')) return { images: [], unknown: `${word} takes from ${from}` };
          if (!stages.has(from.toLowerCase())) images.add(from);
        }
        break;
      case 'ONBUILD':
        return { images: [], unknown: 'ONBUILD does something in other builds' };
    }
  }
  return { images: [...images] };
}

/** Each as its words; comments left out, continued lines joined. */
function instructions(text: string): string[][] {
  const lines = text.split(/\r?\n/).filter((line) => !/^\s*#/.test(line));
  return lines
    .join('\n')
    .replace(/[\\`][ \t]*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([word]) => word !== undefined && word !== '');
}

function cut(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + at.length)];
}

const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2');

/** `$NAME`, `${NAME}` and `${NAME:-default}`; undefined when one has no value, or another form. */
function filled(text: string, known: ReadonlyMap<string, string>): string | undefined {
  const lacking: string[] = [];
  const result = text.replace(
    /\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))/g,
    (_all, a?: string, or?: string, b?: string) => {
      const value = known.get(a ?? b ?? '') ?? '';
      if (value === '' && or === undefined) lacking.push(text);
      return value === '' ? (or ?? '') : value;
    },
  );
  return lacking.length > 0 || result.includes('$') ? undefined : result;
}
