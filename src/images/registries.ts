import fs from 'node:fs';
import path from 'node:path';
import type { Deps, Exec } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import type { Plan } from '../model/plan.ts';
import type { RegistryAccess } from '../model/run.ts';
import type { StateFile } from '../model/state.ts';
import type { Task } from '../model/task.ts';
import { findDocker } from '../tools/find.ts';
import {
  dockerHome,
  dockerLogin,
  keyOf,
  readDockerConfig,
  type DockerConfig,
  type Login,
} from './docker-login.ts';

export interface RegistryOptions {
  readonly registries: Plan['registries'];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly exec: Exec;
  /** Where the logins are written for Docker and Helm: outside of the run's folder, which people copy. */
  readonly folder: string;
  /** Lists the folder before it is made. */
  readonly state: StateFile;
  /** Masks what is learned of logins, by names that say what it is. */
  readonly learn: (secrets: ReadonlyMap<string, string>) => void;
}

export interface Registries extends RegistryAccess {
  /** Has all logins, and writes them; again it is the same. */
  prepare(signal: AbortSignal): Promise<ReadonlyMap<string, Login>>;
  /** Removes what was written. */
  close(): Promise<void>;
}

/** The registries of a plan, where it has some that it can need; nothing is done yet. `home`: of states of runs. */
export function registriesFor(
  plan: Pick<Plan, 'registries' | 'cluster'>,
  options: {
    readonly deps: Pick<Deps, 'env' | 'exec'>;
    readonly runId: string;
    readonly home: string;
  } & Pick<RegistryOptions, 'state' | 'learn'>,
): Registries | undefined {
  const { deps, runId, home, state, learn } = options;
  if (plan.registries.length === 0 || plan.cluster === undefined) return undefined;
  return registriesOf({
    ...{ registries: plan.registries, env: deps.env, exec: deps.exec, state, learn },
    folder: path.join(home, `${runId}.registries`),
  });
}

/** Pure as long as nobody asks. */
export function registriesOf(options: RegistryOptions): Registries {
  const { folder, state } = options;
  const made = { type: 'folder', path: folder } as const;
  const isListed = (): boolean => state.list().some((one) => one.type === 'folder' && one.path === folder);
  let prepared: Promise<ReadonlyMap<string, Login>> | undefined;
  const prepare = (signal: AbortSignal): Promise<ReadonlyMap<string, Login>> =>
    (prepared ??= (async () => {
      const logins = await loginsOf(options, signal);
      if (!isListed()) await state.add(made);
      write(options, logins);
      return logins;
    })());
  return {
    dockerConfig: path.join(folder, 'docker'),
    helmConfig: path.join(folder, 'helm.json'),
    prepare,
    async pullSecret() {
      const logins = await prepare(new AbortController().signal);
      return JSON.stringify({ auths: authsOf(logins) });
    },
    async close() {
      if (!isListed()) return;
      fs.rmSync(folder, { recursive: true, force: true });
      await state.remove(made);
    },
  };
}

async function loginsOf(
  { registries, env, exec, learn }: RegistryOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Login>> {
  const config = registries.every(({ login }) => login !== undefined) ? {} : readDockerConfig(env);
  const logins = new Map<string, Login>();
  for (const { host, login } of registries) {
    const found =
      login === undefined
        ? await dockerLogin(exec, config, host, signal)
        : { username: env[login.username] ?? '', password: env[login.password] ?? '' };
    if (found === undefined)
      throw new KetError('KET_PREREQUISITE', `there is no login for registry ${host}`, {
        where: path.join(dockerHome(env), 'config.json'),
        next: `docker login ${host}, or name variables with the login in ket.yaml: registries`,
      });
    logins.set(host, found);
  }
  learn(
    new Map(
      [...logins].flatMap(([host, login]) => [
        [`password of ${host}`, login.password],
        [`login of ${host}`, basic(login)],
      ]),
    ),
  );
  return logins;
}

const basic = ({ username, password }: Login): string =>
  Buffer.from(`${username}:${password}`).toString('base64');

const authsOf = (logins: ReadonlyMap<string, Login>): Record<string, object> =>
  Object.fromEntries([...logins].map(([host, login]) => [keyOf(host), { ...login, auth: basic(login) }]));

/** Files for Docker and for Helm: the user's own settings, with these logins before the user's. */
function write({ folder, env }: RegistryOptions, logins: ReadonlyMap<string, Login>): void {
  fs.rmSync(folder, { recursive: true, force: true });
  const docker = path.join(folder, 'docker');
  fs.mkdirSync(docker, { recursive: true, mode: 0o700 });
  const home = dockerHome(env);
  // Plug-ins, contexts and builders are where Docker looks for them.
  for (const name of fs.existsSync(home) ? fs.readdirSync(home) : [])
    if (name !== 'config.json') fs.symlinkSync(path.join(home, name), path.join(docker, name));
  const put = (file: string, value: unknown): void => {
    fs.writeFileSync(file, JSON.stringify(value), { mode: 0o600 });
  };
  put(path.join(docker, 'config.json'), merged(readDockerConfig(env), logins));
  const helm = env['HELM_REGISTRY_CONFIG'] ?? '';
  const users =
    helm !== '' && fs.existsSync(helm) ? (JSON.parse(fs.readFileSync(helm, 'utf8')) as DockerConfig) : {};
  put(path.join(folder, 'helm.json'), merged(users, logins));
}

/** A configuration of Docker with logins in the file itself, also where helpers have all others. */
export function merged(config: DockerConfig, logins: ReadonlyMap<string, Login>): DockerConfig {
  const auths = Object.fromEntries([...logins].map(([host, login]) => [keyOf(host), { auth: basic(login) }]));
  const helped = config.credsStore !== undefined || config.credHelpers !== undefined;
  // An empty helper is the file.
  const none = Object.fromEntries([...logins.keys()].map((host) => [keyOf(host), '']));
  return {
    ...config,
    auths: { ...config.auths, ...auths },
    ...(helped ? { credHelpers: { ...config.credHelpers, ...none } } : {}),
  };
}

const loginMs = 60_000;

/**
 * Tries every login at its registry before anything is made: a wrong one would be found only when a pod cannot start.
 * By what Docker reads in its folder, so that no secret stands on a command line.
 */
export function loginTask(
  registries: Registries,
  plan: Pick<Plan, 'registries'>,
  env: RegistryOptions['env'],
  needs: readonly Task[],
): Task {
  return {
    id: 'log in',
    phase: 'images',
    title: `log in at ${plan.registries.map(({ host }) => host).join(', ')}`,
    needs,
    limitMs: loginMs + 30_000,
    async run(context) {
      const { deps, signal } = context;
      context.awaiting('the logins');
      await registries.prepare(signal);
      context.awaiting('the registries');
      await Promise.all(
        plan.registries.map(async ({ host, login }) => {
          const result = await deps.exec({
            argv: [findDocker(env), 'login', host],
            env: { DOCKER_CONFIG: registries.dockerConfig },
            limitMs: loginMs,
            signal,
          });
          if (result.code !== 0 || result.timedOut) throw loginError(host, login, result.stderr);
        }),
      );
    },
  };
}

function loginError(host: string, login: Plan['registries'][number]['login'], stderr: string): KetError {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    // Docker would ask for another one.
    .filter((line) => line !== '' && !/non[- ]TTY|Authenticating with existing|^WARNING/i.test(line));
  const refused = /\b40[13]\b|unauthorized|denied|forbidden|incorrect|invalid or expired/i.test(
    lines.join('\n'),
  );
  const source = login === undefined ? "Docker's own login" : `${login.username} and ${login.password}`;
  if (refused)
    return new KetError('KET_PREREQUISITE', `registry ${host} refuses the login of ${source}`, {
      where: 'registries',
      details: lines.slice(-3),
      next:
        login === undefined
          ? `docker login ${host}`
          : `check the values of ${login.username} and ${login.password}: the password may be wrong or expired`,
    });
  return new KetError(
    'KET_IMAGE_DELIVERY',
    `registry ${host} could not be asked whether it takes the login`,
    {
      where: 'registries',
      details: lines.slice(-3),
      next: `check the host, and that it can be reached from here: docker login ${host}`,
    },
  );
}
