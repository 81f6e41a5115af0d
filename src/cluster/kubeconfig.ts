import path from 'node:path';
import { closest, distance } from 'fastest-levenshtein';
import { parse, stringify } from 'yaml';
import { KetError, messageOf } from '../model/errors.ts';

/** A kubeconfig as it was read; the texts are never shown, for they hold keys. */
export interface KubeconfigFile {
  readonly path: string;
  readonly text: string;
}

/** A context, and the kubeconfig that has nothing else. */
export interface ChosenContext {
  readonly context: string;
  readonly server: string;
  /** ket's own copy, which holds keys as the original does. */
  readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

interface Named {
  readonly name: string;
  readonly fields: Fields;
  /** The file it stands in: its relative paths begin in that folder. */
  readonly file: string;
}

const record = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const fault = (message: string, where: string, next: string, details: readonly string[] = []): KetError =>
  new KetError('KET_CONFIG', message, { where, next, details });

/**
 * The context that is meant, of the files as kubectl merges them (what stands first goes before), and a copy that holds
 * it alone: paths absolute, so that the copy may lie anywhere. What could not work is refused here, by its name.
 * `isProgram` tells whether a credential plugin can be run.
 */
export function chooseContext(
  files: readonly KubeconfigFile[],
  wanted: string | undefined,
  isProgram: (command: string) => boolean,
): ChosenContext {
  const where = files.map((file) => file.path).join(path.delimiter);
  const read = files.map(readFile);
  const all = (key: string, inner: string): Named[] => read.flatMap((one) => namedIn(one, key, inner));
  const contexts = all('contexts', 'context');
  const names = [...new Set(contexts.map(({ name }) => name))];
  const current = read
    .map(({ fields }) => textOf(fields['current-context']))
    .find((name) => name !== undefined);
  const name = wanted ?? current ?? (names.length === 1 ? names[0] : undefined);
  if (name === undefined)
    throw names.length === 0
      ? fault(
          'the kubeconfig has no context',
          where,
          'name another one: `kubeconfig` of the cluster, or --kubeconfig',
        )
      : fault(
          `the kubeconfig has ${String(names.length)} contexts, and none is named or current`,
          where,
          `name one: \`context\` of the cluster in ket.yaml, or --context ${names[0] ?? ''}`,
          names,
        );
  const found = contexts.find((one) => one.name === name);
  if (found === undefined) {
    const near = names.length === 0 ? undefined : closest(name, names);
    const meant =
      near !== undefined && distance(name, near) <= Math.max(2, name.length / 4) ? near : undefined;
    throw fault(
      `the kubeconfig has no context ${name}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
      where,
      'name one that it has: `context` of the cluster in ket.yaml, or --context',
      names,
    );
  }
  const part = (key: 'cluster' | 'user', list: readonly Named[]): Named | undefined => {
    const of = textOf(found.fields[key]);
    if (of === undefined) return undefined;
    const one = list.find((other) => other.name === of);
    if (one === undefined)
      throw fault(
        `context ${name} names ${key} ${of}, which the kubeconfig does not have`,
        where,
        'mend the kubeconfig',
      );
    return one;
  };
  const cluster = part('cluster', all('clusters', 'cluster'));
  const server = textOf(cluster?.fields['server']);
  if (cluster === undefined || server === undefined)
    throw fault(`context ${name} names no cluster with a server`, where, 'mend the kubeconfig');
  const user = part('user', all('users', 'user'));
  const copy = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    contexts: [
      {
        name,
        context: {
          ...found.fields,
          cluster: cluster.name,
          ...(user === undefined ? {} : { user: user.name }),
        },
      },
    ],
    clusters: [{ name: cluster.name, cluster: withAbsolute(cluster, ['certificate-authority']) }],
    users: user === undefined ? [] : [{ name: user.name, user: userOf(user, cluster, isProgram) }],
  };
  return { context: name, server, text: stringify(copy) };
}

interface ReadFile {
  readonly path: string;
  readonly fields: Fields;
}

function readFile({ path: file, text }: KubeconfigFile): ReadFile {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    // The first line alone: what follows shows the text, which may hold keys.
    throw fault(
      `the kubeconfig is no YAML: ${messageOf(error).split('\n')[0] ?? ''}`,
      file,
      'mend it, or name another one',
    );
  }
  if (value !== null && (typeof value !== 'object' || Array.isArray(value)))
    throw fault('this is no kubeconfig', file, 'name another one');
  return { path: file, fields: record(value) };
}

function namedIn({ path: file, fields }: ReadFile, key: string, inner: string): Named[] {
  const list: unknown = fields[key];
  return (Array.isArray(list) ? list : []).flatMap((entry: unknown) => {
    const name = textOf(record(entry)['name']);
    return name === undefined ? [] : [{ name, fields: record(record(entry)[inner]), file }];
  });
}

/** Paths in a kubeconfig are relative to its folder. */
function withAbsolute({ fields, file }: Named, keys: readonly string[]): Record<string, unknown> {
  const paths = keys.flatMap((key): [string, string][] => {
    const value = textOf(fields[key]);
    return value === undefined ? [] : [[key, path.resolve(path.dirname(file), value)]];
  });
  return { ...fields, ...Object.fromEntries(paths) };
}

function userOf(user: Named, cluster: Named, isProgram: (command: string) => boolean): Fields {
  const fields = withAbsolute(user, ['client-certificate', 'client-key', 'tokenFile']);
  if (fields['auth-provider'] !== undefined) {
    const provider = textOf(record(fields['auth-provider'])['name']) ?? '';
    throw fault(
      `user ${user.name} logs in by the auth provider ${provider}, which Kubernetes has given up`,
      user.file,
      'get a kubeconfig with a credential plugin in its place (gke-gcloud-auth-plugin, kubelogin), or with the token of a service account',
    );
  }
  if (fields['exec'] === undefined) return fields;
  return { ...fields, exec: execOf(user, record(fields['exec']), cluster, isProgram) };
}

/** A credential plugin: run by ket and by Helm, with nobody at a terminal. */
function execOf(
  user: Named,
  exec: Fields,
  cluster: Named,
  isProgram: (command: string) => boolean,
): Record<string, unknown> {
  const written = textOf(exec['command']);
  if (written === undefined)
    throw fault(
      `the credential plugin of user ${user.name} has no command`,
      user.file,
      'mend the kubeconfig',
    );
  // As kubectl reads it: a name alone is looked up in PATH, a path is relative to the kubeconfig.
  const command = written.includes('/') ? path.resolve(path.dirname(user.file), written) : written;
  if (exec['interactiveMode'] === 'Always')
    throw fault(
      `the credential plugin ${written} of user ${user.name} asks somebody at a terminal`,
      user.file,
      'ket asks nobody: log in before, or use a kubeconfig with the token of a service account',
    );
  if (!isProgram(command))
    throw fault(
      `the credential plugin ${written} of user ${user.name} is not there`,
      user.file,
      textOf(exec['installHint'])?.trim() ?? `put ${written} into PATH, or use another context`,
    );
  const env = Array.isArray(exec['env']) ? (exec['env'] as unknown[]) : [];
  return {
    ...exec,
    command,
    env: [...env, { name: 'KUBERNETES_EXEC_INFO', value: execInfo(exec, cluster) }],
  };
}

/** What kubectl tells a plugin in its environment; Helm puts its own after it, which says the same. */
function execInfo(exec: Fields, cluster: Named): string {
  const { fields } = cluster;
  const about = withAbsolute(cluster, ['certificate-authority']);
  return JSON.stringify({
    apiVersion: textOf(exec['apiVersion']) ?? 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: {
      interactive: false,
      ...(exec['provideClusterInfo'] === true
        ? {
            cluster: {
              server: fields['server'],
              ...(fields['tls-server-name'] === undefined
                ? {}
                : { 'tls-server-name': fields['tls-server-name'] }),
              ...(fields['insecure-skip-tls-verify'] === true ? { 'insecure-skip-tls-verify': true } : {}),
              ...(fields['certificate-authority-data'] === undefined
                ? {}
                : { 'certificate-authority-data': fields['certificate-authority-data'] }),
              ...(about['certificate-authority'] === undefined
                ? {}
                : { 'certificate-authority': about['certificate-authority'] }),
              ...(fields['proxy-url'] === undefined ? {} : { 'proxy-url': fields['proxy-url'] }),
            },
          }
        : {}),
    },
  });
}
