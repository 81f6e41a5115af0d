import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import {
  checkTarget,
  endCheckRun,
  startCheckRun,
  type CheckTarget,
  type CheckWanted,
} from '../../src/action/check-run.ts';
import type { CheckRunEnd, CheckRunStart } from '../../src/report/check-run.ts';
import { folder, removeFolders } from './support/folder.ts';
import { answers, GitHubApi, type ApiAnswer } from './support/github-api.ts';

const head = 'b'.repeat(40);
const own = 'a'.repeat(40);

describe('where a check run is made', () => {
  afterEach(removeFolders);
  const env = { GITHUB_REPOSITORY: 'org/repo', GITHUB_SHA: own };
  const eventFile = (text: string): string => {
    const file = path.join(folder(), 'event.json');
    fs.writeFileSync(file, text);
    return file;
  };

  test.each<[CheckWanted, string, boolean, boolean]>([
    ['auto', '', false, false],
    ['auto', 't', true, false],
    ['true', '', false, true],
    ['true', 't', true, false],
    ['false', 't', false, false],
  ])('%s with token "%s": made %p, notice %p', (wanted, token, made, notice) => {
    const got = checkTarget(wanted, token, env);
    expect([got.target !== undefined, got.notice !== undefined]).toEqual([made, notice]);
  });

  test('is told by the runner', () => {
    const more = { GITHUB_SERVER_URL: 'https://ghes.example', GITHUB_RUN_ID: '9' };
    expect(
      checkTarget('auto', 't', { ...env, ...more, GITHUB_API_URL: 'https://ghes.example/api/v3/' }),
    ).toEqual({
      target: {
        apiUrl: 'https://ghes.example/api/v3',
        owner: 'org',
        repo: 'repo',
        headSha: own,
        token: 't',
        detailsUrl: 'https://ghes.example/org/repo/actions/runs/9',
      },
    });
    expect(checkTarget('auto', 't', env).target).toEqual({
      ...{ apiUrl: 'https://api.github.com', owner: 'org', repo: 'repo', headSha: own, token: 't' },
    });
  });

  test.each([
    ['a pull request', `{"pull_request":{"head":{"sha":"${head}"}}}`, head],
    ['a push', '{"after":"x"}', own],
    ['a head that is none', '{"pull_request":{"head":{"sha":"; rm -rf /"}}}', own],
    ['a pull request without head', '{"pull_request":{"head":null}}', own],
    ['another form', '[1]', own],
    ['nothing', 'null', own],
    ['no JSON', '{"pull_request":', own],
  ])('of %s', (_, event, expected) => {
    expect(checkTarget('auto', 't', { ...env, GITHUB_EVENT_PATH: eventFile(event) }).target?.headSha).toBe(
      expected,
    );
  });

  test.each([
    [{ GITHUB_SHA: own }],
    [{ GITHUB_REPOSITORY: 'org/repo' }],
    [{ GITHUB_REPOSITORY: 'org', GITHUB_SHA: own }],
    [{ GITHUB_REPOSITORY: 'a/b/c', GITHUB_SHA: own }],
    [{ GITHUB_REPOSITORY: 'org/repo', GITHUB_SHA: 'short', GITHUB_EVENT_PATH: '/nowhere' }],
  ])('is not known from %j: one notice', (partial) => {
    expect(checkTarget('auto', 't', partial)).toEqual({ notice: expect.stringMatching(/^no check run: /) });
  });
});

describe('a check run', () => {
  let api: GitHubApi;
  let target: CheckTarget;
  beforeEach(async () => {
    api = new GitHubApi();
    target = { apiUrl: await api.start(), owner: 'org', repo: 'repo', headSha: head, token: 'sekret' };
  });
  afterEach(() => api.stop());

  const start: CheckRunStart = {
    name: 'ket: unit',
    head_sha: head,
    status: 'in_progress',
    started_at: '2026-01-02T03:04:05Z',
    external_id: 'r',
  };
  const output = { title: 't', summary: 's' };
  const annotation = {
    path: 'a.py',
    start_line: 1,
    end_line: 1,
    annotation_level: 'failure',
    title: 'n',
    message: 'm',
  } as const;
  const end: CheckRunEnd = {
    complete: {
      status: 'completed',
      conclusion: 'failure',
      completed_at: '2026-01-02T03:05:05Z',
      output,
    },
    more: [
      { output: { ...output, annotations: [annotation] } },
      { output: { ...output, annotations: [{ ...annotation, start_line: 2 }] } },
    ],
  };
  const { output: _, ...bare } = end.complete;

  test('is made and ended as GitHub documents it', async () => {
    expect(await startCheckRun(target, start)).toEqual({ id: 4 });
    expect(await endCheckRun(target, 4, end)).toEqual({});
    expect(api.requests.map(({ method, path: at, body }) => [method, at, body])).toEqual([
      ['POST', '/repos/org/repo/check-runs', start],
      ['PATCH', '/repos/org/repo/check-runs/4', end.complete],
      ['PATCH', '/repos/org/repo/check-runs/4', end.more[0]],
      ['PATCH', '/repos/org/repo/check-runs/4', end.more[1]],
    ]);
    for (const { headers } of api.requests)
      expect(headers).toMatchObject({
        authorization: 'Bearer sekret',
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
        'content-type': expect.stringContaining('application/json'),
      });
  });

  const bad: readonly (readonly [string, ApiAnswer, RegExp])[] = [
    ['the read-only token of a fork', answers.fork, /403: Resource not accessible.*checks: write.*forks/],
    ['a wrong token', answers.unauthorized, /401: Bad credentials.*checks: write/],
    ['a repository that the token does not see', answers.missing, /404: Not Found.*checks: write/],
    ['a rate limit', answers.limit, /rate limit is reached \(403/],
    ['a secondary rate limit', answers.secondary, /rate limit is reached \(429/],
    ['a gateway that is broken', answers.broken, /refused it \(502/],
    ['no answer', 'stall', /did not answer within 1 s/],
    ['a connection that breaks', 'break', /./],
  ];

  test.each([
    ...bad,
    ['half an answer', 'half', /did not answer within 1 s|no id/] as const,
    ['a refused form', answers.invalid, /refused it \(422: Invalid request/] as const,
  ])('that meets %s is not made: one notice', async (_name, answer, why) => {
    api.next = [answer];
    const got = await startCheckRun(target, start, { limitMs: 400 });
    expect(got).toEqual({ notice: expect.stringMatching(why) });
    expect(got.notice).toMatch(/^no check run: [^\n]+$/);
    expect(got.notice).not.toContain('sekret');
    expect(api.requests).toHaveLength(1);
  });

  test.each(bad)(
    'that meets %s at its end: one notice, and nothing more is sent',
    async (_name, answer, why) => {
      api.next = [answer];
      const got = await endCheckRun(target, 4, end, { limitMs: 400 });
      expect(got.notice).toMatch(/^the check run has no end: [^\n]+$/);
      expect(got.notice).toMatch(why);
      expect(api.requests).toHaveLength(1);
    },
  );

  test('whose page is refused has its conclusion at least', async () => {
    api.next = [answers.invalid];
    const got = await endCheckRun(target, 4, end);
    expect(got.notice).toMatch(/^the check run has no page: .*422/);
    expect(api.requests.map(({ body }) => body)).toEqual([end.complete, bare]);
    api.next = [answers.invalid, answers.limit];
    expect((await endCheckRun(target, 4, end)).notice).toMatch(/^the check run has no end: .*rate limit/);
  });

  test('whose annotations are refused has its page', async () => {
    api.next = [{ status: 200, body: { id: 4 } }, answers.invalid];
    const got = await endCheckRun(target, 4, end);
    expect(got.notice).toMatch(/^the check run lacks annotations: .*422/);
    expect(api.requests).toHaveLength(2);
  });

  test('has one limit for all of its requests', async () => {
    api.next = [{ status: 200, body: { id: 4 } }, 'stall'];
    const began = performance.now();
    const got = await endCheckRun(target, 4, end, { limitMs: 500 });
    expect(performance.now() - began).toBeLessThan(3000);
    expect(got.notice).toMatch(/^the check run lacks annotations: GitHub did not answer within 1 s$/);
  });

  test('ends when the run is cancelled', async () => {
    api.next = ['stall'];
    const got = await startCheckRun(target, start, { signal: AbortSignal.timeout(200) });
    expect(got.notice).toMatch(/^no check run: /);
  });

  test('of a server that is not there: one notice', async () => {
    await api.stop();
    const got = await startCheckRun(target, start);
    expect(got.notice).toMatch(/^no check run: ./);
    await api.start();
  });

  test('without an id is none', async () => {
    api.next = [{ status: 201, body: { id: 'x' } }];
    expect((await startCheckRun(target, start)).notice).toBe('no check run: GitHub gave it no id');
  });
});
