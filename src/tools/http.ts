import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { proxyFor } from '../model/proxy.ts';
import { ownAuthorities } from './authorities.ts';
import { isSafe, shownUrl } from './mirror.ts';

type Env = Readonly<Record<string, string | undefined>>;

const maxRedirects = 5;

export interface GetOptions {
  readonly env: Env;
  /** Ends the request, and the reading of its body. */
  readonly signal: AbortSignal;
  /** Called at each sign of life before the body. */
  readonly onProgress?: () => void;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: http.IncomingMessage;
  /** After redirects. */
  readonly url: URL;
}

/**
 * GET with redirects, through the proxy of the environment, trusting the environment's own authorities too. Node's
 * `fetch` follows a proxy only since releases that not every runner has, and only for the whole process.
 */
export async function get(start: URL, options: GetOptions): Promise<Answer> {
  let url = start;
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    if (!isSafe(url)) throw new Error(`${shownUrl(url)} is neither https nor on this machine`);
    // A password of a mirror is for that mirror alone.
    const body = await request(url, url.host === start.host ? start : url, options);
    options.onProgress?.();
    const status = body.statusCode ?? 0;
    const { location } = body.headers;
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined)
      return { status, headers: body.headers, body, url };
    body.destroy();
    if (!URL.canParse(location, url.href)) throw new Error(`${shownUrl(url)} redirects to what is no URL`);
    url = new URL(location, url);
  }
  throw new Error(`${shownUrl(start)} redirects more than ${String(maxRedirects)} times`);
}

/** `fetch` for what has a body of text and no redirects, through the proxy of the environment as `get` goes. */
export const fetchBy =
  (env: Env): typeof fetch =>
  async (input, init) => {
    const asked = new Request(input, init);
    const answer = await request(new URL(asked.url), new URL(asked.url), {
      env,
      signal: asked.signal,
      method: asked.method,
      headers: Object.fromEntries(asked.headers),
      body: await asked.text(),
    });
    const status = answer.statusCode ?? 0;
    const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    const body = await text(answer);
    return new Response([204, 205, 304].includes(status) ? null : body, { status, headers });
  };

interface Sent extends GetOptions {
  /** GET unless said. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function request(url: URL, login: URL, options: Sent): Promise<http.IncomingMessage> {
  const { signal } = options;
  const auth = loginOf(login);
  const common = {
    method: options.method ?? 'GET',
    headers: {
      accept: '*/*',
      'user-agent': 'ket',
      ...options.headers,
      // What is compressed on the way has another sum.
      'accept-encoding': 'identity',
      ...(auth === undefined ? {} : { authorization: auth }),
    },
    // A connection that is kept open would keep the process too.
    agent: false as const,
    signal,
  };
  const target = new URL(url);
  target.username = '';
  target.password = '';
  const sent = await (url.protocol === 'https:'
    ? secure(target, common, options)
    : http.request(target, common));
  sent.end(options.body ?? '');
  // The signal's own reason is what the user shall read, not that a request was aborted.
  const [answer] = (await once(sent, 'response').catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error;
  })) as [http.IncomingMessage];
  return answer;
}

async function secure(
  url: URL,
  common: https.RequestOptions,
  { env, signal, onProgress }: GetOptions,
): Promise<http.ClientRequest> {
  const ca = authorities(env);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const trust = ca === undefined ? {} : { ca };
  const proxy = proxyFor(url, env);
  if (proxy === undefined) return https.request(url, { ...common, ...trust });
  const tunnel = await connect(proxy, `${url.hostname}:${url.port === '' ? '443' : url.port}`, {
    signal,
    trust,
  });
  onProgress?.();
  const socket = tls.connect({
    socket: tunnel,
    ...trust,
    ALPNProtocols: ['http/1.1'],
    ...(net.isIP(host) === 0 ? { servername: host } : { host }),
  });
  // The request reports it; an error before that has no other listener.
  socket.on('error', () => undefined);
  // A connection is taken only where there is no agent at all.
  return https.request(url, { ...common, agent: undefined, createConnection: () => socket });
}

/** A tunnel through an HTTP proxy (CONNECT). */
async function connect(
  proxy: URL,
  target: string,
  { signal, trust }: { readonly signal: AbortSignal; readonly trust: { readonly ca?: string[] } },
): Promise<net.Socket> {
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:')
    throw new Error(`the proxy ${proxy.host} is of a kind that ket cannot use: ${proxy.protocol}`);
  const client = proxy.protocol === 'https:' ? https : http;
  const auth = loginOf(proxy);
  const sent = client.request({
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : proxy.port,
    path: target,
    headers: { host: target, ...(auth === undefined ? {} : { 'proxy-authorization': auth }) },
    agent: false,
    signal,
    ...trust,
  });
  sent.end();
  const [answer, socket] = await new Promise<[http.IncomingMessage, net.Socket]>((resolve, reject) => {
    sent.once('connect', (response, connected: net.Socket) => resolve([response, connected]));
    sent.once('response', (response) => resolve([response, response.socket]));
    sent.once('error', (error) => reject(signal.aborted ? (signal.reason as Error) : viaProxy(proxy, error)));
  });
  if (answer.statusCode === 200) return socket;
  socket.destroy();
  throw new Error(
    `the proxy ${proxy.host} refused to connect to ${target}: status ${String(answer.statusCode)}`,
  );
}

const viaProxy = (proxy: URL, cause: Error): Error =>
  new Error(`the proxy ${proxy.host} cannot be reached`, { cause });

function loginOf(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/**
 * Node's own authorities and those of the files that the environment names; undefined without such files. Node
 * itself reads `NODE_EXTRA_CA_CERTS` only as it starts, and `SSL_CERT_FILE` not at all.
 */
function authorities(env: Env): string[] | undefined {
  const own = ownAuthorities(env);
  return own === undefined ? undefined : [...tls.getCACertificates('default'), own];
}
