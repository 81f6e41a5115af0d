import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { productionImages, productionOf, registryProblem } from '../../src/config/registries.ts';
import { dockerLogin } from '../../src/images/docker-login.ts';
import { loginTask, merged, registriesOf, type Registries } from '../../src/images/registries.ts';
import type { ExecResult } from '../../src/model/deps.ts';
import type { KetError } from '../../src/model/errors.ts';
import type { Made, StateFile } from '../../src/model/state.ts';
import { failedWith, fakeContext, fakeDeps, ok, said } from './support/phases.ts';

const { signal } = new AbortController();
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe("Docker's own logins", () => {
  const helped = (result: ExecResult) => fakeDeps([['docker-credential-', result]]);
  test('in config.json, under each key that Docker has used', async () => {
    const { exec } = fakeDeps([]);
    const auths = { 'https://r.example/v1/': { auth: base64('me:pass:word') } };
    expect(await dockerLogin(exec, { auths }, 'r.example', signal)).toEqual({
      username: 'me',
      password: 'pass:word',
    });
    const hub = { auths: { 'https://index.docker.io/v1/': { username: 'a', password: 'b' } } };
    expect(await dockerLogin(exec, hub, 'docker.io', signal)).toEqual({ username: 'a', password: 'b' });
    expect(await dockerLogin(exec, hub, 'other.example', signal)).toBeUndefined();
  });
  test('from a helper, which is asked on its standard input', async () => {
    const deps = helped(said('{"Username":"me","Secret":"word"}'));
    const config = { credHelpers: { 'r.example': 'one' }, credsStore: 'all' };
    expect(await dockerLogin(deps.exec, config, 'r.example', signal)).toEqual({
      username: 'me',
      password: 'word',
    });
    expect(deps.commands).toEqual(['docker-credential-one get']);
  });
  test('a helper that has none is no fault; one that fails is, and what it printed is not told', async () => {
    const none = helped(failedWith('credentials not found in native keychain'));
    expect(await dockerLogin(none.exec, { credsStore: 'all' }, 'r.example', signal)).toBeUndefined();
    const odd = helped(said('secret and no JSON'));
    const error = await dockerLogin(odd.exec, { credsStore: 'all' }, 'r.example', signal).catch(
      (thrown: unknown) => thrown as KetError,
    );
    expect(error).toMatchObject({
      code: 'KET_PREREQUISITE',
      message: 'docker-credential-all does not give the login of registry r.example',
      details: ['it printed no JSON'],
    });
  });
  test('an identity token is of no use in a cluster', async () => {
    const auths = { 'r.example': { auth: base64('me:'), identitytoken: 't' } };
    await expect(dockerLogin(fakeDeps([]).exec, { auths }, 'r.example', signal)).rejects.toThrow(
      'identity token',
    );
  });
});

test('logins stand in the file itself, also beside helpers', () => {
  const logins = new Map([['r.example', { username: 'me', password: 'word' }]]);
  const auths = { 'r.example': { auth: base64('me:word') } };
  expect(merged({ currentContext: 'x' }, logins)).toEqual({ currentContext: 'x', auths });
  expect(merged({ credsStore: 'all', auths: { 'o.example': {} } }, logins)).toEqual({
    credsStore: 'all',
    auths: { 'o.example': {}, ...auths },
    credHelpers: { 'r.example': '' },
  });
});

describe('logins of a run', () => {
  let home = '';
  let made: Made[] = [];
  const learned = new Map<string, string>();
  const state: StateFile = {
    add: (one) => Promise.resolve(void made.push(one)),
    remove: (one) => Promise.resolve(void (made = made.filter((other) => other !== one))),
    list: () => made,
  };
  const plan = { registries: [{ host: 'r.example', login: { username: 'U', password: 'P' } }] };
  const env = (): Record<string, string> => ({
    HOME: home,
    PATH: home,
    U: 'me',
    P: 'word-of-r',
    DOCKER_HOST: '',
  });
  const open = (): Registries =>
    registriesOf({
      ...{ ...plan, env: env(), exec: fakeDeps([]).exec, state },
      folder: path.join(home, 'run.registries'),
      learn: (secrets) => secrets.forEach((value, name) => learned.set(name, value)),
    });
  beforeEach(() => {
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'ket-registries-'));
    // It is only looked for.
    fs.writeFileSync(path.join(home, 'docker'), '', { mode: 0o755 });
    made = [];
  });
  afterEach(() => fs.rmSync(home, { recursive: true }));

  test('are listed before they are written, for nobody else to read, and removed', async () => {
    const registries = open();
    expect(JSON.parse(await registries.pullSecret())).toEqual({
      auths: { 'r.example': { username: 'me', password: 'word-of-r', auth: base64('me:word-of-r') } },
    });
    const folder = path.join(home, 'run.registries');
    expect(made).toEqual([{ type: 'folder', path: folder }]);
    expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
    for (const file of [path.join(registries.dockerConfig, 'config.json'), registries.helmConfig])
      expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect([...learned.values()].sort()).toEqual([base64('me:word-of-r'), 'word-of-r'].sort());
    await registries.close();
    expect([made, fs.existsSync(folder)]).toEqual([[], false]);
  });

  test.each([
    [
      'Error response from daemon: login attempt failed with status: 401 Unauthorized',
      'KET_PREREQUISITE',
      'refuses the login of U and P',
    ],
    ['dial tcp 127.0.0.1:1: connect: connection refused', 'KET_IMAGE_DELIVERY', 'could not be asked'],
  ])('%s', async (stderr, code, message) => {
    const deps = fakeDeps([
      [
        'login r.example',
        failedWith(`${stderr}\nError: Cannot perform an interactive login from a non TTY device`),
      ],
    ]);
    const task = loginTask(open(), plan, env(), []);
    const error = await task.run(fakeContext(deps, [])).catch((thrown: unknown) => thrown as KetError);
    expect(error).toMatchObject({ code, details: [stderr] });
    expect((error as KetError).message).toContain(message);
    expect(deps.commands.join('\n')).not.toContain('word-of-r');
  });

  test('a login that is taken', async () => {
    const deps = fakeDeps([['login r.example', ok]]);
    await loginTask(open(), plan, env(), []).run(fakeContext(deps, []));
    expect(deps.commands).toHaveLength(1);
  });
});

test.each([
  ['ghcr.io', undefined],
  ['127.0.0.1:5000', undefined],
  ['[::1]:5000', undefined],
  ['https://ghcr.io/', '"https://ghcr.io/" is not the host of a registry; write "ghcr.io"'],
  ['ghcr.io/team', '"ghcr.io/team" is not the host of a registry; write "ghcr.io"'],
  ['r.example:99999', '"r.example:99999" has no port from 1 to 65535'],
])('the host %s', (host, problem) => {
  expect(registryProblem(host)).toBe(problem);
});

describe('production mode', () => {
  test.each([
    [undefined, undefined, false],
    [undefined, 'true', true],
    [undefined, 'false', false],
    [true, undefined, true],
    [false, 'true', false],
  ])('asked %s, environment %s', (asked, value, production) => {
    expect(productionOf(asked, { PRODUCTION_MODE: value })).toBe(production);
  });
  test('another word is refused', () => {
    expect(() => productionOf(undefined, { PRODUCTION_MODE: '1' })).toThrow('true or false, not "1"');
  });
  test('images by digest, and those without one by name', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const build = { context: '/r', dockerfile: '/r/D', args: {}, limitMs: 1 };
    const images = [
      { name: 'a:1', digest, ...build },
      { name: `b@${digest}`, limitMs: 1 },
    ];
    expect(productionImages(images, undefined)).toEqual([
      { name: 'a:1', digest, limitMs: 1 },
      { name: `b@${digest}`, digest, limitMs: 1 },
    ]);
    const without = [...images, { name: 'c:1', ...build }, { name: 'd:1', limitMs: 1 }];
    expect(() => productionImages(without, undefined)).toThrow(
      'production mode needs the digest of c:1, d:1',
    );
  });
});
