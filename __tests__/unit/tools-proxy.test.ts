import { describe, expect, test } from '@jest/globals';
import { proxyFor } from '../../src/model/proxy.ts';
import { downloadUrl, mirrorEnv, type Mirrors } from '../../src/tools/mirror.ts';

describe('which URL goes through the proxy', () => {
  const proxy = 'http://proxy.example:3128';
  const via = (url: string, env: Record<string, string>): string | undefined =>
    proxyFor(new URL(url), env)?.href;
  test.each<[string, string, Record<string, string>, boolean]>([
    ['https by HTTPS_PROXY', 'https://a.example/x', { HTTPS_PROXY: proxy }, true],
    ['https by https_proxy', 'https://a.example/x', { https_proxy: proxy }, true],
    ['https not by HTTP_PROXY', 'https://a.example/x', { HTTP_PROXY: proxy }, false],
    ['an empty variable', 'https://a.example/x', { HTTPS_PROXY: '' }, false],
    ['without a scheme', 'https://a.example/x', { HTTPS_PROXY: 'proxy.example:3128' }, true],
    ['this machine', 'https://127.0.0.1:5000/x', { HTTPS_PROXY: proxy }, false],
    ['this machine by name', 'https://localhost/x', { HTTPS_PROXY: proxy }, false],
  ])('%s', (_what, url, env, expected) =>
    expect(via(url, env)).toBe(expected ? 'http://proxy.example:3128/' : undefined),
  );
  test.each<[string, string, boolean]>([
    ['*', 'https://a.example', true],
    ['a.example', 'https://a.example', true],
    ['a.example', 'https://b.a.example', true],
    ['a.example', 'https://ba.example', false],
    ['.a.example', 'https://b.a.example', true],
    ['.a.example', 'https://a.example', false],
    ['*.a.example', 'https://b.a.example', true],
    ['x, a.example ', 'https://A.example', true],
    ['a.example:443', 'https://a.example', true],
    ['a.example:8443', 'https://a.example', false],
    ['10.0.0.0/8', 'https://10.1.2.3', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.0.0.0/99', 'https://10.1.2.3', false],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['fd00::/8', 'https://[fd00::1]', true],
    ['', 'https://a.example', false],
  ])('NO_PROXY=%s and %s', (noProxy, url, spared) =>
    expect(via(url, { HTTPS_PROXY: proxy, NO_PROXY: noProxy }) === undefined).toBe(spared),
  );
  test('a proxy that is no URL is not passed over, and not shown', () =>
    expect(() => via('https://a.example', { HTTPS_PROXY: 'http://me:secret@:x' })).toThrow(
      /^the proxy for https:\/\/ in the environment is no URL$/,
    ));
});

describe('where downloads come from', () => {
  const url = (
    tool: 'kind' | 'kubectl' | 'helm',
    env: Record<string, string> = {},
    mirrors: Mirrors = {},
  ): string =>
    downloadUrl({ tool, version: 'v1.2.3', platform: 'linux/arm64' }, { ...env, ...mirrorEnv(mirrors) }).href;
  test.each<[string, string, string]>([
    [
      'kind',
      url('kind'),
      'https://github.com/kubernetes-sigs/kind/releases/download/v1.2.3/kind-linux-arm64',
    ],
    ['helm', url('helm'), 'https://get.helm.sh/helm-v1.2.3-linux-arm64.tar.gz'],
    ['kubectl', url('kubectl'), 'https://dl.k8s.io/release/v1.2.3/bin/linux/arm64/kubectl'],
    [
      'a mirror of one',
      url('kind', { KET_KIND_MIRROR: 'https://m.example/k/' }),
      'https://m.example/k/v1.2.3/kind-linux-arm64',
    ],
    [
      'a mirror of all',
      url('helm', { KET_TOOL_MIRROR: 'https://m.example' }),
      'https://m.example/helm/helm-v1.2.3-linux-arm64.tar.gz',
    ],
    [
      'that of the tool first',
      url('kubectl', { KET_TOOL_MIRROR: 'https://all.example', KET_KUBECTL_MIRROR: 'https://one.example' }),
      'https://one.example/v1.2.3/bin/linux/arm64/kubectl',
    ],
    [
      'an option before the environment',
      url('kind', { KET_KIND_MIRROR: 'https://env.example' }, { kind: 'https://option.example' }),
      'https://option.example/v1.2.3/kind-linux-arm64',
    ],
    [
      'an empty one is none',
      url('kind', { KET_KIND_MIRROR: '', KET_TOOL_MIRROR: 'https://m.example' }),
      'https://m.example/kind/v1.2.3/kind-linux-arm64',
    ],
    [
      'http on this machine',
      url('kind', { KET_KIND_MIRROR: 'http://127.0.0.1:8000/x' }),
      'http://127.0.0.1:8000/x/v1.2.3/kind-linux-arm64',
    ],
  ])('%s', (_what, found, expected) => expect(found).toBe(expected));
  test.each(['http://m.example', 'ftp://m.example', 'm.example', 'http://127.0.0.1.example'])(
    'not %s',
    (base) => expect(() => url('kind', { KET_KIND_MIRROR: base })).toThrow('the mirror of KET_KIND_MIRROR'),
  );
  test('a password in a bad mirror is not shown', () => {
    try {
      url('kind', { KET_TOOL_MIRROR: 'http://me:secret@m.example' });
    } catch (error) {
      expect(JSON.stringify(error) + String(error)).not.toContain('secret');
      return;
    }
    throw new Error('it was taken');
  });
});
