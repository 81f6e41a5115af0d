import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const most = 1024 * 1024;
const limitMs = 60_000;

/**
 * A proxy on loopback before act's artifact server, which does not know the field `mime_type` and signs URLs with a
 * bare `=` at the end, which the storage client cuts off. `url` stands in for ACTIONS_RESULTS_URL; uploads themselves
 * go to the signed URL, past the proxy.
 */
export async function actArtifactShim(target: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    pass(request, target).then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      // The client tries a 502 again; what it says in the end has this text.
      (error: unknown) => response.writeHead(502).end(JSON.stringify({ msg: String(error) })),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async close() {
      const closed = once(server.close(), 'close');
      server.closeAllConnections();
      await closed;
    },
  };
}

async function pass(
  request: http.IncomingMessage,
  target: string,
): Promise<{ status: number; type: string; body: string }> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) throw new Error('the request is too large');
    chunks.push(chunk);
  }
  const creates = request.url?.endsWith('/CreateArtifact') === true;
  const sent = Buffer.concat(chunks).toString('utf8');
  const { authorization = '', 'content-type': type = 'application/json' } = request.headers;
  const answer = await fetch(new URL(request.url ?? '/', target), {
    method: request.method ?? 'POST',
    headers: { authorization, 'content-type': type },
    body: creates ? rewrite(sent, withoutMimeType) : sent,
    signal: AbortSignal.timeout(limitMs),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    type: answer.headers.get('content-type') ?? 'application/json',
    body: creates && answer.ok ? rewrite(text, withWholeSignature) : text,
  };
}

type Fields = Record<string, unknown>;

const rewrite = (json: string, change: (fields: Fields) => Fields): string =>
  JSON.stringify(change(JSON.parse(json) as Fields));

const withoutMimeType = ({ mime_type: _, mimeType: __, ...rest }: Fields): Fields => rest;

const wholeSignature = (url: string): string =>
  url.replace(/([?&]sig=)([^&]*)/, (_, key: string, sig: string) => key + sig.replaceAll('=', '%3D'));

const withWholeSignature = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      /^signed_?upload_?url$/i.test(key) && typeof value === 'string' ? wholeSignature(value) : value,
    ]),
  );
