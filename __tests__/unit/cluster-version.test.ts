import { expect, test } from '@jest/globals';
import { versionError } from '../../src/cluster/version.ts';

/** In full what an API server answers on `/version`. */
const answer = (minor: string, gitVersion: string): string =>
  JSON.stringify({
    ...{ major: '1', minor, gitVersion, gitCommit: '', gitTreeState: 'clean' },
    ...{ buildDate: '1970-01-01T00:00:00Z', goVersion: 'go1.22.12', compiler: 'gc', platform: 'linux/amd64' },
  });

test.each([
  ['{"major":"1","minor":"29","gitVersion":"v1.29.0"}', undefined],
  ['{"major":"1","minor":"34+"}', undefined],
  ['{"major":"2","minor":"0"}', undefined],
  [answer('29', 'v1.29.15'), undefined],
  [answer('28', 'v1.28.15'), 'Kubernetes v1.28.15 is too old: ket needs 1.29, whose native sidecars keep'],
  ['{}', 'of an unknown version is too old'],
  ['<html>', 'does not tell its version'],
])('%s', (text, said) => {
  if (said === undefined) expect(versionError(text)).toBeUndefined();
  else expect(versionError(text)?.message).toContain(said);
});
