import type { WorkloadName } from '../model/plan.ts';

/** The forms in which checks name services, addresses and workloads. */

const hostPattern = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** What is wrong with a text as `HOST:PORT`; undefined when nothing is. */
export function endpointProblem(text: string): string | undefined {
  const at = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(0, at));
  if (at < 0) return `"${text}" has no port; write it like shop-db:5432`;
  if (!hostPattern.test(host)) return `"${text}" has no name of a service before the port, like shop-db:5432`;
  return portProblem(text.slice(at + 1));
}

function portProblem(text: string): string | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? undefined : `"${text}" is not a port: a number from 1 to 65535`;
}

/** The parts of a text that was checked before. */
export function endpointOf(text: string): { readonly host: string; readonly port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

/** What is wrong with a text as the address of an HTTP check. */
export function urlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if ((url?.protocol !== 'http:' && url?.protocol !== 'https:') || !/^https?:\/\/[^/?#]/.test(text))
    return `"${text}" is not an address like http://shop-api:8080/health`;
  if (url.username !== '' || url.password !== '') return `"${text}" has a name or password in it`;
  if (url.hash !== '') return `"${text}" has a part behind "#", which no server gets`;
  if (!hostPattern.test(url.hostname)) return `"${url.hostname}" in "${text}" is not the name of a service`;
  return undefined;
}

export const isHttps = (text: string): boolean => /^https:/i.test(text);

/** The parts of an address that was checked before. */
export function urlOf(text: string): { readonly host: string; readonly port: number; readonly path: string } {
  const url = new URL(text);
  const port = url.port === '' ? (isHttps(text) ? 443 : 80) : Number(url.port);
  return { host: url.hostname, port, path: `${url.pathname}${url.search}` };
}

const workloadKinds = {
  deployment: 'Deployment',
  statefulset: 'StatefulSet',
  daemonset: 'DaemonSet',
} as const;
const workloadPattern = /^(deployment|statefulset|daemonset)\/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/;

/** What is wrong with a text as the name of a workload. */
export function workloadProblem(text: string): string | undefined {
  if (workloadPattern.test(text)) return undefined;
  return `"${text}" names no workload; write deployment/NAME, statefulset/NAME or daemonset/NAME`;
}

/** What is wrong with a text as the name of something that may run beside the releases, `deployment/NAME`. */
export function besideProblem(text: string): string | undefined {
  if (besidePattern.test(text)) return undefined;
  return `"${text}" names nothing that runs; write deployment/NAME, pod/NAME, cronjob/NAME and so on, with * for any letters`;
}
const besidePattern = /^[a-z]+\/[a-z0-9*][a-z0-9.*-]*$/;

/** The workload of a text that was checked before. */
export function workloadOf(text: string): WorkloadName {
  const [, kind = '', name = ''] = workloadPattern.exec(text) ?? [];
  return { kind: workloadKinds[kind as keyof typeof workloadKinds], name };
}

const forwardPattern = /^((?:[a-z][a-z0-9+.-]*:\/\/)?)([^/?#@]+)([/?#].*)?$/;

/** What is wrong with a text as the address of a forwarded port. */
export function forwardProblem(text: string): string | undefined {
  const [, scheme = '', endpoint = ''] = forwardPattern.exec(text) ?? [];
  if (endpoint === '')
    return text.includes('@')
      ? `"${text}" has a name or password in it, which everybody could read`
      : `"${text}" is not an address like http://shop-api:8080 or shop-db:5432`;
  if (/^https?:/.test(scheme) && !endpoint.includes(':')) return undefined;
  return endpointProblem(endpoint);
}

/** The parts of an address that was checked before. */
export function forwardOf(text: string): {
  readonly host: string;
  readonly port: number;
  readonly before: string;
  readonly after: string;
} {
  const [, before = '', endpoint = '', after = ''] = forwardPattern.exec(text) ?? [];
  const implied = before === 'https://' ? 443 : 80;
  return {
    ...(endpoint.includes(':') ? endpointOf(endpoint) : { host: endpoint, port: implied }),
    before,
    after,
  };
}
