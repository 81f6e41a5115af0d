import fs from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';

/** The name of the one tier of the project that is measured. */
export const tier = 'bench';

type Mapping = Record<string, unknown>;

/** The example's tests in six suites, as its tier integration has them in three. */
const six: readonly { readonly name: string; readonly of: string; readonly tests: readonly string[] }[] = [
  { name: 'orders', of: 'api', tests: ['tests/api/test_orders.py'] },
  { name: 'concurrency', of: 'api', tests: ['tests/api/test_concurrency.py'] },
  { name: 'products', of: 'api', tests: ['tests/api/test_products.py', 'tests/api/test_health.py'] },
  { name: 'migrations', of: 'db', tests: ['tests/db/test_migrations.py'] },
  { name: 'constraints', of: 'db', tests: ['tests/db/test_constraints.py', 'tests/db/test_isolation.py'] },
  { name: 'release', of: 'k8s', tests: ['tests/k8s'] },
];

/**
 * Writes a ket.yaml into the folder with one tier: what the example's tier integration has, on so many nodes, with its
 * tests in six suites. The example itself stays where it is. Returns the file.
 */
export function writeProject(folder: string, example: string, nodes: 1 | 3): string {
  const file = parse(fs.readFileSync(path.join(example, 'ket.yaml'), 'utf8')) as {
    readonly tiers: Readonly<Record<string, Mapping>>;
  };
  const { images, releases, suites } = file.tiers['integration'] as Readonly<Record<string, Mapping[]>>;
  const at = (value: unknown): string => path.resolve(example, value as string);
  const kind = nodes === 1 ? 'integration' : 'e2e';
  const plan = {
    cluster: { config: path.resolve(example, '..', '..', 'kind-configs', `${kind}.yaml`) },
    images: images?.map((image) => ({
      ...image,
      ...('build' in image ? { build: at(image['build']) } : {}),
      ...('dockerfile' in image ? { dockerfile: at(image['dockerfile']) } : {}),
    })),
    releases: releases?.map((release) => ({
      ...release,
      chart: at(release['chart']),
      values: (release['values'] as string[]).map(at),
    })),
    suites: six.map(({ name, of, tests }) => {
      const suite = suites?.find((one) => one['name'] === of);
      const command = suite?.['command'] as string | undefined;
      if (suite === undefined || command?.includes(`tests/${of}`) !== true)
        throw new Error(`the example has no suite ${of} that runs tests/${of}`);
      return { ...suite, name, command: command.replace(`tests/${of}`, tests.join(' ')) };
    }),
  };
  const target = path.join(folder, 'ket.yaml');
  fs.writeFileSync(target, stringify({ tiers: { [tier]: plan } }));
  return target;
}
