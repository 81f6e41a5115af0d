import https from 'node:https';
import fs from 'node:fs';
import { parse } from 'yaml';

/** Where an API server is, and who asks it. */
export interface Access {
  readonly server: URL;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly {
    readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string };
  }[];
}

/** Reads the kubeconfig of a Kind cluster: one cluster, one user with a certificate. */
export function accessOf(kubeconfig: string): Access {
  const { clusters, users } = parse(fs.readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined) throw new Error(`${kubeconfig} has no cluster or user`);
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64');
  return {
    server: new URL(cluster.server),
    tls: {
      ca: bytes(cluster['certificate-authority-data']),
      cert: bytes(user['client-certificate-data']),
      key: bytes(user['client-key-data']),
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** An API server, asked directly: what it says is the proof that a fault happened. Nothing of ket's own is used. */
export class Api {
  readonly #access: Access;
  readonly #agent = new https.Agent({ keepAlive: true });

  constructor(access: Access) {
    this.#access = access;
  }

  /** One request; rejects when there is no whole answer within 10 s. */
  async ask(method: string, path: string, body?: object): Promise<Answer> {
    const { server, tls } = this.#access;
    return new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      // Said aloud: with a DELETE, Node would leave the length out, and the server would not see the body.
      const headers =
        body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
      const options = { method, headers, agent: this.#agent, ...tls, timeout: 10_000 };
      const request = https.request(new URL(path, server), options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const said = Buffer.concat(chunks).toString();
          const json = response.headers['content-type']?.startsWith('application/json') === true;
          resolve({ status: response.statusCode ?? 0, body: json ? JSON.parse(said) : said });
        });
      });
      request.on('timeout', () => request.destroy(new Error(`${method} ${path}: no answer within 10 s`)));
      request.on('error', reject);
      request.end(text);
    });
  }

  /** Asks until the answer is what is looked for; while the server is away too. Rejects after the limit, with `what`. */
  async until<T>(
    what: string,
    path: string,
    decide: (answer: Answer) => T | undefined,
    limitMs = 60_000,
  ): Promise<T> {
    const over = performance.now() + limitMs;
    let last: unknown;
    for (;;) {
      try {
        const answer = await this.ask('GET', path);
        last = answer;
        const found = decide(answer);
        if (found !== undefined) return found;
      } catch (error) {
        last = error;
      }
      if (performance.now() > over) {
        const said = last instanceof Error ? last.message : JSON.stringify(last).slice(0, 2000);
        throw new Error(`not within ${limitMs / 1000} s: ${what}; the last answer: ${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The part of a pod that proofs look at. */
export interface PodView {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
    }[];
    readonly containerStatuses?: readonly ContainerView[];
    readonly initContainerStatuses?: readonly ContainerView[];
  };
}

interface ContainerView {
  readonly name: string;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state?: { readonly terminated?: { readonly exitCode: number; readonly finishedAt?: string } };
}
