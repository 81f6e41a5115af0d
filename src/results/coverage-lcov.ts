import { createReadStream } from 'node:fs';
import { messageOf } from '../model/errors.ts';
import { branchesOf, CoverageData, linesOf, type FileCoverage } from './coverage-data.ts';
import { FileWriter } from './write-file.ts';
import type { XmlReading } from './xml-read.ts';

const longestLine = 16 * 1024;

/** Lines of a file, without holding more than one; a line longer than any of lcov is an error. */
async function* linesIn(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of createReadStream(path, { highWaterMark: 64 * 1024 }) as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) throw new Error('a line in it is too long');
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

const number = (text: string | undefined): number | undefined =>
  /^-?\d{1,15}$/.test(text ?? '') ? Math.max(0, Number(text)) : undefined;

/** One line of a record. */
function take(data: CoverageData, file: FileCoverage, key: string, value: string): void {
  const parts = value.split(',');
  const [first, second] = parts;
  if (key === 'DA') {
    const line = number(first);
    const hits = number(second);
    if (line !== undefined && hits !== undefined) data.addLine(file, line, hits);
  } else if (key === 'BRDA' && parts.length >= 4) {
    const taken = parts.at(-1);
    data.addBranch(file, parts.slice(0, -1).join(','), taken === '-' ? undefined : number(taken));
  } else if (key === 'FN' && first !== undefined) {
    // `FN:start,name`, and `FN:start,end,name` of newer writers.
    const name = number(second) !== undefined && parts.length > 2 ? parts.slice(2) : parts.slice(1);
    data.addFunction(file, name.join(','), number(first), 0);
  } else if (key === 'FNDA' && first !== undefined)
    data.addFunction(file, parts.slice(1).join(','), undefined, number(first) ?? 0);
}

/** Reads an lcov report as a stream. Never rejects; the data is whole only when the end is `ok`. */
export async function readLcov(path: string): Promise<XmlReading & { readonly data: CoverageData }> {
  const data = new CoverageData();
  let file: FileCoverage | undefined;
  let records = 0;
  let lines = 0;
  try {
    for await (const line of linesIn(path)) {
      if (line.trim() === '') continue;
      lines++;
      const [, key, value] = /^([A-Z]+):(.*)$/.exec(line) ?? [];
      if (key === 'SF') file = data.file((value ?? '').trim());
      else if (line.trim() === 'end_of_record') {
        file = undefined;
        records++;
      } else if (key !== undefined && file !== undefined) take(data, file, key, value ?? '');
      else if (key === undefined && !line.startsWith('#')) throw new Error('it is no lcov report');
    }
  } catch (error) {
    return { end: 'unreadable', problems: [`the file cannot be read: ${messageOf(error)}`], data };
  }
  if (lines === 0) return { end: 'empty', problems: ['the file is empty'], data };
  if (file !== undefined || records === 0)
    return { end: 'cut', problems: ['the file ends within a record'], data };
  return { end: 'ok', problems: [], data };
}

/** Writes an lcov report. */
export function writeLcov(path: string, data: CoverageData): void {
  const writer = new FileWriter(path);
  for (const [name, file] of [...data.files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    // A name ends at the line's end; a record must not be ended by one.
    writer.write(`TN:\nSF:${name.replace(/[\r\n]/g, ' ')}\n`);
    const functions = [...file.functions];
    for (const [title, { line }] of functions) if (line !== undefined) writer.write(`FN:${line},${title}\n`);
    for (const [title, { hits }] of functions) writer.write(`FNDA:${hits},${title}\n`);
    if (functions.length > 0)
      writer.write(`FNF:${functions.length}\nFNH:${functions.filter(([, f]) => f.hits > 0).length}\n`);
    for (const [key, taken] of file.branches) writer.write(`BRDA:${key},${taken ?? '-'}\n`);
    const branches = branchesOf(file);
    if (branches.total > 0) writer.write(`BRF:${branches.total}\nBRH:${branches.covered}\n`);
    for (const [line, hits] of [...file.lines].sort(([a], [b]) => a - b))
      writer.write(`DA:${line},${hits}\n`);
    const lines = linesOf(file);
    writer.write(`LF:${lines.total}\nLH:${lines.covered}\nend_of_record\n`);
  }
  writer.finish();
}
