import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from '@jest/globals';
import type { Problem } from '../../src/config/problems.ts';

const made: string[] = [];
afterAll(() => made.forEach((folder) => rmSync(folder, { recursive: true })));

/** A new folder with these files; removed after the test file. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ket-config-'));
  made.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** A repository in which all that `goodTiers` names is there. */
export const goodFiles: Readonly<Record<string, string>> = {
  'kind.yaml': 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n',
  'three.yaml':
    'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}, {}]\n',
  'workers.yaml':
    'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}, {role: worker}]\n',
  // Control planes that take pods as well.
  'untainted.yaml':
    'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{}, {role: worker}, {}]\nkubeadmConfigPatches: ["kind: InitConfiguration\\nnodeRegistration: {taints: []}\\n"]\n',
  Dockerfile: 'FROM scratch\n',
  'app/Dockerfile.dev': 'FROM scratch\n',
  'chart/Chart.yaml': 'name: shop\n',
  'chart/values.yaml': '',
  'not-a-chart/values.yaml': '',
  'values.yaml': '',
  'kus/kustomization.yaml': 'resources: []\n',
  'k8s/web.yaml': 'apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n',
  'k8s/note.txt': 'no manifest',
};

/** A case's text marks with « where each problem must be. */
export function unmarked(text: string): { text: string; places: string[] } {
  const places: string[] = [];
  const lines = text.split('\n').map((line, index) => {
    let rest = line;
    for (let at = rest.indexOf('«'); at >= 0; at = rest.indexOf('«')) {
      places.push(`${index + 1}:${at + 1}`);
      rest = rest.slice(0, at) + rest.slice(at + 1);
    }
    return rest;
  });
  return { text: lines.join('\n'), places };
}

/** `message (did you mean "x"?)`, as a case states it. */
export const said = (problem: Problem): string =>
  problem.message + (problem.suggestion === undefined ? '' : ` → ${problem.suggestion}`);

export const placed = (problem: Problem): string => `${problem.line}:${problem.column}`;
