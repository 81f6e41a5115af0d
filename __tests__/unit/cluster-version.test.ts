import { expect, test } from '@jest/globals';
import { versionError } from '../../src/cluster/version.ts';

test.each([
  ['{"major":"1","minor":"29","gitVersion":"v1.29.0"}', undefined],
  ['{"major":"1","minor":"34+"}', undefined],
  ['{"major":"2","minor":"0"}', undefined],
  ['{"major":"1","minor":"28","gitVersion":"v1.28.9"}', 'Kubernetes v1.28.9 is too old: ket needs 1.29'],
  ['{}', 'of an unknown version is too old'],
  ['<html>', 'does not tell its version'],
])('%s', (text, said) => {
  if (said === undefined) expect(versionError(text)).toBeUndefined();
  else expect(versionError(text)?.message).toContain(said);
});
