import { KetError } from '../model/errors.ts';
import type { ListedTool, Platform } from './table.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Base URLs in place of those of the makers; each goes before the environment. */
export interface Mirrors {
  /** Base of all tools: `<all>/kind`, `<all>/kubectl` and `<all>/helm` are theirs. */
  readonly all?: string | undefined;
  readonly kind?: string | undefined;
  readonly kubectl?: string | undefined;
  readonly helm?: string | undefined;
}

/** Where the makers publish. */
const makers: Record<ListedTool, string> = {
  kind: 'https://github.com/kubernetes-sigs/kind/releases/download',
  kubectl: 'https://dl.k8s.io/release',
  helm: 'https://get.helm.sh',
};

const variables = {
  all: 'KET_TOOL_MIRROR',
  kind: 'KET_KIND_MIRROR',
  kubectl: 'KET_KUBECTL_MIRROR',
  helm: 'KET_HELM_MIRROR',
} as const;

/** The variables that say the same as these mirrors: what is given so reaches every command of ket alike. */
export const mirrorEnv = (mirrors: Mirrors): Record<string, string> =>
  Object.fromEntries(
    (Object.keys(variables) as (keyof Mirrors)[]).flatMap((name) => {
      const base = mirrors[name];
      return base === undefined ? [] : [[variables[name], base]];
    }),
  );

/** The path below the base; a mirror has the same layout as the maker. */
export function pathOf(tool: ListedTool, version: string, platform: Platform): string {
  const dashed = platform.replace('/', '-');
  if (tool === 'kind') return `${version}/kind-${dashed}`;
  if (tool === 'helm') return `helm-${version}-${dashed}.tar.gz`;
  return `${version}/bin/${platform}/kubectl`;
}

export interface Wanted {
  readonly tool: ListedTool;
  readonly version: string;
  readonly platform: Platform;
}

/** The URL of a download: of the tool's own mirror, else of the one for all tools, else of the maker. */
export function downloadUrl({ tool, version, platform }: Wanted, env: Env): URL {
  const own = given(env[variables[tool]]);
  const all = given(env[variables.all]);
  const base = own ?? (all === undefined ? makers[tool] : `${withoutSlash(all)}/${tool}`);
  const from = own === undefined ? variables.all : variables[tool];
  if (!URL.canParse(base)) throw badMirror(from, 'is no URL');
  const url = new URL(base);
  if (!isSafe(url)) throw badMirror(from, 'is neither https nor on this machine');
  url.pathname = `${withoutSlash(url.pathname)}/${pathOf(tool, version, platform)}`;
  return url;
}

/** Plain http only where nobody can be in between. */
export function isSafe(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** A URL as it may be shown: without user, password and query, in which tokens stand. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

const given = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
const withoutSlash = (text: string): string => text.replace(/\/+$/, '');

function badMirror(variable: string, why: string): KetError {
  // Not the value: it may hold a password.
  return new KetError('KET_CONFIG', `the mirror of ${variable} ${why}`, {
    where: variable,
    next: 'give a base URL such as https://mirror.example/tools; http is taken for 127.0.0.1 and localhost only',
  });
}
