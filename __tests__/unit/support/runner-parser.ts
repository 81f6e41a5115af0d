/**
 * How a GitHub runner and act take commands out of what a step prints, written down anew from what is documented of
 * them: which lines they see, what they recognise, and what they do while commands are stopped.
 */

/** The commands that a runner knows. */
const known = [
  ...['set-env', 'set-output', 'save-state', 'add-path', 'add-mask', 'add-matcher', 'remove-matcher'],
  ...['debug', 'warning', 'error', 'notice', 'echo', 'group', 'endgroup', 'stop-commands'],
];

/** .NET ends a line at LF, CR, and CR LF. */
const lines = (text: string): string[] => text.split(/\r\n|\r|\n/);

/** What .NET's `Char.IsWhiteSpace` says yes to; a zero-width space and a byte order mark are not among it. */
const leading = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

interface Command {
  readonly name: string;
  readonly data: string;
}

/** `::name props::data`, after white space. */
function parse(line: string, names: ReadonlySet<string>): Command | undefined {
  const text = line.replace(leading, '');
  if (!text.startsWith('::')) return undefined;
  const end = text.indexOf('::', 2);
  if (end < 0) return undefined;
  const name = text.slice(2, end).split(' ', 1)[0]?.toLowerCase() ?? '';
  return names.has(name) ? { name, data: text.slice(end + 2) } : undefined;
}

/** `##[name props]data`, anywhere. */
function parseOld(line: string, names: ReadonlySet<string>): Command | undefined {
  const start = line.indexOf('##[');
  const end = start < 0 ? -1 : line.indexOf(']', start);
  if (end < 0) return undefined;
  const name =
    line
      .slice(start + 3, end)
      .split(' ', 1)[0]
      ?.toLowerCase() ?? '';
  return names.has(name) ? { name, data: line.slice(end + 1) } : undefined;
}

/** The commands that a runner acts on, as `name data`, without those that stop and resume. */
export function runnerActsOn(printed: string): string[] {
  const names = new Set(known);
  const acted: string[] = [];
  let token: string | undefined;
  for (const line of lines(printed)) {
    const command = parse(line, names) ?? parseOld(line, names);
    if (command === undefined) continue;
    if (token !== undefined) {
      if (command.name !== token.toLowerCase()) continue;
      names.delete(token.toLowerCase());
      token = undefined;
    } else if (command.name === 'stop-commands') {
      token = command.data;
      names.add(token.toLowerCase());
      // One that did not come from the guard is an injection.
      if (!/^[0-9a-f]{32}$/.test(token)) acted.push(`stop-commands ${token}`);
    } else acted.push(`${command.name} ${command.data}`);
  }
  return acted;
}

/** The same of act, which looks at the beginning of a line only and ends lines at LF only. */
export function actActsOn(printed: string): string[] {
  const acted: string[] = [];
  let token = '';
  for (const line of printed.split('\n')) {
    const found =
      /^::([^ ]+)(?: .+)?::([^\r\n]*)\r*$/.exec(line) ?? /^##\[([^ ]+)(?: .+)?\]([^\r\n]*)\r*$/.exec(line);
    if (found === null) continue;
    const [, name = '', data = ''] = found;
    if (token !== '') {
      if (name === token) token = '';
    } else if (name === 'stop-commands') {
      token = data;
      if (!/^[0-9a-f]{32}$/.test(token)) acted.push(`stop-commands ${token}`);
    } else if (known.includes(name)) acted.push(`${name} ${data}`);
  }
  return acted;
}
