import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

/** What a tier of ket.yaml asks for, as far as the bench needs it to do the same without ket. */
export interface Work {
  readonly folder: string;
  readonly kindConfig: string;
  readonly images: readonly {
    readonly name: string;
    readonly build?: string;
    readonly dockerfile?: string;
  }[];
  readonly releases: readonly ReleaseWork[];
  readonly suites: readonly SuiteWork[];
}

export interface ReleaseWork {
  readonly name: string;
  readonly chart: string;
  readonly values: readonly string[];
  readonly timeout: string;
  readonly collect: readonly {
    readonly from: string;
    readonly path: string;
    readonly command?: readonly string[];
  }[];
}

export interface SuiteWork {
  readonly name: string;
  readonly image: string;
  readonly command: string | readonly string[];
  readonly timeout: string;
  readonly resources: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string>>;
  readonly api: 'none' | 'read';
}

type Mapping = Readonly<Record<string, unknown>>;

/** The file was validated by `ket validate`; what the bench cannot do alike is refused here. */
export function readWork(config: string, tier: string): Work {
  const folder = path.dirname(path.resolve(config));
  const file = mapping(parse(fs.readFileSync(config, 'utf8')), config);
  const tiers = mapping(file['tiers'], 'tiers');
  const plan = mapping(tiers[tier], `tier ${tier} (there are ${Object.keys(tiers).join(', ')})`);
  const cluster = mapping(plan['cluster'], `cluster of tier ${tier}`);
  return {
    folder,
    kindConfig: path.resolve(folder, text(cluster['config'], 'cluster.config')),
    images: list(plan['images']).map((each) => {
      const image = mapping(each, 'image');
      return {
        name: text(image['name'], 'name of an image'),
        ...(image['build'] === undefined ? {} : { build: text(image['build'], 'build') }),
        ...(image['dockerfile'] === undefined ? {} : { dockerfile: text(image['dockerfile'], 'dockerfile') }),
      };
    }),
    releases: list(plan['releases']).map((each) => {
      const release = mapping(each, 'release');
      return {
        name: text(release['name'], 'name of a release'),
        chart: text(release['chart'], 'chart'),
        values: list(release['values']).map((value) => text(value, 'values')),
        timeout: text(release['timeout'] ?? '10m', 'timeout'),
        collect: list(release['collect']).map((one) => {
          const collect = mapping(one, 'collect');
          return {
            from: text(collect['from'], 'from'),
            path: text(collect['path'], 'path'),
            ...(collect['command'] === undefined
              ? {}
              : { command: list(collect['command']).map((word) => text(word, 'command')) }),
          };
        }),
      };
    }),
    suites: list(plan['suites']).map(suiteWork),
  };
}

function suiteWork(value: unknown): SuiteWork {
  const suite = mapping(value, 'suite');
  const name = text(suite['name'], 'name of a suite');
  const api = suite['api'] ?? 'read';
  if (api !== 'none' && api !== 'read')
    throw new Error(`suite ${name}: api ${JSON.stringify(api)} is not measured`);
  const { command } = suite;
  return {
    name,
    image: text(suite['image'], `image of suite ${name}`),
    command: typeof command === 'string' ? command : list(command).map((word) => text(word, 'command')),
    timeout: text(suite['timeout'] ?? '50m', 'timeout'),
    resources: mapping(suite['resources'] ?? {}, 'resources'),
    env: Object.fromEntries(
      Object.entries(mapping(suite['env'] ?? {}, 'env')).map(([key, each]) => [key, text(each, key)]),
    ),
    api,
  };
}

function mapping(value: unknown, what: string): Mapping {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what}: a mapping was expected`);
  return value as Mapping;
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error('a list was expected');
  return value as readonly unknown[];
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what}: a text was expected`);
  return value;
}
