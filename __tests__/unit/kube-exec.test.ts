import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import { KubeError } from '../../src/kube/error.ts';
import type { Timings } from '../../src/kube/timings.ts';
import type { KubeExecRequest } from '../../src/model/kube.ts';
import { eventually, FakeServer, pause, warmUp } from './kube-fake.ts';

const path = '/api/v1/namespaces/a/pods/p/exec';
const success = { status: 'Success' };
const exited = (code: number): object => ({
  status: 'Failure',
  reason: 'NonZeroExitCode',
  message: `command terminated with exit code ${code}`,
  details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
});

let fake: FakeServer;
let server: WebSocketServer;
let asked: URL[];
/** What happens in place of the handshake, one after another. */
let refusals: ((socket: Duplex) => void)[];
/** What the server does with an open connection. */
let play: (socket: WebSocket) => unknown;

const frame = (channel: number, data: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(data)]);

const sendStatus = (socket: WebSocket, status: object): void => {
  socket.send(frame(3, JSON.stringify(status)));
  socket.close(1000);
};

const refuse =
  (code: number, body: string) =>
  (socket: Duplex): void => {
    socket.end(
      `HTTP/1.1 ${code} Refused\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  };

interface Ran {
  readonly exit: Promise<{ readonly exitCode: number }>;
  readonly output: Buffer[];
  readonly errors: Buffer[];
}

async function run(request: Partial<KubeExecRequest> = {}, timings: Partial<Timings> = {}): Promise<Ran> {
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  const kube = await fake.kube(timings);
  const exit = kube.exec({
    namespace: 'a',
    pod: 'p',
    container: 'c',
    argv: ['cat', 'a b'],
    onStdout: (chunk) => void output.push(chunk),
    onStderr: (chunk) => errors.push(chunk),
    signal: AbortSignal.timeout(4500),
    idleMs: 3000,
    ...request,
  });
  exit.catch(() => undefined);
  return { exit, output, errors };
}

beforeAll(warmUp, 60_000);
beforeEach(async () => {
  asked = [];
  refusals = [];
  fake = await FakeServer.start();
  server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  fake.server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined);
    asked.push(new URL(request.url ?? '', fake.url));
    const refusal = refusals.shift();
    if (refusal !== undefined) refusal(socket);
    else
      server.handleUpgrade(request, socket, head, (open) => {
        open.on('error', () => undefined);
        play(open);
      });
  });
});
afterEach(async () => {
  server.close();
  await fake.stop();
});

describe('the end of a command', () => {
  test('0, with all output; the newest protocol and the exact command are asked for', async () => {
    let protocol = '';
    play = (socket) => {
      protocol = socket.protocol;
      for (const channel of [1, 2, 3]) socket.send(frame(channel, ''));
      socket.send(frame(1, Buffer.from([0, 255, 10])));
      socket.send(frame(2, 'warning'));
      socket.send(frame(1, 'end'));
      sendStatus(socket, success);
    };
    const { exit, output, errors } = await run();
    expect(await exit).toEqual({ exitCode: 0 });
    expect(Buffer.concat(output)).toEqual(Buffer.from([0, 255, 10, ...Buffer.from('end')]));
    expect(Buffer.concat(errors).toString()).toBe('warning');
    expect(protocol).toBe('v5.channel.k8s.io');
    expect(asked[0]?.pathname).toBe(path);
    expect(asked[0]?.search).toBe('?command=cat&command=a+b&container=c&stdout=true&stderr=true');
  });

  test('stdin is open where there is something to say, and it is said once it is known', async () => {
    const word = Promise.withResolvers<string>();
    const heard: string[] = [];
    play = (socket) => {
      socket.on('message', (data: Buffer) => {
        heard.push(data.toString());
        sendStatus(socket, success);
      });
      socket.send(frame(1, 'well?'));
    };
    const { exit, output } = await run({ stdin: word.promise });
    await eventually('output', () => output.length === 1);
    expect(heard).toEqual([]);
    word.resolve('ack\n');
    expect(await exit).toEqual({ exitCode: 0 });
    expect(heard).toEqual(['\0ack\n']);
    expect(asked[0]?.searchParams.get('stdin')).toBe('true');
  });

  test('what is to be said comes too late for a connection that is over', async () => {
    const word = Promise.withResolvers<string>();
    play = (socket) => sendStatus(socket, success);
    const { exit } = await run({ stdin: word.promise });
    expect(await exit).toEqual({ exitCode: 0 });
    word.resolve('ack\n');
    await pause(10);
  });

  test('what cannot be said ends it', async () => {
    const word = Promise.withResolvers<string>();
    play = () => setTimeout(() => word.reject(new Error('nothing to say')), 50);
    const { exit } = await run({ stdin: word.promise });
    await expect(exit).rejects.toThrow('nothing to say');
  });

  test('an older server gets the older protocol', async () => {
    server.options.handleProtocols = (offered) =>
      offered.has('v4.channel.k8s.io') ? 'v4.channel.k8s.io' : false;
    play = (socket) => sendStatus(socket, success);
    expect(await (await run()).exit).toEqual({ exitCode: 0 });
  });

  test('another exit code', async () => {
    play = (socket) => sendStatus(socket, exited(3));
    expect(await (await run()).exit).toEqual({ exitCode: 3 });
  });

  test.each([
    [{ status: 'Failure', reason: 'InternalError', message: 'container not found ("c")', code: 500 }],
    [{ status: 'Failure', reason: 'NonZeroExitCode', message: 'without a code' }],
    ['no JSON'],
  ])('a status that tells no exit code is an error: %j', async (status) => {
    play = (socket) => sendStatus(socket, status as object);
    await expect((await run()).exit).rejects.toBeInstanceOf(KubeError);
  });

  test('a connection that ends without status is an error, however it ends', async () => {
    for (const end of [
      (socket: WebSocket): void => socket.close(1000),
      (socket: WebSocket): void => socket.terminate(),
      (): void => fake.cutAll(),
    ]) {
      play = (socket) => {
        socket.send(frame(1, 'much output'));
        setTimeout(() => end(socket), 10);
      };
      const { exit, output } = await run();
      await expect(exit).rejects.toMatchObject({ status: 0, reason: 'ConnectionLost' });
      expect(Buffer.concat(output).toString()).toBe('much output');
    }
  });

  test('a status counts also when the server does not close', async () => {
    play = (socket) => socket.send(frame(3, JSON.stringify(success)));
    expect(await (await run({}, { closeMs: 30 })).exit).toEqual({ exitCode: 0 });
  });

  test('output that comes after the status is still taken', async () => {
    play = (socket) => {
      socket.send(frame(3, JSON.stringify(success)));
      setTimeout(() => {
        socket.send(frame(1, 'late'));
        socket.close(1000);
      }, 20);
    };
    const { exit, output } = await run();
    await exit;
    expect(Buffer.concat(output).toString()).toBe('late');
  });
});

describe('back pressure', () => {
  test('a slow reader slows the sender down; nothing is lost or put in memory', async () => {
    const piece = Buffer.alloc(32 * 1024, 7);
    const pieces = 1600;
    let sent = 0;
    let most = 0;
    play = async (socket) => {
      for (; sent < pieces; sent += 1) {
        socket.send(frame(1, piece));
        while (socket.bufferedAmount > 1024 * 1024) await pause(1);
      }
      sendStatus(socket, success);
    };
    const hash = createHash('sha256');
    let bytes = 0;
    const { exit } = await run({
      // 50 MiB are a second's work, and several on a busy machine.
      signal: AbortSignal.timeout(30_000),
      onStdout: async (chunk) => {
        hash.update(chunk);
        bytes += chunk.length;
        if (bytes % (piece.length * 100) === 0) await pause(15);
        most = Math.max(most, sent * piece.length - bytes);
      },
    });
    expect(await exit).toEqual({ exitCode: 0 });
    expect(bytes).toBe(pieces * piece.length);
    const wanted = createHash('sha256');
    for (let n = 0; n < pieces; n += 1) wanted.update(piece);
    expect(hash.digest('hex')).toBe(wanted.digest('hex'));
    // The sender's own buffer and those of the two sockets.
    expect(most).toBeLessThan(16 * 1024 * 1024);
  }, 40_000);

  test('the reader is never called while it is busy, and the end waits for it', async () => {
    play = (socket) => {
      for (let n = 0; n < 50; n += 1) socket.send(frame(1, `${n},`));
      sendStatus(socket, success);
    };
    let busy = 0;
    let text = '';
    const { exit } = await run({
      onStdout: async (chunk) => {
        busy += 1;
        expect(busy).toBe(1);
        await pause(1);
        text += chunk.toString();
        busy -= 1;
      },
    });
    expect(await exit).toEqual({ exitCode: 0 });
    expect(text).toBe(Array.from({ length: 50 }, (_, n) => `${n},`).join(''));
  });

  test('a connection that dies while the reader is busy is an error', async () => {
    play = (socket) => {
      socket.send(frame(1, 'a'));
      socket.send(frame(1, 'b'));
      setTimeout(() => socket.terminate(), 10);
    };
    const { exit } = await run({ onStdout: () => pause(60) });
    await expect(exit).rejects.toMatchObject({ reason: 'ConnectionLost' });
  });

  test.each([
    [
      'throws',
      (): never => {
        throw new Error('disk full');
      },
    ],
    ['rejects', (): Promise<never> => Promise.reject(new Error('disk full'))],
  ])('a reader that %s ends the exec with its error', async (_name, onStdout) => {
    play = (socket) => socket.send(frame(1, 'a'));
    await expect((await run({ onStdout })).exit).rejects.toThrow('disk full');
  });
});

describe('silence', () => {
  test('no output for too long', async () => {
    play = () => undefined;
    await expect((await run({ idleMs: 60 })).exit).rejects.toMatchObject({ reason: 'SILENCE' });
  });

  test('a busy reader is not silence', async () => {
    play = (socket) => {
      socket.send(frame(1, 'a'));
      setTimeout(() => sendStatus(socket, success), 10);
    };
    expect(await (await run({ idleMs: 40, onStdout: () => pause(150) }, { pingMs: 300 })).exit).toEqual({
      exitCode: 0,
    });
  });

  test('a quiet command on a living connection goes on; a dead connection is found by its pings', async () => {
    // Far apart, so that a busy machine is not taken for a dead connection.
    const quiet = { pingMs: 300 };
    play = (socket) => setTimeout(() => sendStatus(socket, success), 1000);
    expect(await (await run({}, quiet)).exit).toEqual({ exitCode: 0 });
    play = (socket) => socket.pause();
    const start = performance.now();
    await expect((await run({}, quiet)).exit).rejects.toMatchObject({ reason: 'SILENCE' });
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('the handshake', () => {
  test('429 and 503 are repeated', async () => {
    const body = JSON.stringify({ status: 'Failure', message: 'later' });
    refusals = [refuse(429, body), refuse(503, body)];
    play = (socket) => sendStatus(socket, success);
    expect(await (await run()).exit).toEqual({ exitCode: 0 });
    expect(asked).toHaveLength(3);
  });

  test('a refusal is told in the server’s words, and not repeated', async () => {
    refusals = [
      refuse(403, JSON.stringify({ status: 'Failure', reason: 'Forbidden', message: 'no pods/exec' })),
    ];
    const { exit } = await run();
    await expect(exit).rejects.toMatchObject({ status: 403, reason: 'Forbidden' });
    await expect(exit).rejects.toThrow('no pods/exec');
    expect(asked).toHaveLength(1);
  });

  test('a handshake that is cut may have started the command: not repeated', async () => {
    refusals = [(socket) => socket.destroy()];
    await expect((await run()).exit).rejects.toMatchObject({ reason: 'ExecHandshake' });
    expect(asked).toHaveLength(1);
  });

  test('a server that is not there yet: repeated, for nothing was sent', async () => {
    play = (socket) => sendStatus(socket, success);
    const port = Number(new URL(fake.url).port);
    await new Promise((resolve) => fake.server.close(resolve));
    const { exit } = await run();
    await pause(60);
    await new Promise<void>((resolve) => fake.server.listen(port, '127.0.0.1', resolve));
    expect(await exit).toEqual({ exitCode: 0 });
  });

  test('one that is never answered is left at the limit', async () => {
    refusals = [() => undefined];
    await expect((await run({}, { answerMs: 60 })).exit).rejects.toMatchObject({ reason: 'ExecHandshake' });
  });
});

test('the signal ends it with its reason, and the connection with it', async () => {
  let left = false;
  let open = false;
  play = (socket) => {
    open = true;
    socket.on('close', () => (left = true));
  };
  const controller = new AbortController();
  const reason = new Error('enough');
  const { exit } = await run({ signal: controller.signal });
  await eventually('open', () => open);
  controller.abort(reason);
  await expect(exit).rejects.toBe(reason);
  await eventually('closed', () => left);
});
