import { posix } from 'node:path';
import { branchesOf, CoverageData, linesOf, plus, type FileCoverage, type Part } from './coverage-data.ts';
import { escapeXml } from './xml-escape.ts';
import { FileWriter } from './write-file.ts';
import { readXml, XmlRefused, type XmlElement, type XmlHandlers, type XmlReading } from './xml-read.ts';

const whole = (text: string | undefined): number | undefined =>
  /^\d{1,15}$/.test(text ?? '') ? Number(text) : undefined;

class CoberturaParser implements XmlHandlers {
  readonly data = new CoverageData();
  readonly #sources: string[] = [];
  #file: FileCoverage | undefined;
  #source = '';
  #inSource = false;

  open({ name, attributes }: XmlElement, depth: number): void {
    if (depth === 0 && (name !== 'coverage' || attributes['line-rate'] === undefined))
      throw new XmlRefused('its root element is not that of a Cobertura report');
    if (name === 'source') {
      this.#inSource = true;
      this.#source = '';
    } else if (name === 'class') this.#file = this.data.file(this.#path(attributes['filename'] ?? ''));
    else if (name === 'line' && this.#file !== undefined) this.#line(this.#file, attributes);
  }

  text(text: string): void {
    if (this.#inSource && this.#source.length < 4096) this.#source += text;
  }

  close(name: string): void {
    if (name === 'source') {
      this.#inSource = false;
      const source = this.#source.trim();
      this.#sources.push(source.length > 1 ? source.replace(/\/+$/, '') : source);
    } else if (name === 'class') this.#file = undefined;
  }

  /** With its source folder where there is just one, so that equal names in two folders stay two files. */
  #path(filename: string): string {
    const [source] = this.#sources;
    if (source === undefined || source === '' || this.#sources.length > 1) return posix.normalize(filename);
    this.data.sources.add(source);
    return posix.isAbsolute(filename) ? posix.normalize(filename) : posix.join(source, filename);
  }

  #line(file: FileCoverage, attributes: XmlElement['attributes']): void {
    const number = whole(attributes['number']);
    const hits = whole(attributes['hits']);
    if (number === undefined || hits === undefined) return;
    this.data.addLine(file, number, hits);
    const [, covered, total] = /\((\d{1,9})\/(\d{1,9})\)/.exec(attributes['condition-coverage'] ?? '') ?? [];
    if (covered !== undefined && total !== undefined)
      this.data.addCondition(file, number, Math.min(Number(covered), Number(total)), Number(total));
  }
}

/** Reads a Cobertura report as a stream. Never rejects; the data is whole only when the end is `ok`. */
export async function readCobertura(path: string): Promise<XmlReading & { readonly data: CoverageData }> {
  const parser = new CoberturaParser();
  return { ...(await readXml(path, parser, { allowDoctype: true })), data: parser.data };
}

const rate = ({ covered, total }: Part): string => (total === 0 ? '1' : (covered / total).toFixed(4));
const rates = (lines: Part, branches: Part): string =>
  `line-rate="${rate(lines)}" branch-rate="${rate(branches)}"`;

/** The folder that the names of all files were relative to, `''` where there were several or none. */
function sourceOf(data: CoverageData): string {
  const [source = ''] = data.sources;
  const all =
    data.sources.size === 1 && [...data.files.keys()].every((path) => path.startsWith(`${source}/`));
  return all ? source : '';
}

/** Writes a Cobertura report: packages are folders, classes are files. */
export function writeCobertura(path: string, data: CoverageData, timestamp: number): void {
  const totals = data.totals();
  const names = [...data.files.keys()].sort();
  const folder = sourceOf(data);
  const relative = (name: string): string => (folder === '' ? name : posix.relative(folder, name));
  const packages = Map.groupBy(names, (name) => posix.dirname(relative(name)));
  const writer = new FileWriter(path);
  writer.write('<?xml version="1.0" encoding="UTF-8"?>\n');
  writer.write(
    `<coverage ${rates(totals.lines, totals.branches)} lines-covered="${totals.lines.covered}" lines-valid="${totals.lines.total}"` +
      ` branches-covered="${totals.branches.covered}" branches-valid="${totals.branches.total}" complexity="0" version="1" timestamp="${timestamp}">\n`,
  );
  writer.write(
    `  <sources>${folder === '' ? '' : `<source>${escapeXml(folder)}</source>`}</sources>\n  <packages>\n`,
  );
  for (const [name, members] of packages) writePackage(writer, data, name, members, relative);
  writer.write('  </packages>\n</coverage>\n');
  writer.finish();
}

function writePackage(
  writer: FileWriter,
  data: CoverageData,
  folder: string,
  members: readonly string[],
  relative: (name: string) => string,
): void {
  const files = members.map((name) => ({ name, file: data.file(name) }));
  const nothing: Part = { covered: 0, total: 0 };
  const lines = files.reduce((sum, { file }) => plus(sum, linesOf(file)), nothing);
  const branches = files.reduce((sum, { file }) => plus(sum, branchesOf(file)), nothing);
  const title = escapeXml(folder === '.' ? '.' : folder.replaceAll('/', '.').replace(/^\.+/, ''));
  writer.write(`    <package name="${title}" ${rates(lines, branches)} complexity="0">\n      <classes>\n`);
  for (const { name, file } of files) {
    const filename = relative(name);
    writer.write(
      `        <class name="${escapeXml(posix.basename(filename))}" filename="${escapeXml(filename)}" ${rates(linesOf(file), branchesOf(file))} complexity="0">\n` +
        '          <methods/>\n          <lines>\n',
    );
    for (const [line, hits] of [...file.lines].sort(([a], [b]) => a - b)) {
      const condition = file.conditions.get(line);
      const branch =
        condition === undefined || condition.total === 0
          ? ''
          : ` branch="true" condition-coverage="${Math.floor((condition.covered / condition.total) * 100)}% (${condition.covered}/${condition.total})"`;
      writer.write(`            <line number="${line}" hits="${hits}"${branch}/>\n`);
    }
    writer.write('          </lines>\n        </class>\n');
  }
  writer.write('      </classes>\n    </package>\n');
}
