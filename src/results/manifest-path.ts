import { createHash } from 'node:crypto';

/** What is odd about a name, though it can be stored. */
export type PathNote =
  /** Holds bytes that are not UTF-8, or control characters: stored under an encoded name. */
  | 'encoded'
  /** Cannot exist on Windows, or in an artifact of GitHub. */
  | 'windows-unsafe';

const limits = { path: 4096, name: 255, local: 1024 };

const windowsReserved = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i;
const windowsForbidden = /[<>:"|?*\\]|[. ]$/;

function windowsUnsafe(name: string): boolean {
  return windowsReserved.test(name) || windowsForbidden.test(name);
}

/** A path of a manifest is data from a pod: it may only name something beneath its folder. */
export function checkPath(
  raw: Buffer,
): { readonly notes: readonly PathNote[] } | { readonly refused: string } {
  if (raw.length === 0) return { refused: 'it is empty' };
  if (raw.length > limits.path) return { refused: `it is longer than ${limits.path} bytes` };
  if (raw.includes(0)) return { refused: 'it holds a NUL byte' };
  if (raw[0] === 0x2f) return { refused: 'it is absolute' };
  const notes = new Set<PathNote>();
  for (const name of raw.toString('latin1').split('/')) {
    if (name === '..') return { refused: 'it holds ..' };
    if (name === '' || name === '.') return { refused: 'it holds an empty name or .' };
    if (name.length > limits.name) return { refused: `a name in it is longer than ${limits.name} bytes` };
    if (windowsUnsafe(name)) notes.add('windows-unsafe');
    if (localName(Buffer.from(name, 'latin1')) !== Buffer.from(name, 'latin1').toString('utf8'))
      notes.add('encoded');
  }
  return { notes: [...notes] };
}

const percent = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

/**
 * A name that is good on any file system here, and different for different names: control characters, bytes that are
 * not UTF-8, backslashes, and a `%` that would read as such an encoding are written as `%XX`.
 */
function localName(raw: Buffer): string {
  let text = '';
  for (const char of raw.toString('utf8').replace(/%(?=[0-9A-Fa-f]{2})/g, '%25')) {
    const code = char.codePointAt(0) ?? 0;
    text += code < 0x20 || code === 0x7f || char === '\\' ? percent(code) : char;
  }
  const valid = Buffer.from(raw.toString('utf8'), 'utf8').equals(raw);
  if (!valid)
    text = [...raw]
      .map((b) => (b > 0x20 && b < 0x7f && b !== 0x25 && b !== 0x5c ? String.fromCharCode(b) : percent(b)))
      .join('');
  if (Buffer.byteLength(text) <= limits.name) return text;
  return `${Buffer.from(text)
    .toString('utf8', 0, 150)
    .replace(/\ufffd+$/, '')}~${hash(raw)}`;
}

const hash = (raw: Buffer): string => createHash('sha256').update(raw).digest('hex').slice(0, 24);

/** The relative path, with `/`, under which a file of a manifest is stored here. */
export function localPath(raw: Buffer): string {
  const names = raw.toString('latin1').split('/');
  const local = names.map((name) => localName(Buffer.from(name, 'latin1'))).join('/');
  if (Buffer.byteLength(local) <= limits.local) return local;
  return `~long/${hash(raw)}`;
}
