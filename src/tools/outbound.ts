import { messageOf } from '../model/errors.ts';
import { parseProxy, variable } from '../model/proxy.ts';
import type { Outbound } from '../model/run.ts';
import { ownAuthorities } from './authorities.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * How this machine reaches what is outside, for pods and nodes. A proxy on this machine's loopback means nothing in a
 * pod, and one with a password is a secret that code under test must not get: both are left out, with a notice.
 */
export function outboundOf(env: Env): Outbound {
  const notices: string[] = [];
  const proxies = (['HTTP_PROXY', 'HTTPS_PROXY'] as const).flatMap((name): [string, string][] => {
    const text = variable(env, name);
    if (text === undefined) return [];
    const why = whyNot(text);
    if (why === undefined) return [[name, text]];
    notices.push(`${name} is not given to pods: ${why}`);
    return [];
  });
  let authorities: string | undefined;
  try {
    authorities = ownAuthorities(env);
  } catch (error) {
    notices.push(`nodes and pods get no authorities: ${messageOf(error)}`);
  }
  return {
    proxies: Object.fromEntries(proxies),
    noProxy: variable(env, 'NO_PROXY') ?? '',
    ...(authorities === undefined ? {} : { authorities }),
    notices,
  };
}

function whyNot(proxy: string): string | undefined {
  const url = parseProxy(proxy);
  if (url === undefined) return 'it is no URL';
  if (url.username !== '' || url.password !== '') return 'it holds a password';
  return /^(localhost|127\..*|\[::1\])$/.test(url.hostname)
    ? 'it is on the loopback of this machine'
    : undefined;
}
