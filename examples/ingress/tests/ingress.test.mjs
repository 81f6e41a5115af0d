import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { test } from 'node:test';

/** Status and body of the first page of a host, by the port of this machine that leads to the ingress controller. */
const page = (host, { request } = http, address = process.env.KET_MAPPED_80) =>
  new Promise((resolve, reject) => {
    const [hostname, port] = address.split(':');
    const headers = { host };
    // The controller's own certificate, which nobody has issued.
    request({ hostname, port, headers, servername: host, rejectUnauthorized: false, timeout: 10_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode, body }));
    })
      .on('timeout', function () {
        this.destroy(new Error('no answer within 10 s'));
      })
      .on('error', reject)
      .end();
  });

test('the host of the Ingress is the shop', async () =>
  assert.deepEqual(await page('shop.example'), { status: 200, body: 'the shop\n' }));

test('with TLS too', async () =>
  assert.deepEqual(await page('shop.example', https, process.env.KET_MAPPED_443), { status: 200, body: 'the shop\n' }));

test('another host is nobody', async () => assert.equal((await page('other.example')).status, 404));
