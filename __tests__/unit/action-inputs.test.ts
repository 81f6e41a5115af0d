import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { readInputs } from '../../src/action/inputs.ts';

/** The edge: what a runner puts into the environment. */

const before = { ...process.env };
afterEach(() => {
  process.env = { ...before };
  jest.restoreAllMocks();
});

function read(env: Readonly<Record<string, string>>): ReturnType<typeof readInputs> {
  process.env = { PATH: before['PATH'], ...env };
  return readInputs();
}

describe('the inputs of a step', () => {
  test('are named as GitHub names them: in capitals, with their dashes', () => {
    const inputs = read({
      'INPUT_TEST-COMMAND': ' make test ',
      INPUT_SUITES: 'a\nb',
      INPUT_TIER: '',
      TIER: 'x',
    });
    expect(inputs).toMatchObject({ 'test-command': 'make test', suites: ['a', 'b'], 'retention-days': 90 });
    expect(inputs).not.toHaveProperty('tier');
  });

  test('that do not exist are refused, although GitHub only warns', () => {
    expect(() => read({ INPUT_TEST_COMMAND: 'make test' })).toThrow(
      'input test_command: there is no such input (did you mean "test-command"?)',
    );
  });

  test('a token is masked before anything else is written', () => {
    const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    read({ INPUT_TOKEN: 'a-token-of-its-own' });
    const said = write.mock.calls.map(([text]) => String(text)).join('');
    jest.restoreAllMocks();
    expect(said.trim()).toBe('::add-mask::a-token-of-its-own');
  });
});
