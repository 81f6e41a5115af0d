/** What stands before the content of a file in an archive. */
export interface TarEntry {
  readonly name: string;
  readonly size: number;
  readonly type: 'file' | 'folder' | 'other';
  /** The type's letter, for what is neither. */
  readonly flag: string;
}

/** What an archive's reader does with it. `begin` returns false where the content is not wanted. */
export interface TarSink {
  begin(entry: TarEntry): Promise<boolean>;
  content(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
}

export interface TarReader {
  /** Takes the next bytes; resolves when they are dealt with, so that the sender waits for a slow disk. */
  push(chunk: Buffer): Promise<void>;
  /** Says whether the archive was whole: it ended with its end mark, or at least not within a file. */
  finish(): { readonly whole: boolean };
}

const block = 512;
/** Long names and pax records; more than this is no honest archive. */
const maxMeta = 1024 * 1024;

type State =
  | { readonly at: 'header' }
  | { readonly at: 'content'; left: number; readonly padding: number; readonly wanted: boolean }
  | {
      readonly at: 'meta';
      left: number;
      readonly padding: number;
      readonly flag: string;
      readonly parts: Buffer[];
    }
  | { readonly at: 'padding'; left: number }
  | { readonly at: 'end' };

/**
 * Reads a tar stream as it comes (ustar, GNU long names, pax), holding at most one block and one name in memory. It
 * only reads: what becomes of the entries is the sink's business.
 */
export function tarReader(sink: TarSink): TarReader {
  let state: State = { at: 'header' };
  let rest: Buffer = Buffer.alloc(0);
  let longName: string | undefined;
  let pax: ReadonlyMap<string, string> = new Map();

  const header = async (bytes: Buffer): Promise<void> => {
    if (bytes.every((byte) => byte === 0)) {
      state = { at: 'end' };
      return;
    }
    checkSum(bytes);
    const flag = String.fromCharCode(bytes[156] ?? 0).replace('\0', '0');
    const size = Number(pax.get('size') ?? number(bytes.subarray(124, 136)));
    if (!Number.isSafeInteger(size) || size < 0)
      throw new Error('the archive has an entry of impossible size');
    const padding = (block - (size % block)) % block;
    if (['L', 'K', 'x', 'g'].includes(flag)) {
      if (size > maxMeta) throw new Error('the archive has a name of impossible length');
      state = { at: 'meta', left: size, padding, flag, parts: [] };
      if (size === 0) state = { at: 'header' };
      return;
    }
    const prefix = text(bytes.subarray(345, 500));
    const short = text(bytes.subarray(0, 100));
    const ustar = bytes.toString('latin1', 257, 263) === 'ustar\0';
    const name = pax.get('path') ?? longName ?? (ustar && prefix !== '' ? `${prefix}/${short}` : short);
    longName = undefined;
    pax = new Map();
    const type = flag === '0' || flag === '7' ? 'file' : flag === '5' ? 'folder' : 'other';
    const wanted = await sink.begin({ name, size, type, flag });
    // Only files have content; of links and devices the size means nothing, as tar itself has it.
    if (type === 'other' && '12346'.includes(flag)) return;
    if (size > 0) state = { at: 'content', left: size, padding, wanted };
    else if (wanted) await sink.end();
  };

  const afterContent = (padding: number): State =>
    padding > 0 ? { at: 'padding', left: padding } : { at: 'header' };

  return {
    async push(chunk) {
      let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      rest = Buffer.alloc(0);
      while (bytes.length > 0) {
        if (state.at === 'end') return;
        if (state.at === 'header') {
          if (bytes.length < block) {
            rest = Buffer.from(bytes);
            return;
          }
          const head = bytes.subarray(0, block);
          bytes = bytes.subarray(block);
          await header(head);
          continue;
        }
        const part = bytes.subarray(0, state.left);
        bytes = bytes.subarray(part.length);
        state.left -= part.length;
        if (state.at === 'content' && state.wanted) await sink.content(part);
        if (state.at === 'meta') state.parts.push(Buffer.from(part));
        if (state.left > 0) continue;
        if (state.at === 'padding') {
          state = { at: 'header' };
          continue;
        }
        if (state.at === 'meta') {
          const value = Buffer.concat(state.parts);
          if (state.flag === 'L') longName = text(value);
          if (state.flag === 'x') pax = paxRecords(value);
        } else if (state.wanted) await sink.end();
        state = afterContent(state.padding);
      }
    },
    finish: () => ({ whole: state.at === 'end' }),
  };
}

const text = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
};

/** Octal, or GNU's base 256 for large numbers. */
function number(bytes: Buffer): number {
  if (((bytes[0] ?? 0) & 0x80) === 0) return Number.parseInt(text(bytes).trim() || '0', 8);
  let value = (bytes[0] ?? 0) & 0x7f;
  for (const byte of bytes.subarray(1)) value = value * 256 + byte;
  return value;
}

function checkSum(bytes: Buffer): void {
  let sum = 0;
  bytes.forEach((byte, index) => (sum += index >= 148 && index < 156 ? 32 : byte));
  if (sum !== number(bytes.subarray(148, 156))) throw new Error('what came is no tar archive');
}

/** `<length> <key>=<value>\n` … */
function paxRecords(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= space - at + 1) break;
    const record = bytes.toString('utf8', space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}
