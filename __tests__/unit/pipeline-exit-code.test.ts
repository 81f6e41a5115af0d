import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { exitCodeOf, runOutcomeOf, type Outcome, type SuiteResult } from '../../src/model/outcome.ts';

const suite = (outcome: Outcome, over: Partial<SuiteResult> = {}): SuiteResult => ({
  outcome,
  allowSkip: false,
  executed: outcome === 'skipped' || outcome === 'cancelled' ? 0 : 1,
  ...over,
});
const passed = suite('passed');
const failed = suite('failed');
const infra = suite('infra-error');
const skipped = suite('skipped');
const notRun = suite('skipped', { skippedByNeed: true });
const may = { allowSkip: true };

describe('the exit code of a run', () => {
  test.each<[string, SuiteResult[], number, Outcome]>([
    ['all passed', [passed, passed], 0, 'passed'],
    ['flaky counts as passed', [passed, suite('flaky')], 0, 'flaky'],
    ['one failed', [passed, failed], 1, 'failed'],
    ['a failure outweighs an infra-error', [infra, failed, notRun], 1, 'failed'],
    ['a failure outweighs what was flaky', [suite('flaky'), failed], 1, 'failed'],
    ['an infra-error', [passed, infra], 3, 'infra-error'],
    ['an infra-error is not excused by allowSkip', [passed, suite('infra-error', may)], 3, 'infra-error'],
    ['skipped because of something else', [passed, notRun], 3, 'infra-error'],
    [
      'skipped because of something else is not excused by allowSkip',
      [passed, suite('skipped', { ...may, skippedByNeed: true })],
      3,
      'infra-error',
    ],
    ['one cancelled', [passed, suite('cancelled')], 130, 'cancelled'],
    ['those that the first failure stopped', [failed, suite('cancelled'), notRun], 1, 'failed'],
    ['those that the first infra-error stopped', [infra, suite('cancelled')], 3, 'infra-error'],
    ['nothing executed', [skipped, skipped], 2, 'infra-error'],
    ['nothing executed, allowed for one only', [skipped, suite('skipped', may)], 2, 'infra-error'],
    ['nothing executed, allowed for all', [suite('skipped', may)], 0, 'skipped'],
    ['one skipped, another executed', [skipped, passed], 0, 'passed'],
    ['no suite at all', [], 2, 'infra-error'],
  ])('%s', (_name, suites, code, outcome) => {
    expect(exitCodeOf(suites, false)).toBe(code);
    expect(runOutcomeOf(suites, exitCodeOf(suites, false))).toBe(outcome);
  });

  test('a cancel outweighs everything', () => {
    for (const suites of [[], [passed], [failed], [infra]]) expect(exitCodeOf(suites, true)).toBe(130);
    expect(runOutcomeOf([failed], 130)).toBe('cancelled');
  });

  const any = fc.record<SuiteResult>({
    outcome: fc.constantFrom('passed', 'failed', 'flaky', 'infra-error', 'skipped', 'cancelled'),
    allowSkip: fc.boolean(),
    executed: fc.nat(3),
    skippedByNeed: fc.boolean(),
  });

  test('0 only where nothing failed, broke or was cancelled, whatever else there is', () => {
    fc.assert(
      fc.property(fc.array(any), any, (suites, bad) => {
        fc.pre(['failed', 'infra-error', 'cancelled'].includes(bad.outcome));
        expect(exitCodeOf([...suites, bad], false)).not.toBe(0);
      }),
    );
  });

  test('the order of suites does not matter', () => {
    fc.assert(
      fc.property(fc.array(any), (suites) => {
        expect(exitCodeOf([...suites].reverse(), false)).toBe(exitCodeOf(suites, false));
      }),
    );
  });
});
