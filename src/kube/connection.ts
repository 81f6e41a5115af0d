import http from 'node:http';
import https from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { KetError, messageOf } from '../model/errors.ts';
import { Contact } from './contact.ts';

/** What a request needs besides method and path: TLS material, credentials, agent. */
export type ConnectionOptions = Pick<
  https.RequestOptions,
  'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername' | 'auth' | 'agent'
> & { readonly headers: Readonly<Record<string, string>> };

/** One API server as one user; plain HTTP is for `kubectl proxy` and tests, and carries no credentials. */
export interface Connection {
  readonly server: URL;
  readonly contact: Contact;
  /** The kubeconfig names a proxy, and the agent of the options goes through it. */
  readonly proxied: boolean;
  /** Asked for each request: tokens of exec plugins and of files expire. */
  options(): Promise<ConnectionOptions>;
  /** Drops the idle sockets: after one died silently the others to the same server are no better. */
  dropIdle(): void;
  close(): void;
}

/** Bare TCP keep-alive: it finds dead peers of streams that may be silent for hours. */
const keepAliveMs = 30_000;

/**
 * Reads a context of a kubeconfig file. This module is the only one that loads client-node, which costs 90 MB and half
 * a second: it is itself imported when first needed; the import above is static, so that a bundler can leave out
 * what is not used of client-node.
 */
export function loadConnection(kubeconfig: string, context: string | undefined): Connection {
  const config = new KubeConfig();
  try {
    config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new KetError('KET_KUBE', `the kubeconfig cannot be read: ${messageOf(error)}`, {
      where: kubeconfig,
    });
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context))
      throw new KetError('KET_KUBE', `the kubeconfig has no context ${context}; it has ${names.join(', ')}`, {
        where: kubeconfig,
      });
    config.setCurrentContext(context);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new KetError('KET_KUBE', 'the kubeconfig names no cluster for its current context', {
      where: kubeconfig,
    });
  const server = new URL(cluster.server);
  const own = { keepAlive: true, keepAliveMsecs: keepAliveMs, maxSockets: Infinity, maxFreeSockets: 16 };
  const agent = server.protocol === 'http:' ? new http.Agent(own) : new https.Agent(own);
  return {
    server,
    contact: new Contact(),
    proxied: cluster.proxyUrl !== undefined,
    async options() {
      if (server.protocol === 'http:') return { agent, headers: {} };
      const applied: https.RequestOptions = {};
      await config.applyToHTTPSOptions(applied);
      const { ca, cert, key, rejectUnauthorized, servername, auth } = applied;
      const pass = { ca, cert, key, rejectUnauthorized, servername, auth };
      return {
        ...Object.fromEntries(Object.entries(pass).filter(([, value]) => value !== undefined)),
        agent: cluster.proxyUrl === undefined ? agent : applied.agent,
        headers: headersOf(applied.headers),
      };
    },
    dropIdle() {
      for (const sockets of Object.values(agent.freeSockets))
        for (const socket of sockets ?? []) socket.destroy();
    },
    close: () => agent.destroy(),
  };
}

/** Credentials set by client-node: Authorization and Impersonate-User. */
function headersOf(headers: https.RequestOptions['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}
