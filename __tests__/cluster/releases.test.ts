import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fs from 'node:fs';
import path from 'node:path';
import { eventsOf, ket, root, sandbox, type Sandbox } from './ket.ts';

/** Releases of each kind on a real cluster: plain manifests, and a chart after them with values from everywhere. */

const secret = 'hush-hush-4711';
const files: Readonly<Record<string, string>> = {
  'k8s/note.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: { name: note }
data: { text: "{{ .Values.untouched }}" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: plain }
spec:
  selector: { matchLabels: { app: plain } }
  template:
    metadata: { labels: { app: plain } }
    spec:
      containers: [{ name: plain, image: "busybox:1.36", command: [sleep, "3600"] }]
      terminationGracePeriodSeconds: 1
`,
  'chart/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 0.1.0\n',
  'chart/values.yaml': 'a: chart\nb: chart\nc: chart\n',
  'values.yaml': 'b: file\nc: file\n',
  'chart/templates/all.yaml': `
apiVersion: v1
kind: Secret
metadata: { name: made }
stringData:
  password: {{ .Values.db.password | quote }}
  said: {{ printf "%s %s %s %s" .Values.a .Values.b .Values.c .Values.d | quote }}
`,
  'ket.yaml': `
tiers:
  all:
    cluster: { config: ${path.join(root, 'kind-configs', 'integration.yaml')} }
    images: [{ name: "busybox:1.36" }]
    releases:
      - name: shop
        chart: chart
        dependsOn: [plain]
        values: [values.yaml]
        inline: { c: inline, d: inline, db: { password: open } }
        set: { d: set }
        secrets: { db.password: DB_PASSWORD }
      - { name: plain, manifests: [k8s] }
    suites:
      - name: asks
        image: "busybox:1.36"
        command: 'echo "$SAID $PASSWORD $NOTE"; test "$SAID" = "chart file inline set" && test "$PASSWORD" = ${secret} && test "$NOTE" = "{{ .Values.untouched }}"'
        env:
          SAID: { from: release/shop/secret/made/said }
          PASSWORD: { from: release/shop/secret/made/password }
          NOTE: { from: release/plain/configmap/note/text }
        expectTests: false
`,
};

let box: Sandbox;
beforeEach(() => {
  box = sandbox();
});
afterEach(() => box.remove());

test('one after the other, each value from where it should come, and the secret nowhere', async () => {
  const folder = path.join(box.home, 'repository');
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), text);
  }
  const without = await ket({ args: ['run'], cwd: folder, box });
  expect(without.code).toBe(2);
  expect(without.stderr).toContain('release "shop" needs the secret DB_PASSWORD, which is not set');
  const ran = await ket({ args: ['run'], cwd: folder, box, env: { DB_PASSWORD: secret } });
  expect(ran.code).toBe(0);
  const times = (type: 'task-started' | 'task-ended', task: string): number =>
    Date.parse(eventsOf(ran, type).find((event) => event.task === task)?.time ?? '');
  expect(times('task-started', 'install shop')).toBeGreaterThanOrEqual(times('task-ended', 'install plain'));
  const helm = path.join(ran.folder, 'releases', 'shop', 'helm.log');
  const shown = [ran.stdout, ran.stderr, fs.readFileSync(path.join(ran.folder, 'events.ndjson'), 'utf8')];
  expect([...shown, fs.readFileSync(helm, 'utf8')].join('\n')).not.toContain(secret);
  expect(eventsOf(ran, 'leftover')).toEqual([]);
}, 400_000);
