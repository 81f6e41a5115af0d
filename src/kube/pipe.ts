import type { RawData, WebSocket } from 'ws';
import type { KubePipe, KubePipeRequest } from '../model/kube.ts';
import { linked, onAbort, reasonOf } from './abort.ts';
import { KubeError, silence } from './error.ts';
import { bytesOf, channel } from './channels.ts';
import { handshake } from './exec.ts';
import { podPath, queryOf } from './paths.ts';
import type { Client } from './request.ts';
import { persist } from './request.ts';

/** Closes a channel, in v5 of the protocol: of the stream with the number behind it. */
const closeChannel = 255;
/** The API server sends pieces of the same size. */
const pieceBytes = 32 * 1024;

/** Runs a command whose stdin and stdout are a connection; resolves when it runs. */
export async function openPipe(client: Client, request: KubePipeRequest): Promise<KubePipe> {
  const { namespace, pod, container, argv } = request;
  const path = `${podPath(namespace, pod, 'exec')}${queryOf({
    command: argv,
    container,
    ...{ stdin: true, stdout: true, stderr: true },
  })}`;
  const where = `exec ${argv.join(' ')} in ${namespace}/${pod}/${container}`;
  const stop = linked(request.signal, client.closed);
  try {
    const socket = await persist(
      client,
      where,
      (signal) => handshake(client, path, where, signal),
      stop.signal,
    );
    return started(client, request, socket, where, stop);
  } catch (error) {
    stop.release();
    throw error;
  }
}

function started(
  client: Client,
  { onStdout, onStderr, onClose }: KubePipeRequest,
  socket: WebSocket,
  where: string,
  stop: ReturnType<typeof linked>,
): KubePipe {
  const { pingMs } = client.timings;
  let lastFrame = performance.now();
  let held = false;
  let over = false;
  let untie = (): void => undefined;
  const close = (error?: Error): void => {
    if (over) return;
    over = true;
    clearInterval(ping);
    untie();
    stop.release();
    socket.terminate();
    onClose(error);
  };
  const ping = setInterval(() => {
    if (held || socket.readyState !== socket.OPEN) return;
    if (performance.now() - lastFrame > 2 * pingMs) close(silence(where, 2 * pingMs));
    else socket.ping();
  }, pingMs);
  const alive = (): void => void (lastFrame = performance.now());
  socket.on('pong', alive);
  socket.on('ping', alive);
  socket.on('message', (data: RawData) => {
    alive();
    const frame = bytesOf(data);
    const rest = frame.subarray(1);
    if (over || rest.length === 0) return;
    if (frame[0] === channel.stdout) onStdout(rest);
    else if (frame[0] === channel.stderr) onStderr(rest);
    else if (frame[0] === channel.status) close();
  });
  let cause: Error | undefined;
  socket.on('error', (error) => (cause ??= error));
  socket.on('close', () => {
    client.connection.contact.accident();
    close(
      new KubeError('the connection to the pod ended', {
        ...{ status: 0, reason: 'ConnectionLost', where },
        ...(cause === undefined ? {} : { cause }),
      }),
    );
  });
  untie = onAbort(stop.signal, () => close(reasonOf(stop.signal)));
  const send = (frame: Buffer): Promise<void> =>
    new Promise((resolve, reject) =>
      socket.send(frame, (error) => (error instanceof Error ? reject(error) : resolve())),
    );
  socket.resume();
  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; at += pieceBytes)
        await send(Buffer.concat([Buffer.of(channel.stdin), chunk.subarray(at, at + pieceBytes)]));
    },
    async end() {
      if (socket.protocol === 'v5.channel.k8s.io') await send(Buffer.of(closeChannel, channel.stdin));
    },
    hold() {
      held = true;
      socket.pause();
    },
    go() {
      held = false;
      alive();
      socket.resume();
    },
    close: () => close(),
  };
}
