import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { outboundFor, podOutbound } from '../../src/suites/job/outbound.ts';
import { outboundOf } from '../../src/tools/outbound.ts';
import { folder, removeFolders } from './support/folder.ts';
import { FakeCluster, noOutbound } from './support/phases.ts';

const network = { domain: 'cluster.local', subnets: ['10.244.0.0/16', '10.96.0.0/16'] };
const spared = 'localhost,127.0.0.1,::1,10.244.0.0/16,10.96.0.0/16,.svc,.cluster.local';
const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----';

afterEach(removeFolders);

describe('what the machine gives', () => {
  test('nothing', () => expect(outboundOf({})).toEqual(noOutbound));

  test.each([
    ['http://127.0.0.1:3128', 'loopback'],
    ['localhost:3128', 'loopback'],
    ['http://me:secret@p.example:1', 'password'],
    ['http://:x', 'no URL'],
  ])('not the proxy %s', (proxy, why) => {
    const { proxies, notices } = outboundOf({ HTTPS_PROXY: proxy });
    expect(proxies).toEqual({});
    expect(notices).toEqual([expect.stringContaining(why)]);
    expect(notices.join()).not.toContain('secret');
  });

  test('the authorities of both variables, each file once', () => {
    const [one, two] = ['one', 'two'].map((name) => {
      const file = path.join(folder(), `${name}.pem`);
      fs.writeFileSync(file, `${name}\n`);
      return file;
    });
    const both = { NODE_EXTRA_CA_CERTS: one, SSL_CERT_FILE: two };
    expect(outboundOf(both).authorities).toBe('one\ntwo\n');
    expect(outboundOf({ ...both, SSL_CERT_FILE: one }).authorities).toBe('one\n');
  });

  test('a file that is not there is told, and stops nothing', () => {
    const { authorities, notices } = outboundOf({ SSL_CERT_FILE: '/nowhere.pem' });
    expect(authorities).toBeUndefined();
    expect(notices).toEqual([expect.stringContaining('/nowhere.pem cannot be read')]);
  });
});

describe('what a pod gets', () => {
  const proxied = {
    ...noOutbound,
    ...outboundOf({ https_proxy: 'http://p.example:1', NO_PROXY: '.corp, x' }),
  };

  test('nothing without a proxy and without authorities', () =>
    expect(outboundFor({ ...noOutbound, noProxy: 'a' }, network, [])).toEqual({ env: {} }));

  test('the proxy in both spellings, with the cluster and its services excepted', () => {
    const services = [
      { metadata: { name: 'db', namespace: 'shop' }, spec: { clusterIP: '10.96.1.2' } },
      { metadata: { name: 'peers', namespace: 'shop' }, spec: { clusterIP: 'None' } },
    ];
    const noProxy = `.corp,x,${spared},db,db.shop,10.96.1.2,peers,peers.shop`;
    expect(outboundFor(proxied, network, services)).toEqual({
      env: {
        HTTPS_PROXY: 'http://p.example:1',
        https_proxy: 'http://p.example:1',
        NO_PROXY: noProxy,
        no_proxy: noProxy,
      },
    });
  });

  test('services are asked for only where there is a proxy', async () => {
    const cluster = new FakeCluster({ list: () => Promise.reject(new Error('asked')) });
    const signal = new AbortController().signal;
    await expect(podOutbound(proxied, cluster.kube, network, ['shop'], signal)).rejects.toThrow('asked');
    expect(await podOutbound(noOutbound, cluster.kube, network, ['shop'], signal)).toEqual({ env: {} });
  });

  test('its own authorities beside those of everybody, because most variables replace', () => {
    const { env, authorities = '' } = outboundFor({ ...noOutbound, authorities: pem }, network, []);
    expect(env).toMatchObject({
      SSL_CERT_FILE: '/ket/bin/authorities.pem',
      NODE_EXTRA_CA_CERTS: '/ket/bin/authorities.pem',
    });
    expect(authorities.endsWith(pem)).toBe(true);
    expect(authorities.match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(100);
    // With ket-run in one ConfigMap, which may have 1 MiB.
    expect(authorities.length).toBeLessThan(500_000);
  });
});
