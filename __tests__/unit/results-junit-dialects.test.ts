import { describe, expect, test } from '@jest/globals';
import { caseInfo, durationMs } from '../../src/results/junit-case.ts';
import type { JUnitReading } from '../../src/results/junit-read.ts';
import { read } from './support/junit.ts';

const brief = (reading: JUnitReading): string[] =>
  reading.cases.map((c) =>
    [
      c.status,
      c.flaky.length > 0 ? `flaky×${c.flaky.length}` : '',
      [...c.suites, c.classname, c.name].filter(Boolean).join('/'),
      c.message ?? '',
    ]
      .filter((part) => part !== '')
      .join(' | '),
  );

describe('dialects', () => {
  test.each([
    [
      'pytest: skip, set-up error, two failures of one case, xfail',
      `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="15" time="0.5">
        <testcase classname="tests.test_a" name="test_ok" time="0.012"/>
        <testcase classname="tests.test_a" name="test_bad" time="0.1"><failure message="assert 1 == 2">tests/test_a.py:3: AssertionError</failure><error message="failed on teardown">boom</error></testcase>
        <testcase classname="tests.test_a" name="test_x"><skipped type="pytest.xfail" message="later"/></testcase>
        <testcase classname="" name="tests.test_b"><error message="collection failure">ImportError</error></testcase>
      </testsuite></testsuites>`,
      [
        'passed | pytest tests/pytest/tests.test_a/test_ok',
        'error | pytest tests/pytest/tests.test_a/test_bad | failed on teardown\nassert 1 == 2',
        'skipped | pytest tests/pytest/tests.test_a/test_x | later',
        'error | pytest tests/pytest/tests.test_b | collection failure',
      ],
    ],
    [
      'jest-junit: the failure in the text, a suite that could not run',
      `<testsuites name="jest tests" tests="2" failures="1" errors="1"><testsuite name="sum" tests="1"><testcase classname="sum adds" name="sum adds" time="0.003"><failure>Error: expected 3
    at x.js:1</failure></testcase></testsuite><testsuite name="broken.test.js" errors="1" tests="0"><error message="Cannot find module"/></testsuite></testsuites>`,
      [
        'failed | jest tests/sum/sum adds/sum adds | Error: expected 3\n    at x.js:1',
        'error | jest tests/broken.test.js/broken.test.js | Cannot find module',
      ],
    ],
    [
      'mocha: nested suites, CDATA',
      `<testsuites name="Mocha"><testsuite name="Root"><testsuite name="inner"><testcase name="works" classname="inner"/><testcase name="fails" classname="inner"><failure message="no" type="AssertionError"><![CDATA[no <b> & ]]]]><![CDATA[> end]]></failure></testcase></testsuite></testsuite></testsuites>`,
      ['passed | Mocha/Root/inner/inner/works', 'failed | Mocha/Root/inner/inner/fails | no'],
    ],
    [
      'gotestsum: "Failed" says nothing, so the text does',
      `<testsuites><testsuite tests="2" failures="1" name="example/pkg"><properties><property name="go.version" value="go1"/></properties><testcase classname="example/pkg" name="TestA/sub"><failure message="Failed" type="">=== RUN TestA
want 1</failure></testcase><testcase classname="example/pkg" name="TestB"><skipped message="short"/></testcase></testsuite></testsuites>`,
      [
        'failed | example/pkg/example/pkg/TestA/sub | === RUN TestA\nwant 1',
        'skipped | example/pkg/example/pkg/TestB | short',
      ],
    ],
    [
      'surefire: flaky is passed, reruns of a failure are not',
      `<testsuite name="ShopTest" tests="2" failures="2"><testcase name="a" classname="ShopTest"><flakyFailure message="once" type="E"><stackTrace>at A</stackTrace><system-out>x</system-out></flakyFailure></testcase><testcase name="b" classname="ShopTest"><failure message="1st">t</failure><rerunFailure message="2nd"><stackTrace>at B</stackTrace></rerunFailure></testcase></testsuite>`,
      ['passed | flaky×1 | ShopTest/ShopTest/a', 'failed | ShopTest/ShopTest/b | 1st'],
    ],
    [
      'surefire: what the totals count as failed may have passed later',
      '<testsuites failures="1"><testsuite name="S" tests="1" failures="1"><testcase name="a"><flakyFailure message="once"/></testcase></testsuite></testsuites>',
      ['passed | flaky×1 | S/a'],
    ],
    [
      'reruns without a failure are no pass',
      `<testsuite name="s"><testcase name="b"><rerunError message="2nd"/></testcase></testsuite>`,
      ['error | s/b | 2nd'],
    ],
    [
      'gtest: a status that says not run; a failure wins over it',
      `<testsuites><testsuite name="G"><testcase name="off" status="notrun"/><testcase name="on" status="run"/><testcase name="odd" status="disabled"><failure message="x"/></testcase></testsuite></testsuites>`,
      ['skipped | G/off', 'passed | G/on', 'failed | G/odd | x'],
    ],
    [
      'failures that the file claims and does not list',
      `<testsuites><testsuite name="main" tests="3" failures="2"><testcase name="a"/></testsuite></testsuites>`,
      [
        'passed | main/a',
        'error | main/main (failures not listed) | the file claims 2 failed or broken case(s) here, and lists none',
      ],
    ],
    [
      'a namespace',
      '<j:testsuite xmlns:j="urn:x" name="s"><j:testcase name="a"><j:failure message="m"/></j:testcase></j:testsuite>',
      ['failed | s/a | m'],
    ],
  ])('%s', async (_title, xml, expected) => {
    for (const pieces of [1, 7, 10_000]) {
      const reading = await read(xml, pieces);
      expect(reading.end).toBe('ok');
      expect(brief(reading)).toEqual(expected);
      expect(reading.counts.total).toBe(expected.length);
    }
  });

  test('all that is kept of one case', async () => {
    const reading = await read(
      `<testsuite name="s"><testcase name="n" classname="c" file="a/b.py" line="12" time="1,234.5"><properties><property name="k" value="v"/><property name="long">text</property></properties><failure message="m" type="T">detail</failure><system-out>out</system-out><system-err>err</system-err></testcase></testsuite>`,
    );
    expect(reading.cases).toEqual([
      {
        name: 'n',
        classname: 'c',
        file: 'a/b.py',
        line: 12,
        suites: ['s'],
        status: 'failed',
        ms: 1_234_500,
        message: 'm',
        type: 'T',
        detail: 'detail',
        flaky: [],
        reruns: [],
        systemOut: 'out',
        systemErr: 'err',
        properties: [
          { name: 'k', value: 'v' },
          { name: 'long', value: 'text' },
        ],
      },
    ]);
  });

  test('a flaky case is a passed one with a message in the event log', async () => {
    const reading = await read(
      '<testsuite><testcase name="a" time="0.0015"><flakyError message="once"/></testcase></testsuite>',
    );
    expect(reading.flaky).toBe(1);
    expect(reading.cases.map((c) => caseInfo(c, 'api', 2))).toMatchObject([
      { suite: 'api', attempt: 2, name: 'a', status: 'passed', message: 'once' },
    ]);
  });
});

test.each([
  ['0.25', 250],
  ['1,234.5', 1_234_500],
  ['12,345,678.9', 12_345_678_900],
  ['0,25', 250],
  ['1e-3', 1],
  ['.5', 500],
  ['-1', undefined],
  ['NaN', undefined],
  ['<<computed>>', undefined],
  ['', undefined],
  [undefined, undefined],
  ['1e400', undefined],
])('time %j is %j ms', (time, ms) => {
  expect(durationMs(time)).toBe(ms);
});
