import { describe, expect, test } from '@jest/globals';
import { judge, notesOf, type Facts } from '../../scripts/release.ts';

const changelog = '# Changes\n\n## Unreleased\n\n## 1.2.3 (2026-11-21)\n\n- New.\n\n## 1.2.2\n\n- Old.\n';
const facts: Facts = {
  version: '1.2.3',
  changelog,
  branches: ['main', 'v1-work'],
  tags: ['v1', 'v1.2.2', 'v1.2.3', 'v0.9.0', 'candidate'],
  onMain: true,
};
const faultsOf = (tag: string, other: Partial<Facts> = {}): readonly string[] => {
  const result = judge(tag, () => ({ ...facts, ...other }));
  return 'faults' in result ? result.faults : [];
};

describe('a tag becomes a release', () => {
  test('when everything fits', () => {
    expect(judge('v1.2.3', () => facts)).toEqual({ notes: '- New.', major: 'v1', latest: true });
  });

  test.each([
    ['another version in package.json', { version: '1.2.2' }, 'package.json has version 1.2.2, not 1.2.3'],
    ['no section', { changelog: '## 1.2.30\n\n- x\n' }, 'CHANGELOG.md has no section "## 1.2.3"'],
    [
      'an empty section',
      { changelog: '## 1.2.3\n\n## 1.2.2\n\n- x\n' },
      'no section "## 1.2.3" with entries',
    ],
    ['entries left', { changelog: changelog.replace('ed\n', 'ed\n\n- x\n') }, 'still has entries'],
    ['a commit beside main', { onMain: false }, 'not on the branch main'],
    ['a branch with its name', { branches: ['v1.2.3'] }, 'there is a branch v1.2.3'],
    ['a branch with the name of the major tag', { branches: ['v1'] }, 'there is a branch v1;'],
    ['a branch with the name of the smoke tag', { branches: ['candidate'] }, 'there is a branch candidate'],
  ])('not with %s', (_, other, fault) => {
    expect(faultsOf('v1.2.3', other)).toEqual([expect.stringContaining(fault)]);
  });

  test.each(['1.2.3', 'v1.2', 'v01.2.3', 'v1.2.3-rc.1', '', '--help'])('not when it is %j', (tag) => {
    expect(faultsOf(tag)).toEqual([`${tag} is not of the form v1.2.3`]);
  });

  test.each([
    ['an older line of the same major version', ['v1.3.0'], undefined, false],
    ['a newer patch', ['v1.2.10'], undefined, false],
    ['a newer major version', ['v2.0.0'], 'v1', false],
  ])('but beside %s moves only what it may', (_, tags, major, latest) => {
    expect(judge('v1.2.3', () => ({ ...facts, tags: [...facts.tags, ...tags] }))).toMatchObject({
      major,
      latest,
    });
  });

  test('its notes end where the next section begins', () => {
    expect(notesOf(changelog, '1.2.2')).toBe('- Old.');
    expect(notesOf(changelog, '1.2')).toBe('');
  });
});
