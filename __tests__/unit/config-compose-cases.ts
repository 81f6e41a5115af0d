import path from 'node:path';
import { planFromInputs } from '../../src/config/from-inputs.ts';
import { parseInputs } from '../../src/config/parse-inputs.ts';
import type { Plan } from '../../src/model/plan.ts';
import { folderWith, goodFiles } from './config-cases.ts';

/** Two workspaces, with a ket.yaml and without one, and the plan that inputs give there. */

export type Given = Readonly<Record<string, string | undefined>>;

export const assets = path.join(import.meta.dirname, '..', '..');
const text = `
tools: {kind: v0.31.0}
tiers:
  unit:
    suites: [{name: fast, command: npm test, results: [old.xml], retries: 2}]
  one:
    default: true
    cluster: {config: kind.yaml, nodeImage: "node:file", ready: 90s}
    images: [{name: "i:1", build: app, dockerfile: app/Dockerfile.dev}]
    releases: [{name: shop, chart: chart, values: [values.yaml], set: {n: 1}}]
    suites:
      - {name: api, image: "i:1", command: old, timeout: 90s, env: {A: b}}
      - {name: db, image: "i:1"}
  two:
    cluster: {config: kind.yaml, kubernetes: v1.33}
    releases: [{name: shop, chart: chart}, {name: cache, chart: chart}]
    suites: [{name: api, image: "i:1"}]
`;
export const withFile = folderWith({
  ...goodFiles,
  'ket.yaml': text,
  'sub/ket.yaml': 'tiers: {unit: {suites: [{name: a, command: b}]}}',
});
export const without = folderWith({
  ...goodFiles,
  'charts/My Chart/Chart.yaml': 'name: x\n',
  'sub/Dockerfile': '',
});

/** The plan of these inputs in this workspace. */
export const planIn = (workspace: string, given: Given, env: Given = {}): Plan =>
  planFromInputs(parseInputs(given), { workspace, assets, env });
