import { describe, expect, test } from '@jest/globals';
import { ignoreOf } from '../../src/images/ignore.ts';

describe('.dockerignore', () => {
  test.each([
    ['', 'a', false],
    ['a', 'a', true],
    ['a', 'a/b', true],
    ['a', 'b/a', false],
    ['/a', 'a', true],
    ['./a/', 'a/b', true],
    ['# a', 'a', false],
    [' a ', 'a', true],
    ['\uFEFFa', 'a', true],
    ['*.md', 'x.md', true],
    ['*.md', 'docs/x.md', false],
    ['*/x.md', 'docs/x.md', true],
    ['**/x.md', 'x.md', true],
    ['**/x.md', 'a/b/x.md', true],
    ['a/**', 'a/b/c', true],
    ['a/**', 'a', false],
    ['**/*.log', 'a/b/c.log', true],
    ['**/node_modules', 'a/node_modules/b/c', true],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['a.b', 'axb', false],
    ['a+b', 'a+b', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['*\n!keep', 'keep', false],
    ['*\n!keep', 'keep/inside', false],
    ['*\n!keep', 'other', true],
    ['!keep\n*', 'keep', true],
    ['docs\n!docs/keep.md', 'docs/keep.md', false],
    ['docs\n!docs/keep.md', 'docs/other.md', true],
    // What is not read here never leaves anything out.
    ['[ab]', 'a', false],
    ['*\n![ab]', 'a', false],
    ['a\\', 'a', false],
  ])('%j for %s: out is %j', (text, file, out) => expect(ignoreOf(text).isOut(file)).toBe(out));

  test('a folder that is out is final unless something may come in again', () => {
    expect(ignoreOf('a\nb').folderIsFinal).toBe(true);
    expect(ignoreOf('a\n!a/b').folderIsFinal).toBe(false);
  });
});
