import { readJUnitFrom, type JUnitReading } from '../../../src/results/junit-read.ts';

/** Reads a document in so many pieces. */
export const read = (xml: string | Buffer, pieces = 1): Promise<JUnitReading> => {
  const bytes = Buffer.from(xml);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  const list: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) list.push(bytes.subarray(at, at + size));
  return readJUnitFrom(list);
};
