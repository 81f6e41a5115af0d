import { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { KubeExecRequest } from '../model/kube.ts';
import { linked, onAbort, reasonOf, throwIfAborted, unlessAborted } from './abort.ts';
import { connectionError, errorOf, KubeError, silence } from './error.ts';
import { ExecSession } from './exec-session.ts';
import { podPath, queryOf } from './paths.ts';
import type { Client } from './request.ts';
import { persist } from './request.ts';

/** Subprotocols of remotecommand; v5 (Kubernetes 1.30) adds only the closing of stdin, which pipes alone use. */
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
/** The API server sends pieces of 32 KiB. */
const maxFrameBytes = 16 * 1024 * 1024;
/** Bytes of a refused handshake that are read for its message. */
const maxRefusalBytes = 64 * 1024;

/** Runs a command in a container over a WebSocket; resolves with its exit code only on a status frame. */
export async function exec(client: Client, request: KubeExecRequest): Promise<{ readonly exitCode: number }> {
  const { namespace, pod, container, argv } = request;
  const path = `${podPath(namespace, pod, 'exec')}${queryOf({
    command: argv,
    container,
    stdin: request.stdin === undefined ? undefined : true,
    stdout: true,
    stderr: true,
  })}`;
  const where = `exec ${argv.join(' ')} in ${namespace}/${pod}/${container}`;
  const stop = linked(request.signal, client.closed);
  try {
    // Only a handshake that was refused is repeated: after it the command runs, and must not run twice.
    const socket = await persist(
      client,
      where,
      (signal) => handshake(client, path, where, signal),
      stop.signal,
    );
    return { exitCode: await new ExecSession(client, request, socket, where, stop.signal).run() };
  } finally {
    stop.release();
  }
}

/**
 * The handshake. An accident after its request was sent may have started the command: it is final, other than in a
 * plain request. Before (a port forward of a container network accepts for a server that is not there) it is not.
 */
export async function handshake(
  client: Client,
  path: string,
  where: string,
  signal: AbortSignal,
): Promise<WebSocket> {
  const { connection, timings } = client;
  const { agent, ...options } = await unlessAborted(connection.options(), signal);
  throwIfAborted(signal);
  const url = new URL(`${connection.server.pathname.replace(/\/$/, '')}${path}`, connection.server);
  return new Promise((resolve, reject) => {
    let sent = false;
    const socket = new WebSocket(url, protocols, {
      ...options,
      // A socket of the pool is of no use here, but the agent of a proxy makes the way to it.
      ...(connection.proxied ? { agent } : {}),
      perMessageDeflate: false,
      maxPayload: maxFrameBytes,
      finishRequest(request) {
        request.on('socket', (raw) =>
          raw.once(raw instanceof TLSSocket ? 'secureConnect' : 'connect', () => (sent = true)),
        );
        request.end();
      },
    });
    const settle = (): void => {
      clearTimeout(timer);
      untie();
    };
    const fail = (error: Error): void => {
      settle();
      socket.terminate();
      reject(error);
    };
    const timer = setTimeout(() => {
      const silent = silence(where, timings.answerMs);
      fail(sent ? final(silent, where) : silent);
    }, timings.answerMs);
    const untie = onAbort(signal, () => fail(reasonOf(signal)));
    socket.on('error', (error) => {
      connection.contact.accident();
      const wrapped = connectionError(where, error);
      fail(sent ? final(wrapped, where) : wrapped);
    });
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < maxRefusalBytes) body += chunk;
      });
      response.on('error', () => undefined);
      response.on('close', () =>
        fail(errorOf(where, response.statusCode ?? 0, response.headers['retry-after'], body)),
      );
    });
    socket.on('open', () => {
      settle();
      // Nothing may come before the session listens.
      socket.pause();
      resolve(socket);
    });
  });
}

const final = (cause: KubeError, where: string): KubeError =>
  new KubeError(cause.message, { status: 0, reason: 'ExecHandshake', where, cause: cause.cause });
