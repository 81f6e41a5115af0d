import { KetError } from '../model/errors.ts';
import type { Kube } from '../model/kube.ts';
import type { ConnectDeps, ConnectOptions } from './connect.ts';
import { exec } from './exec.ts';
import { follow } from './follow.ts';
import { listAll } from './list.ts';
import { createObject, deleteObject, getObject, patchObject } from './objects.ts';
import { openPipe } from './pipe.ts';
import { plainConnection } from './plain-connection.ts';
import { ListWatch } from './reflector.ts';
import type { Client } from './request.ts';
import { get } from './request.ts';
import { tail } from './tail.ts';
import { defaultTimings } from './timings.ts';

/** The door of `connect`, with everything that it needs loaded. */
export async function clientOf(options: ConnectOptions, deps: ConnectDeps): Promise<Kube> {
  const connection =
    plainConnection(options.kubeconfig, options.context) ??
    (await import('./connection.ts')).loadConnection(options.kubeconfig, options.context);
  const closing = new AbortController();
  const client: Client = {
    connection,
    timings: { ...defaultTimings, ...deps.timings },
    random: deps.random ?? Math.random,
    closed: closing.signal,
  };
  return {
    server: connection.server.href.replace(/\/$/, ''),
    get: (ref, signal) => getObject(client, ref, signal),
    list: async <T>(query: Parameters<Kube['list']>[0], signal?: AbortSignal) =>
      (await listAll<T>(client, query, signal)).items,
    create: (object, signal) => createObject(client, object, signal),
    patch: (ref, patch, signal) => patchObject(client, ref, patch, signal),
    delete: (ref, how, signal) => deleteObject(client, ref, how, signal),
    text: (path, signal) => get(client, path, signal),
    reflect: <T>(query: Parameters<Kube['reflect']>[0]) => new ListWatch<T>(client, query),
    follow: (container, how) => follow(client, container, how),
    tail: (container, lines, how, signal) => tail(client, container, lines, how, signal),
    exec: (request) => exec(client, request),
    pipe: (request) => openPipe(client, request),
    close() {
      closing.abort(new KetError('KET_CANCELLED', 'the connection to the cluster was closed'));
      connection.close();
    },
  };
}
