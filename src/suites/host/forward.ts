import net from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../model/errors.ts';
import type { ForwardPlan } from '../../model/plan.ts';

/** Makes a connection in the network of the cluster. */
export type DialIn = (host: string, port: number, signal: AbortSignal) => Promise<Duplex>;

export interface Forwards {
  /** What the suite gets: each address with a port of this machine in place of the one in the cluster. */
  readonly env: Readonly<Record<string, string>>;
  /** Closes all ports, and the connections on them. */
  close(): Promise<void>;
}

const loopback = '127.0.0.1';

/**
 * A port of this machine for each address. Every connection to it is one of its own to the Service, made at that moment:
 * so a pod that was replaced is not missed, and one that is not there refuses as it would in the cluster. `say`: why a
 * connection was not made, once for each reason.
 */
export async function openForwards(
  forwards: readonly ForwardPlan[],
  dial: DialIn,
  say: (text: string) => void,
): Promise<Forwards> {
  const stop = new AbortController();
  const servers: net.Server[] = [];
  const said = new Set<string>();
  const env: Record<string, string> = {};
  const close = async (): Promise<void> => {
    stop.abort(new Error('the suite is over'));
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  try {
    for (const { variable, host, port, before, after } of forwards) {
      const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
        void carry(socket, () => dial(host, port, stop.signal), stop.signal).catch((error: unknown) => {
          const text = `${variable} (${host}:${String(port)}): ${messageOf(error)}`;
          if (stop.signal.aborted || said.has(text)) return;
          said.add(text);
          say(text);
        });
      });
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, loopback, resolve);
      });
      const { port: local } = server.address() as net.AddressInfo;
      env[variable] = `${before}${loopback}:${String(local)}${after}`;
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { env, close };
}

/** Both ways until both have ended; rejects when there is no connection to carry to. */
async function carry(socket: net.Socket, dial: () => Promise<Duplex>, stop: AbortSignal): Promise<void> {
  socket.on('error', () => undefined);
  const end = (): void => void socket.destroy();
  stop.addEventListener('abort', end, { once: true });
  socket.once('close', () => stop.removeEventListener('abort', end));
  if (stop.aborted) end();
  let inside: Duplex;
  try {
    inside = await dial();
  } catch (error) {
    // As a refused connection looks to a client that has one already.
    socket.resetAndDestroy();
    throw error;
  }
  socket.once('close', () => inside.destroy());
  inside.once('error', () => socket.resetAndDestroy());
  if (socket.destroyed) inside.destroy();
  socket.pipe(inside);
  inside.pipe(socket);
}
