import fs from 'node:fs';
import { fetchBy } from '../tools/http.ts';
import { clip } from '../results/text.ts';
import type { CheckRunEnd, CheckRunStart } from '../report/check-run.ts';
import { plainText } from '../report/escape.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Where a check run is made, and as who. */
export interface CheckTarget {
  readonly apiUrl: string;
  readonly owner: string;
  readonly repo: string;
  readonly headSha: string;
  readonly token: string;
  /** The page of the workflow run. */
  readonly detailsUrl?: string;
}

/** `auto`: a check run is made where there is a token. */
export type CheckWanted = 'auto' | 'true' | 'false';

const sha = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** Nothing of it can fail: what is missing costs a notice at most. */
export function checkTarget(
  wanted: CheckWanted,
  token: string,
  env: Env,
): { readonly target?: CheckTarget; readonly notice?: string } {
  if (wanted === 'false' || (wanted === 'auto' && token === '')) return {};
  if (token === '') return { notice: `no check run: there is no token; ${permission}` };
  const [owner = '', repo = '', ...rest] = (env['GITHUB_REPOSITORY'] ?? '').split('/');
  const headSha = headShaOf(env);
  if (owner === '' || repo === '' || rest.length > 0 || headSha === undefined)
    return { notice: 'no check run: the runner does not say which commit of which repository this is' };
  const { GITHUB_SERVER_URL: server, GITHUB_RUN_ID: run } = env;
  return {
    target: {
      apiUrl: (env['GITHUB_API_URL'] ?? 'https://api.github.com').replace(/\/+$/, ''),
      ...{ owner, repo, headSha, token },
      ...(server === undefined || run === undefined
        ? {}
        : { detailsUrl: `${server}/${owner}/${repo}/actions/runs/${run}` }),
    },
  };
}

/** Of a pull request GITHUB_SHA is a merge that nobody sees: checks belong to the commit at its head. */
function headShaOf(env: Env): string | undefined {
  const own = env['GITHUB_SHA'] ?? '';
  const head = headOfEvent(env['GITHUB_EVENT_PATH']) ?? own;
  return [head, own].find((text) => sha.test(text));
}

function headOfEvent(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    const event = JSON.parse(fs.readFileSync(file, 'utf8')) as Partial<Record<string, unknown>> | null;
    const pull = event?.['pull_request'] as { head?: { sha?: unknown } } | null | undefined;
    const found = pull?.head?.sha;
    return typeof found === 'string' ? found : undefined;
  } catch {
    // An event of another form has no head; the commit of the workflow is right then.
    return undefined;
  }
}

export interface CheckOptions {
  readonly limitMs?: number;
  readonly signal?: AbortSignal;
  /** Names the proxy and authorities for the way to the API; that of the process unless given. */
  readonly env?: Env;
}

export const checkLimitMs = 20_000;

/** Begins a check run. Without an `id` there is none, and the notice says why. */
export async function startCheckRun(
  target: CheckTarget,
  body: CheckRunStart,
  options: CheckOptions = {},
): Promise<{ readonly id?: number; readonly notice?: string }> {
  const call = caller(target, options);
  try {
    const { id } = await call('POST /repos/{owner}/{repo}/check-runs', body);
    if (typeof id !== 'number') throw new Error('GitHub gave it no id');
    return { id };
  } catch (error) {
    return { notice: `no check run: ${reasonOf(error)}` };
  }
}

/**
 * Ends a check run: the conclusion first, then its annotations; so what is refused costs no more than itself. At most
 * one notice, and nothing is sent after what failed.
 */
export async function endCheckRun(
  target: CheckTarget,
  id: number,
  end: CheckRunEnd,
  options: CheckOptions = {},
): Promise<{ readonly notice?: string }> {
  const call = caller(target, options);
  const update = (body: object): Promise<unknown> =>
    call('PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}', body, { check_run_id: id });
  try {
    await update(end.complete);
  } catch (error) {
    if (statusOf(error) !== 422) return { notice: `the check run has no end: ${reasonOf(error)}` };
    // Something in the page is refused; the conclusion must not be lost with it.
    const { output: _, ...conclusion } = end.complete;
    try {
      await update(conclusion);
      return { notice: `the check run has no page: ${reasonOf(error)}` };
    } catch (again) {
      return { notice: `the check run has no end: ${reasonOf(again)}` };
    }
  }
  try {
    for (const body of end.more) await update(body);
    return {};
  } catch (error) {
    return { notice: `the check run lacks annotations: ${reasonOf(error)}` };
  }
}

type Call = (route: string, body: object, parameters?: object) => Promise<Partial<Record<string, unknown>>>;

/** Requests with one limit for all of them together. */
function caller(target: CheckTarget, options: CheckOptions): Call {
  const limitMs = options.limitMs ?? checkLimitMs;
  const limit = AbortSignal.timeout(limitMs);
  const signal = options.signal === undefined ? limit : AbortSignal.any([limit, options.signal]);
  return async (route, body, parameters = {}) => {
    try {
      const { request } = await import('@octokit/request');
      const answer = await request(route, {
        baseUrl: target.apiUrl,
        ...{ owner: target.owner, repo: target.repo },
        ...parameters,
        data: body,
        headers: {
          authorization: `Bearer ${target.token}`,
          accept: 'application/vnd.github+json',
          'x-github-api-version': '2022-11-28',
        },
        request: { signal, log: silent, fetch: fetchBy(options.env ?? process.env) },
      });
      return (answer.data ?? {}) as Partial<Record<string, unknown>>;
    } catch (error) {
      if (limit.aborted)
        throw new Error(`GitHub did not answer within ${Math.ceil(limitMs / 1000)} s`, { cause: error });
      throw error;
    }
  };
}

const nothing = (): void => undefined;
/** The client writes deprecations to the console, which is not its to write to. */
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const permission = 'the job needs `permissions: {checks: write}`, or turn it off: `check-run: false`';

interface Failure {
  readonly status?: number;
  /** Absent when no answer came. */
  readonly response?: { readonly headers: Readonly<Record<string, string | undefined>> };
}

const failureOf = (error: unknown): Failure => (typeof error === 'object' && error !== null ? error : {});

const statusOf = (error: unknown): number | undefined =>
  failureOf(error).response === undefined ? undefined : failureOf(error).status;

function reasonOf(error: unknown): string {
  // Not of its causes: the client has said them already.
  const text = error instanceof Error ? error.message : String(error);
  const said = clip(plainText(text).replace(/\s+/g, ' ').trim(), 300);
  const status = statusOf(error);
  if (status === undefined) return said;
  const headers = failureOf(error).response?.headers ?? {};
  const limited =
    status === 429 ||
    (status === 403 && (headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0'));
  if (limited) return `GitHub's rate limit is reached (${status}: ${said})`;
  if (status === 401 || status === 403 || status === 404)
    return `the token may not write checks (${status}: ${said}); ${permission}. On pull requests of forks a token can only read`;
  return `GitHub refused it (${status}: ${said})`;
}
