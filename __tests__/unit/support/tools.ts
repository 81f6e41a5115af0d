import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import type { Server } from 'node:http';
import { platformOf, type ListedTool, type VersionTable } from '../../../src/tools/table.ts';

export const sha256 = (content: Buffer | string): string =>
  createHash('sha256').update(content).digest('hex');

/** Bytes that no compression makes small, different for each seed. */
export function bytes(size: number, seed = 'x'): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < size; i += 1) parts.push(createHash('sha256').update(`${seed}${i}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

const platform = platformOf() ?? 'linux/amd64';

/** A table that offers the given downloads for this machine. */
export function tableOf(
  downloads: Readonly<Partial<Record<ListedTool, Readonly<Record<string, Buffer>>>>>,
): VersionTable {
  const releases = (tool: ListedTool) =>
    Object.entries(downloads[tool] ?? {}).map(([version, content]) => ({
      version,
      sources: [],
      sha256: { [platform]: sha256(content) },
    }));
  return {
    defaults: { kind: '', kubernetes: '', helm: '' },
    kind: releases('kind').map((release) => ({ ...release, images: [] })),
    kubectl: releases('kubectl'),
    helm: releases('helm'),
  };
}

/** The archive of Helm for this machine, made by tar from what `fill` puts into its folder. */
export function helmArchive(folder: string, fill: (folder: string) => void): Buffer {
  const name = platform.replace('/', '-');
  const inner = path.join(folder, name);
  fs.mkdirSync(inner, { recursive: true });
  fill(inner);
  const file = path.join(folder, 'made.tar.gz');
  execFileSync('tar', ['-czf', file, '-C', folder, name]);
  const content = fs.readFileSync(file);
  fs.rmSync(inner, { recursive: true });
  fs.rmSync(file);
  return content;
}

export interface Web {
  readonly base: string;
  /** Every request so far: method and path, and the authorization it brought. */
  readonly requests: { readonly line: string; readonly authorization?: string }[];
  close(): Promise<void>;
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A server on loopback; the handler answers the n-th request. */
export async function serve(handler: (n: number) => Handler, make = http.createServer): Promise<Web> {
  const requests: { line: string; authorization?: string }[] = [];
  const server = make((request: http.IncomingMessage, response: http.ServerResponse) => {
    const { authorization } = request.headers;
    requests.push({
      line: `${request.method ?? ''} ${request.url ?? ''}`,
      ...(authorization === undefined ? {} : { authorization }),
    });
    handler(requests.length)(request, response);
  });
  return { requests, ...(await listening(server)) };
}

export async function listening(server: Server): Promise<Pick<Web, 'base' | 'close'>> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    base: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

export const give =
  (content: Buffer | string, headers: http.OutgoingHttpHeaders = {}, status = 200): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-length': Buffer.byteLength(content), ...headers });
    response.end(content);
  };
