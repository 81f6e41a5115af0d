import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

/** Where charts are fetched from in tests, on this machine's loopback: a chart repository, and an OCI registry. */

export interface ChartServer {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** `helm package` of a chart's folder; gives the archive. */
export function packChart(folder: string, into: string, version: string): string {
  const said = execFileSync('helm', ['package', folder, '--destination', into, '--version', version], {
    encoding: 'utf8',
  });
  const file = /saved it to: (.*)/.exec(said)?.[1];
  if (file === undefined) throw new Error(`helm package said: ${said}`);
  return file.trim();
}

/** A folder of archives with the index that Helm makes for it. */
export async function chartRepository(folder: string): Promise<ChartServer> {
  execFileSync('helm', ['repo', 'index', folder]);
  return serve((url) => {
    const file = path.join(folder, path.basename(url));
    return fs.existsSync(file) ? { body: fs.readFileSync(file) } : undefined;
  });
}

/** A registry with one chart in one version, by the part of the distribution API that a pull needs. */
export async function chartRegistry(name: string, version: string, archive: string): Promise<ChartServer> {
  const digest = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const layer = fs.readFileSync(archive);
  const config = Buffer.from(JSON.stringify({ name, version, apiVersion: 'v2' }));
  const part = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    digest: digest(bytes),
    size: bytes.length,
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: part('application/vnd.cncf.helm.config.v1+json', config),
      layers: [part('application/vnd.cncf.helm.chart.content.v1.tar+gzip', layer)],
    }),
  );
  const at = (kind: string, reference: string): string => `/v2/charts/${name}/${kind}/${reference}`;
  const answers = new Map<string, Answer>([
    ['/v2/', { body: Buffer.from('{}') }],
    [at('manifests', version), { body: manifest, type: mediaType, digest: digest(manifest) }],
    [at('manifests', digest(manifest)), { body: manifest, type: mediaType, digest: digest(manifest) }],
    ...[layer, config].map((body) => [at('blobs', digest(body)), { body }] as const),
  ]);
  return serve((url) => answers.get(url));
}

interface Answer {
  readonly body: Buffer;
  readonly type?: string;
  readonly digest?: string;
}

async function serve(answer: (url: string) => Answer | undefined): Promise<ChartServer> {
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const url = (request.url ?? '').split('?')[0] ?? '';
    asked.push(url);
    const found = answer(url);
    response.statusCode = found === undefined ? 404 : 200;
    if (found === undefined) {
      response.end();
      return;
    }
    response.setHeader('content-type', found.type ?? 'application/octet-stream');
    response.setHeader('content-length', found.body.length);
    if (found.digest !== undefined) response.setHeader('docker-content-digest', found.digest);
    response.end(request.method === 'HEAD' ? undefined : found.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
