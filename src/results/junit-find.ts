import { basename } from 'node:path';
import { findFiles } from './find-files.ts';
import { rootOf } from './xml-read.ts';

/** Names of other reports in XML, for files that are so broken that their root does not tell. */
const otherReport = /coverage|cobertura|jacoco|clover|checkstyle|pom\.xml$/i;

/**
 * The JUnit files beneath a results folder: by their root element, whatever their name. An XML file whose root cannot
 * be told (empty, cut, not XML) is taken for JUnit too: the file that a crash cut short must not be overlooked.
 */
export async function findJUnit(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of await findFiles(folder, (name) => name.toLowerCase().endsWith('.xml'))) {
    const root = await rootOf(path);
    const isJUnit =
      root === undefined ? !otherReport.test(basename(path)) : root === 'testsuite' || root === 'testsuites';
    if (isJUnit) found.push(path);
  }
  return found;
}
