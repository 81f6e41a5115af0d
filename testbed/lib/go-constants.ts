/**
 * Reads string constants of a Go file. kind's storage manifest is such a
 * constant; reading it from the module keeps it out of this repository.
 */
const part = /`([^`]*)`|"((?:[^"\\\n]|\\.)*)"|([A-Za-z_]\w*)/y;

/** The value of `const <name> = …`, where … joins literals and other constants by `+`. */
export function goConstant(source: string, name: string): string {
  const head = new RegExp(`\\bconst ${name} = `).exec(source);
  if (!head)
    throw new Error(`no constant ${name} in the Go source: does this version of kind keep it elsewhere?`);
  let at = head.index + head[0].length;
  let value = '';
  for (;;) {
    part.lastIndex = at;
    const found = part.exec(source);
    if (!found) throw new Error(`constant ${name} is not a plain string`);
    const [all, raw, quoted, reference] = found;
    value +=
      raw ??
      (quoted !== undefined ? (JSON.parse(`"${quoted}"`) as string) : goConstant(source, reference ?? ''));
    at += all.length;
    const plus = /^\s*\+\s*/.exec(source.slice(at));
    if (!plus) return value;
    at += plus[0].length;
  }
}
