import net from 'node:net';

interface Pair {
  readonly client: net.Socket;
  readonly server: net.Socket;
  frozen: boolean;
}

/** A TCP proxy before an API server, whose connections a test can cut, hold, refuse and slow down. */
export class Proxy {
  readonly port: number;
  readonly #listener: net.Server;
  readonly #pairs: Set<Pair>;
  readonly #traffic: Traffic;

  private constructor(listener: net.Server, pairs: Set<Pair>, traffic: Traffic) {
    this.#listener = listener;
    this.#pairs = pairs;
    this.#traffic = traffic;
    this.port = (listener.address() as net.AddressInfo).port;
  }

  static async before(serverPort: number): Promise<Proxy> {
    const pairs = new Set<Pair>();
    const traffic = new Traffic();
    const listener = net.createServer((client) => {
      if (traffic.refuses) {
        client.destroy();
        return;
      }
      const pair: Pair = { client, server: net.connect(serverPort, '127.0.0.1'), frozen: false };
      pairs.add(pair);
      join(pair, traffic, () => pairs.delete(pair));
    });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    return new Proxy(listener, pairs, traffic);
  }

  /** Ends all connections; says how many there were. */
  cut(): number {
    const { size } = this.#pairs;
    for (const { client, server } of [...this.#pairs]) {
      client.resetAndDestroy();
      server.destroy();
    }
    return size;
  }

  /** Nothing comes through the connections of now any more, while both of their ends stay open; new ones work. */
  freeze(): number {
    for (const pair of this.#pairs) {
      pair.frozen = true;
      pair.client.pause();
      pair.server.pause();
    }
    return this.#pairs.size;
  }

  /** As if there were no server: no connection of now, and no new one. */
  refuse(): void {
    this.#traffic.refuses = true;
    this.cut();
  }

  /** So many bytes a second from the server through each connection. */
  slow(bytesPerSecond: number): void {
    this.#traffic.bytesPerSecond = bytesPerSecond;
  }

  /** Calls when so many more bytes have come from the server. */
  after(bytes: number, action: () => void): void {
    this.#traffic.marks.push({ at: this.#traffic.bytes + bytes, action });
  }

  /** As it was made. */
  reset(): void {
    this.#traffic.refuses = false;
    this.#traffic.bytesPerSecond = undefined;
    this.#traffic.marks = [];
    for (const pair of this.#pairs) if (pair.frozen) pair.client.resetAndDestroy();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    this.cut();
    await closed;
  }
}

class Traffic {
  refuses = false;
  bytesPerSecond: number | undefined;
  bytes = 0;
  marks: { at: number; action: () => void }[] = [];

  count(length: number): void {
    this.bytes += length;
    const due = this.marks.filter(({ at }) => at <= this.bytes);
    this.marks = this.marks.filter(({ at }) => at > this.bytes);
    for (const { action } of due) action();
  }
}

function join(pair: Pair, traffic: Traffic, done: () => void): void {
  const { client, server } = pair;
  const resume = (socket: net.Socket): void => {
    if (!pair.frozen) socket.resume();
  };
  const end = (): void => {
    client.destroy();
    server.destroy();
    done();
  };
  for (const socket of [client, server]) {
    socket.setNoDelay(true);
    socket.on('error', end).on('close', end);
  }
  client.on('data', (chunk: Buffer) => {
    if (!server.write(chunk)) client.pause();
  });
  server.on('drain', () => resume(client));
  server.on('data', (chunk: Buffer) => {
    const free = client.write(chunk);
    const { bytesPerSecond } = traffic;
    if (bytesPerSecond !== undefined || !free) server.pause();
    if (bytesPerSecond !== undefined)
      setTimeout(() => resume(server), (chunk.length / bytesPerSecond) * 1000);
    traffic.count(chunk.length);
  });
  client.on('drain', () => {
    if (traffic.bytesPerSecond === undefined) resume(server);
  });
}
