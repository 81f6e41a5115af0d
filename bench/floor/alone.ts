import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { parse } from 'yaml';
import { configSchema } from '../../src/config/schema.ts';

/**
 * The least conceivable work of `ket plan`: ket.yaml is read with the same libraries, checked by the same schema and
 * printed. With `run`, that of a unit tier: each command is run, and what it wrote is looked at.
 */
const config = configSchema.parse(parse(fs.readFileSync('ket.yaml', 'utf8')));
if (process.argv[2] !== 'run') process.stdout.write(`${JSON.stringify(config)}\n`);
else
  for (const { suites } of Object.values(config.tiers))
    for (const { name, command, results } of suites) {
      const { status } = spawnSync('sh', ['-c', String(command)], { stdio: 'ignore' });
      const cases = results.flatMap((file) => fs.readFileSync(file, 'utf8').match(/<testcase /g) ?? []);
      process.stdout.write(`${name}: ${String(status)}, ${String(cases.length)} tests\n`);
    }
