import fs from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Exec } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A name and a password, or a token in its place. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The part of Docker's config.json that is about logins; the rest is passed on as it is. */
export interface DockerConfig extends Readonly<Record<string, unknown>> {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

const helperMs = 20_000;
const hub = 'https://index.docker.io/v1/';

/** The key of a registry in config.json and in pull secrets. */
export const keyOf = (host: string): string =>
  /^(index\.|registry-1\.)?docker\.io$/.test(host) ? hub : host;

/** All keys under which Docker and others have written logins of a host. */
const keysOf = (host: string): readonly string[] =>
  keyOf(host) === hub
    ? [hub, 'docker.io', 'index.docker.io']
    : [host, `https://${host}`, `http://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];

export const dockerHome = (env: Env): string =>
  env['DOCKER_CONFIG'] ?? path.join(env['HOME'] ?? '/', '.docker');

/** Docker's config.json; empty where there is none. Throws a KetError where it cannot be read. */
export function readDockerConfig(env: Env): DockerConfig {
  const file = path.join(dockerHome(env), 'config.json');
  if (!fs.existsSync(file)) return {};
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as DockerConfig;
  } catch {
    // What the parser says may quote a login.
    throw new KetError('KET_PREREQUISITE', "Docker's own configuration cannot be read", {
      where: file,
      next: 'it is JSON that docker login writes; mend it, or name variables for the registries in ket.yaml',
    });
  }
}

/** The login that Docker has for a registry: from a helper, or from config.json itself. Undefined: none. */
export async function dockerLogin(
  exec: Exec,
  config: DockerConfig,
  host: string,
  signal: AbortSignal,
): Promise<Login | undefined> {
  for (const key of keysOf(host)) {
    const helper = config.credHelpers?.[key] ?? config.credsStore ?? '';
    const entry = config.auths?.[key];
    const found = helper === '' ? fromEntry(entry, host) : await fromHelper(exec, helper, key, host, signal);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fromEntry(entry: AuthEntry | undefined, host: string): Login | undefined {
  if (entry === undefined) return undefined;
  if ((entry.identitytoken ?? '') !== '') throw identityToken(host);
  const { username, password, auth } = entry;
  if (username !== undefined && password !== undefined) return { username, password };
  const text = Buffer.from(auth ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon <= 0) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

/** Asks a helper program, as Docker does: the registry on its standard input, JSON on its standard output. */
async function fromHelper(
  exec: Exec,
  helper: string,
  key: string,
  host: string,
  signal: AbortSignal,
): Promise<Login | undefined> {
  const program = `docker-credential-${helper}`;
  let said: string;
  try {
    const result = await exec({
      argv: [program, 'get'],
      stdin: Readable.from([`${key}\n`]),
      limitMs: helperMs,
      signal,
    });
    if (result.code !== 0) {
      said = `${result.stdout} ${result.stderr}`.trim();
      // The one answer that is no fault, in the words of Docker's own helpers.
      if (/credentials not found/i.test(said)) return undefined;
    } else {
      const { Username, Secret } = JSON.parse(result.stdout) as { Username?: string; Secret?: string };
      if (Username === '<token>') throw identityToken(host);
      if (Username !== undefined && Secret !== undefined) return { username: Username, password: Secret };
      said = 'it gave no name and no secret';
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KetError) throw error;
    // Not what it printed: that may be the secret.
    said = error instanceof SyntaxError ? 'it printed no JSON' : String(error);
  }
  throw new KetError('KET_PREREQUISITE', `${program} does not give the login of registry ${host}`, {
    details: said === '' ? [] : [said],
    next: `docker login ${host}, or name variables with the login in ket.yaml: registries`,
  });
}

const identityToken = (host: string): KetError =>
  new KetError(
    'KET_PREREQUISITE',
    `Docker's login of registry ${host} is an identity token, which no cluster takes`,
    {
      next: 'name variables with a name and a password or access token in ket.yaml: registries',
    },
  );
