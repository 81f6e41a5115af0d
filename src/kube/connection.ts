import fs from 'node:fs';
import type https from 'node:https';
import path from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { KetError, messageOf } from '../model/errors.ts';
import { connectionTo, type Connection } from './agent.ts';

export type { Connection, ConnectionOptions } from './agent.ts';

/**
 * Reads a context of a kubeconfig file. This module is the only one that loads client-node, which costs 90 MB and half
 * a second: it is itself imported when first needed; the import above is static, so that a bundler can leave out
 * what is not used of client-node.
 */
export function loadConnection(kubeconfig: string, context: string | undefined): Connection {
  const config = new KubeConfig();
  try {
    config.loadFromFile(kubeconfig);
  } catch (error) {
    throw new KetError('KET_KUBE', `the kubeconfig cannot be read: ${messageOf(error)}`, {
      where: kubeconfig,
    });
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name);
    if (!names.includes(context))
      throw new KetError('KET_KUBE', `the kubeconfig has no context ${context}; it has ${names.join(', ')}`, {
        where: kubeconfig,
      });
    config.setCurrentContext(context);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new KetError('KET_KUBE', 'the kubeconfig names no cluster for its current context', {
      where: kubeconfig,
    });
  const server = new URL(cluster.server);
  const tokenFile = tokenFileOf(kubeconfig, config.getCurrentUser()?.name);
  return connectionTo(server, cluster.proxyUrl !== undefined, async (agent) => {
    if (server.protocol === 'http:') return { agent, headers: {} };
    const applied: https.RequestOptions = {};
    await config.applyToHTTPSOptions(applied);
    const { ca, cert, key, rejectUnauthorized, servername, auth } = applied;
    const pass = { ca, cert, key, rejectUnauthorized, servername, auth };
    return {
      ...Object.fromEntries(Object.entries(pass).filter(([, value]) => value !== undefined)),
      agent: cluster.proxyUrl === undefined ? agent : applied.agent,
      headers: { ...headersOf(applied.headers), ...(await bearerOf(tokenFile)) },
    };
  });
}

/** Credentials set by client-node: Authorization and Impersonate-User. */
function headersOf(headers: https.RequestOptions['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
}

interface Users {
  readonly users?: readonly { readonly name?: string; readonly user?: { readonly tokenFile?: string } }[];
}

/** client-node passes over it. A pod's own kubeconfig names one: the kubelet writes it anew before the token expires. */
function tokenFileOf(kubeconfig: string, user: string | undefined): string | undefined {
  const { users = [] } = parse(fs.readFileSync(kubeconfig, 'utf8')) as Users;
  const file = users.find(({ name }) => name === user)?.user?.tokenFile;
  return file === undefined || file === '' ? undefined : path.resolve(path.dirname(kubeconfig), file);
}

/** What stands in the file goes before a token in the kubeconfig, as with kubectl. */
async function bearerOf(tokenFile: string | undefined): Promise<Record<string, string>> {
  if (tokenFile === undefined) return {};
  try {
    return { Authorization: `Bearer ${(await fs.promises.readFile(tokenFile, 'utf8')).trim()}` };
  } catch (error) {
    throw new KetError('KET_KUBE', `the token of the kubeconfig cannot be read: ${messageOf(error)}`, {
      where: tokenFile,
      cause: error,
    });
  }
}
