import { basename, join, relative } from 'node:path';
import { messageOf } from '../model/errors.ts';
import { CoverageData, type CoverageTotals } from './coverage-data.ts';
import { readCobertura, writeCobertura } from './coverage-cobertura.ts';
import { readLcov, writeLcov } from './coverage-lcov.ts';
import { findFiles } from './find-files.ts';
import { readXml, XmlEnough, type XmlReading } from './xml-read.ts';

export interface CoverageFile {
  readonly path: string;
  readonly format: 'cobertura' | 'lcov';
}

/** Merged coverage of a run in one format. */
export interface MergedCoverage extends CoverageTotals {
  readonly format: CoverageFile['format'];
  /** Absolute path of the merged report. */
  readonly path: string;
  /** How many reports it was merged from. */
  readonly reports: number;
}

async function isCobertura(path: string): Promise<boolean> {
  let found = false;
  const look = {
    open({
      name,
      attributes,
    }: {
      name: string;
      attributes: Readonly<Record<string, string | undefined>>;
    }): void {
      found = name === 'coverage' && attributes['line-rate'] !== undefined;
      throw new XmlEnough();
    },
  };
  await readXml(path, look, { allowDoctype: true });
  return found;
}

/** The coverage reports beneath a folder: Cobertura by their root element, lcov by their name. */
export async function findCoverage(folder: string): Promise<CoverageFile[]> {
  const found: CoverageFile[] = [];
  for (const path of await findFiles(folder, (name) => /\.(xml|info|lcov)$/i.test(name))) {
    if (!/\.xml$/i.test(path)) found.push({ path, format: 'lcov' });
    // A broken file with the usual name is found too, so that it is told and not overlooked.
    else if ((await isCobertura(path)) || /^(cobertura[\w.-]*|coverage)\.xml$/i.test(basename(path)))
      found.push({ path, format: 'cobertura' });
  }
  return found;
}

/**
 * Merges all reports of a format into one file of the run's folder (`coverage.xml`, `lcov.info`). A report that is not
 * whole is left out and told: half of it would understate what ran.
 */
export async function mergeCoverage(
  files: readonly CoverageFile[],
  folder: string,
  now: number,
): Promise<{ readonly merged: readonly MergedCoverage[]; readonly problems: readonly string[] }> {
  const merged: MergedCoverage[] = [];
  const problems: string[] = [];
  for (const format of ['cobertura', 'lcov'] as const) {
    const data = new CoverageData();
    let reports = 0;
    for (const file of files.filter((f) => f.format === format)) {
      const reading: XmlReading & { data: CoverageData } = await (
        format === 'lcov' ? readLcov : readCobertura
      )(file.path);
      const fault =
        reading.end === 'ok' ? mergeFault(data, reading.data) : (reading.problems[0] ?? reading.end);
      if (fault === undefined) reports++;
      else problems.push(`the coverage in ${relative(folder, file.path)} is left out: ${fault}`);
    }
    if (reports === 0) continue;
    const path = join(folder, format === 'lcov' ? 'lcov.info' : 'coverage.xml');
    if (format === 'lcov') writeLcov(path, data);
    else writeCobertura(path, data, now);
    merged.push({ format, path, reports, ...data.totals() });
  }
  return { merged, problems };
}

function mergeFault(into: CoverageData, from: CoverageData): string | undefined {
  try {
    into.merge(from);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
