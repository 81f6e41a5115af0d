import { expect, test } from '@jest/globals';
import { outsideOf } from '../../src/images/dockerfile.ts';

test.each([
  ['FROM python:3.11-slim', ['python:3.11-slim']],
  ['from --platform=linux/amd64 a:1 AS b\nFROM b\nCOPY --from=b /x /y\nCOPY --from=0 /x /y', ['a:1']],
  ['FROM scratch', []],
  ['ARG V=3.11\nFROM python:${V}-slim', ['python:3.11-slim']],
  ['ARG V\nFROM python:${V:-3}', ['python:3']],
  [
    'FROM a:1\nCOPY --from=tools:2 /x /x\nRUN --mount=type=bind,from=more:3,target=/m true',
    ['a:1', 'tools:2', 'more:3'],
  ],
  ['FROM a:1\nRUN echo \\\n  # a comment in between\n  FROM b', ['a:1']],
  ['FROM a:1\nADD files.tar /', ['a:1']],
])('images of %j', (text, images) => expect(outsideOf(text, {})).toEqual({ images }));

test('the arguments of the build go before the defaults', () =>
  expect(outsideOf('ARG BASE=a:1\nFROM $BASE', { BASE: 'b:2' })).toEqual({ images: ['b:2'] }));

test.each([
  'ARG V\nFROM python:$V',
  'FROM a:1\nADD https://127.0.0.1/x /x',
  'FROM a:1\nADD ["git@127.0.0.1:x", "/x"]',
  'FROM a:1\nCOPY --from=$OTHER /x /x',
  'FROM a:1\nONBUILD RUN true',
])('of %j nothing can be told', (text) => expect(outsideOf(text, {}).unknown).toBeDefined());
