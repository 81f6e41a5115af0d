import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { eventsOf, ket, root, sandbox, type Sandbox } from './ket.ts';

/** An image that changes under its name: what runs in a cluster that stays must never be the old code. */

const files: Readonly<Record<string, string>> = {
  Dockerfile:
    'FROM busybox:1.36\nCOPY version /www/version\nCMD ["httpd", "-f", "-p", "8080", "-h", "/www"]\n',
  version: 'one',
  'chart/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.1.0\n',
  'chart/templates/store.yaml': `
# It loses what it has when it is started again, as a database without a volume does.
apiVersion: apps/v1
kind: Deployment
metadata: { name: store }
spec:
  selector: { matchLabels: { app: store } }
  template:
    metadata: { labels: { app: store } }
    spec:
      containers:
        - name: store
          image: "busybox:1.36"
          command: [sh, -c, "mkdir /tmp/www; date +%s%N > /tmp/www/born; exec httpd -f -p 8080 -h /tmp/www"]
          readinessProbe: { httpGet: { path: /born, port: 8080 }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: store }
spec: { selector: { app: store }, ports: [{ port: 8080 }] }
`,
  'chart/templates/all.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - { name: web, image: "stale-test:dev", readinessProbe: { httpGet: { path: /version, port: 8080 }, periodSeconds: 1 } }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }
`,
  'ket.yaml': `
tiers:
  stale:
    cluster: { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    images: [{ name: "stale-test:dev", build: . }, { name: "busybox:1.36" }]
    releases: [{ name: web, chart: chart }]
    suites:
      - { name: asks, image: "stale-test:dev", command: 'echo "version $(wget -qO- http://web:8080/version)"; wget -qO- http://store:8080/born', expectTests: false, needs: [web] }
`,
};

let box: Sandbox;
let folder = '';
beforeAll(() => {
  box = sandbox();
  folder = path.join(box.home, 'repository');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
});
afterAll(async () => {
  await ket({ args: ['down'], cwd: folder, box });
  box.remove();
}, 120_000);

const said = async (): Promise<{ lines: string[]; notices: string[] }> => {
  const lines: string[] = [];
  const ran = await ket({
    args: ['run'],
    cwd: folder,
    box,
    onEvent: (event) => {
      if (event.type === 'log') lines.push(event.line);
    },
  });
  expect({ code: ran.code, lines }).toMatchObject({ code: 0 });
  return { lines, notices: eventsOf(ran, 'notice').map((event) => event.text) };
};

test('a rebuilt image is what the suites meet, and what runs another one is left alone', async () => {
  const up = await ket({ args: ['up'], cwd: folder, box });
  expect(up.code).toBe(0);
  const first = await said();
  expect(first.notices.filter((text) => text.includes('restarted'))).toEqual([]);
  const [version, born] = first.lines;
  expect(version).toBe('version one');
  fs.writeFileSync(path.join(folder, 'version'), 'two');
  const second = await said();
  expect(second.lines).toEqual(['version two', born]);
  expect(second.notices).toContain('Deployment web was restarted: its image has changed');
  expect((await said()).notices.filter((text) => text.includes('restarted'))).toEqual([]);
}, 300_000);
