/** The counts of a JUnit file as pytest writes it: one `testsuite`, its counts in the attributes. */
export interface JUnitCounts {
  readonly tests: number;
  readonly notPassed: number;
}

export function junitCounts(xml: string, what: string): JUnitCounts {
  if (!xml.trimEnd().endsWith('>')) throw new Error(`${what}: the JUnit file is cut`);
  const suites = [...xml.matchAll(/<testsuite\s[^>]*>/g)].map(([tag]) => tag);
  if (suites.length === 0) throw new Error(`${what}: the JUnit file has no testsuite`);
  const sum = (name: string): number =>
    suites.reduce((total, tag) => total + Number(new RegExp(`\\s${name}="(\\d+)"`).exec(tag)?.[1] ?? 0), 0);
  return { tests: sum('tests'), notPassed: sum('failures') + sum('errors') + sum('skipped') };
}

/** Passed cases of a suite; throws unless there are some and all passed. */
export function mustPass(counts: JUnitCounts, what: string): number {
  if (counts.tests === 0 || counts.notPassed > 0)
    throw new Error(`${what}: ${counts.notPassed} of ${counts.tests} test cases did not pass`);
  return counts.tests;
}
