import { KetError } from '../model/errors.ts';

export interface KubeErrorOptions {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** `reason` of the Status object (`NotFound`, `AlreadyExists` …), or a code of the connection (`ECONNRESET`). */
  readonly reason: string;
  /** What was asked: method and path. */
  readonly where: string;
  readonly next?: string;
  readonly cause?: unknown;
  /** Seconds that the server asked to wait, in ms. */
  readonly retryAfterMs?: number;
}

/** What the API server refused, or a connection that did not do what it should. */
export class KubeError extends KetError {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: KubeErrorOptions) {
    const next = options.next ?? nextStep(options.status, options.reason);
    super('KET_KUBE', message, {
      where: options.where,
      ...(next === undefined ? {} : { next }),
      ...(options.cause === undefined ? {} : { cause: options.cause }),
    });
    this.status = options.status;
    this.reason = options.reason;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What the user can do about the refusals that are not a matter of waiting. */
function nextStep(status: number, reason: string): string | undefined {
  if (status === 401) return 'the credentials of the kubeconfig are not accepted: log in again or renew them';
  if (status === 403)
    return 'the user of the kubeconfig lacks this right: ask for it, or use another context';
  if (reason === 'ECONNREFUSED' || reason === 'ENOTFOUND' || reason === 'EHOSTUNREACH')
    return 'check that the cluster runs and that the server in the kubeconfig can be reached from here';
  if (reason.includes('CERT') || reason.includes('SELF_SIGNED') || reason.includes('UNABLE_TO_VERIFY'))
    return 'the certificate of the API server does not fit the kubeconfig: get a new kubeconfig';
  return undefined;
}

/** The fields of a `v1` Status object that matter here. */
export interface Status {
  readonly status?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** A Status object out of a body; what is not JSON (the kubelet, proxies) becomes its message. */
export function parseStatus(body: string): Status {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // Not a Status: the text itself is the message.
  }
  return { message: body.trim().slice(0, 1024) };
}

/** Error of an answer with a status of 300 and more. */
export function errorOf(
  where: string,
  code: number,
  retryAfter: string | undefined,
  body: string,
): KubeError {
  const status = parseStatus(body);
  const reason = status.reason ?? '';
  const message = status.message === undefined || status.message === '' ? 'no message' : status.message;
  const retryAfterMs = retryAfterOf(retryAfter, status.details?.retryAfterSeconds);
  return new KubeError(`the API server answered ${code}${reason === '' ? '' : ` ${reason}`}: ${message}`, {
    status: code,
    reason,
    where,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** The header counts in seconds or names a date (RFC 9110, 10.2.3); the Status may say it as well. */
function retryAfterOf(header: string | undefined, seconds: number | undefined): number | undefined {
  if (header !== undefined) {
    const value = Number(header);
    if (Number.isFinite(value)) return Math.max(0, value * 1000);
    const date = Date.parse(header);
    if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  }
  return seconds === undefined ? undefined : seconds * 1000;
}

/** Error of a connection that was not made, was cut or was silent. */
export function connectionError(where: string, cause: unknown): KubeError {
  if (cause instanceof KubeError) return cause;
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'CONNECTION';
  return new KubeError(`no answer from the API server (${code})`, { status: 0, reason: code, where, cause });
}

/** A connection that was silent for longer than its limit. */
export const silence = (where: string, ms: number): KubeError =>
  new KubeError(`the API server was silent for ${Math.round(ms / 100) / 10} s`, {
    status: 0,
    reason: 'SILENCE',
    where,
  });
