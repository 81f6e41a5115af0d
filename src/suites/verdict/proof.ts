import fs from 'node:fs';
import path from 'node:path';
import { findJUnit } from '../../results/junit-find.ts';
import { readJUnit } from '../../results/junit-read.ts';
import type { JUnitCase } from '../../results/junit-case.ts';
import { addCounts, noCounts } from '../../model/outcome.ts';
import type { JunitProof } from './evidence.ts';

export interface ResultsReading {
  readonly proof: JunitProof;
  readonly cases: readonly JUnitCase[];
  /** Absolute paths of the JUnit files. */
  readonly files: readonly string[];
  /** What was odd in them. */
  readonly problems: readonly string[];
}

/** Worse ends hide better ones: one cut file among ten makes the whole unproved. */
const order = ['ok', 'empty', 'unreadable', 'cut'] as const;

/** Reads every JUnit file of a results folder. */
export async function readResults(folder: string): Promise<ResultsReading> {
  return readJUnitFiles(fs.existsSync(folder) ? await findJUnit(folder) : [], folder);
}

/**
 * Reads the given JUnit files. One that was last written before `since` (unix ms) is stale: it tells of an earlier run.
 */
export async function readJUnitFiles(
  files: readonly string[],
  base: string,
  since?: number,
): Promise<ResultsReading> {
  let state: JunitProof['state'] = files.length === 0 ? 'missing' : 'ok';
  let detail: string | undefined;
  let counts = noCounts;
  const cases: JUnitCase[] = [];
  const failedNames: string[] = [];
  const problems: string[] = [];
  for (const file of files) {
    const name = path.relative(base, file);
    if (since !== undefined && fs.statSync(file).mtimeMs < since) {
      state = 'stale';
      detail = name;
      continue;
    }
    const reading = await readJUnit(file, {
      onCase: (found) => {
        if ((found.status === 'failed' || found.status === 'error') && failedNames.length < 10)
          failedNames.push(found.name);
      },
    });
    counts = addCounts(counts, reading.counts);
    for (const found of reading.cases) cases.push(found);
    problems.push(...reading.problems.map((problem) => `${name}: ${problem}`));
    if (reading.end === 'ok' || state === 'stale') continue;
    const end = reading.end === 'missing' ? 'unreadable' : reading.end;
    if (order.indexOf(end) > order.indexOf(state === 'missing' ? 'ok' : state)) {
      state = end;
      detail = name;
    }
  }
  return {
    proof: { state, counts, failedNames, ...(detail === undefined ? {} : { detail }) },
    cases,
    files,
    problems,
  };
}

/** What the JUnit of several pods comes to: the worst state, all counts. One without a file has no proof. */
export function addProofs(proofs: readonly JunitProof[]): JunitProof {
  const worst = proofs.toSorted((a, b) => worse.indexOf(a.state) - worse.indexOf(b.state))[0];
  return {
    state: worst?.state ?? 'missing',
    counts: proofs.reduce((sum, proof) => addCounts(sum, proof.counts), noCounts),
    failedNames: proofs.flatMap((proof) => proof.failedNames).slice(0, 10),
    ...(worst?.detail === undefined ? {} : { detail: worst.detail }),
  };
}

const worse: readonly JunitProof['state'][] = ['missing', 'stale', 'cut', 'unreadable', 'empty', 'ok'];
