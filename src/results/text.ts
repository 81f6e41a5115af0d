/** Text from test files, made bounded: what is kept of it is copied, so that it does not hold its whole file in memory. */

/** A copy of its own: a slice of a string keeps the string that it was sliced from. */
function own(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

/** The longest prefix of the bytes that ends between two characters. */
function wholeCharacters(bytes: Buffer, limit: number): number {
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}

/** The beginning of a text, at most `limit` bytes of UTF-8 with the mark that says that it was cut. */
export function clip(text: string, limit: number, mark = ' …'): string {
  // No character takes more than 3 bytes per UTF-16 unit: most texts need no counting.
  const bytes = Buffer.from(text.length > limit ? text.slice(0, limit) : text, 'utf8');
  if (bytes.length <= limit && text.length <= limit) return bytes.toString('utf8');
  const room = Math.max(0, limit - Buffer.byteLength(mark));
  return own(bytes.toString('utf8', 0, wholeCharacters(bytes, Math.min(room, bytes.length))) + mark);
}

/** The beginning and the end of a text, together at most `limit` bytes of UTF-8, with a line that says what is missing. */
export function clipMiddle(text: string, limit: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= limit) return bytes.toString('utf8');
  const mark = (left: number): string => `\n… ${left} bytes left out …\n`;
  const room = Math.max(0, limit - Buffer.byteLength(mark(bytes.length)));
  const head = wholeCharacters(bytes, Math.floor(room / 2));
  let tail = bytes.length - (room - Math.floor(room / 2));
  while (tail < bytes.length && ((bytes[tail] ?? 0) & 0xc0) === 0x80) tail++;
  return own(bytes.toString('utf8', 0, head) + mark(tail - head) + bytes.toString('utf8', tail));
}
