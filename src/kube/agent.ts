import http from 'node:http';
import https from 'node:https';
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

/** A connection whose requests share an agent. `options` are asked for each request, with that agent. */
export function connectionTo(
  server: URL,
  proxied: boolean,
  options: (agent: http.Agent) => Promise<ConnectionOptions>,
): Connection {
  const own = { keepAlive: true, keepAliveMsecs: keepAliveMs, maxSockets: Infinity, maxFreeSockets: 16 };
  const agent = server.protocol === 'http:' ? new http.Agent(own) : new https.Agent(own);
  return {
    server,
    contact: new Contact(),
    proxied,
    options: () => options(agent),
    dropIdle() {
      for (const sockets of Object.values(agent.freeSockets))
        for (const socket of sockets ?? []) socket.destroy();
    },
    close: () => agent.destroy(),
  };
}
