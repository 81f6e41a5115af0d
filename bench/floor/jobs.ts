import fs from 'node:fs';
import https from 'node:https';
import { parse } from 'yaml';

/** What kind writes: one cluster, one user. */
interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } },
  ];
  readonly users: readonly [
    { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } },
  ];
}

export interface JobPoster {
  /** Posts all at once; resolves with the ms until each was taken. */
  post(jobs: readonly object[]): Promise<number[]>;
  close(): void;
}

/**
 * The least between a release that is ready and its suites: each Job is one request on a connection that is open
 * already. Resolves when there are as many as Jobs.
 */
export async function jobPoster(kubeconfig: string, namespace: string, jobs: number): Promise<JobPoster> {
  const { clusters, users } = parse(fs.readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const [{ cluster }] = clusters;
  const [{ user }] = users;
  const plain = (base64: string): Buffer => Buffer.from(base64, 'base64');
  const agent = new https.Agent({ keepAlive: true, maxFreeSockets: jobs });
  const credentials = {
    ca: plain(cluster['certificate-authority-data']),
    cert: plain(user['client-certificate-data']),
    key: plain(user['client-key-data']),
  };
  const ask = (path: string, body?: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = https.request(new URL(path, cluster.server), {
        ...{ agent, ...credentials, method: body === undefined ? 'GET' : 'POST' },
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
      });
      request.on('error', reject).on('response', (response) => {
        response.resume().on('end', () => {
          if ((response.statusCode ?? 500) < 300) resolve();
          else reject(new Error(`${path}: ${String(response.statusCode)}`));
        });
      });
      request.end(body);
    });
  await Promise.all(Array.from({ length: jobs }, () => ask('/version')));
  return {
    post(objects) {
      const began = performance.now();
      return Promise.all(
        objects.map(async (object) => {
          await ask(`/apis/batch/v1/namespaces/${namespace}/jobs`, JSON.stringify(object));
          return performance.now() - began;
        }),
      );
    },
    close: () => agent.destroy(),
  };
}
