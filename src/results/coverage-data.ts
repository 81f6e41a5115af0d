/** Which lines ran, per file; the same for Cobertura and lcov. */

export interface FileCoverage {
  /** Line ▸ hits. */
  readonly lines: Map<number, number>;
  /** Cobertura: line ▸ how many of its conditions were taken. */
  readonly conditions: Map<number, { readonly covered: number; readonly total: number }>;
  /** lcov: `line,block,branch` ▸ times taken; undefined for never reached. */
  readonly branches: Map<string, number | undefined>;
  /** lcov: function ▸ its line and calls. */
  readonly functions: Map<string, { readonly line: number | undefined; readonly hits: number }>;
}

export interface Part {
  readonly covered: number;
  readonly total: number;
}

export interface CoverageTotals {
  readonly files: number;
  readonly lines: Part;
  readonly branches: Part;
}

const limits = { files: 100_000, lines: 5_000_000 };

export class CoverageTooLarge extends Error {}

export class CoverageData {
  /** By path. */
  readonly files = new Map<string, FileCoverage>();
  /** Cobertura: folders that the file names were relative to. */
  readonly sources = new Set<string>();
  #lines = 0;

  file(path: string): FileCoverage {
    const known = this.files.get(path);
    if (known !== undefined) return known;
    if (this.files.size >= limits.files) throw new CoverageTooLarge(`it names over ${limits.files} files`);
    const file: FileCoverage = {
      lines: new Map(),
      conditions: new Map(),
      branches: new Map(),
      functions: new Map(),
    };
    this.files.set(path, file);
    return file;
  }

  /** A line that ran in one suite ran: the most hits of any report count. */
  addLine(file: FileCoverage, line: number, hits: number): void {
    const known = file.lines.get(line);
    if (known === undefined && ++this.#lines > limits.lines)
      throw new CoverageTooLarge(`it names over ${limits.lines} lines`);
    file.lines.set(line, Math.max(known ?? 0, hits));
  }

  addCondition(file: FileCoverage, line: number, covered: number, total: number): void {
    const known = file.conditions.get(line);
    file.conditions.set(line, {
      covered: Math.max(known?.covered ?? 0, covered),
      total: Math.max(known?.total ?? 0, total),
    });
  }

  addBranch(file: FileCoverage, key: string, taken: number | undefined): void {
    const known = file.branches.get(key);
    file.branches.set(key, known === undefined ? taken : Math.max(known, taken ?? 0));
  }

  addFunction(file: FileCoverage, name: string, line: number | undefined, hits: number): void {
    const known = file.functions.get(name);
    file.functions.set(name, { line: known?.line ?? line, hits: Math.max(known?.hits ?? 0, hits) });
  }

  /** Takes all of another report into this one. */
  merge(other: CoverageData): void {
    for (const source of other.sources) this.sources.add(source);
    for (const [path, from] of other.files) {
      const file = this.file(path);
      for (const [line, hits] of from.lines) this.addLine(file, line, hits);
      for (const [line, { covered, total }] of from.conditions) this.addCondition(file, line, covered, total);
      for (const [key, taken] of from.branches) this.addBranch(file, key, taken);
      for (const [name, { line, hits }] of from.functions) this.addFunction(file, name, line, hits);
    }
  }

  totals(): CoverageTotals {
    let lines: Part = { covered: 0, total: 0 };
    let branches: Part = { covered: 0, total: 0 };
    for (const file of this.files.values()) {
      lines = plus(lines, linesOf(file));
      branches = plus(branches, branchesOf(file));
    }
    return { files: this.files.size, lines, branches };
  }
}

export function linesOf(file: FileCoverage): Part {
  let covered = 0;
  for (const hits of file.lines.values()) if (hits > 0) covered++;
  return { covered, total: file.lines.size };
}

export function branchesOf(file: FileCoverage): Part {
  let covered = 0;
  let total = file.branches.size;
  for (const taken of file.branches.values()) if ((taken ?? 0) > 0) covered++;
  for (const condition of file.conditions.values()) {
    covered += condition.covered;
    total += condition.total;
  }
  return { covered, total };
}

export const plus = (a: Part, b: Part): Part => ({
  covered: a.covered + b.covered,
  total: a.total + b.total,
});

/** Percent with one decimal, rounded down: 100 means all of it. Undefined where there is nothing to cover. */
export function percent({ covered, total }: Part): number | undefined {
  return total === 0 ? undefined : Math.floor((covered / total) * 1000) / 10;
}
