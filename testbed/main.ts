/**
 * A Kind cluster's needs on a machine that has nothing: Docker, kind, Helm and
 * images, in a folder of their own. See testbed/README.md.
 */
import { parseArgs } from 'node:util';
import { usage, down, printEnv, status, up } from './lib/commands.ts';
import { purposes } from './lib/plan.ts';
import type { Purpose } from './lib/plan.ts';
import { endChildrenOnSignal } from './lib/proc.ts';
import { say } from './lib/progress.ts';
import { StepError } from './lib/steps.ts';

function purposeOf(text: string): Purpose {
  const found = purposes.find((purpose) => purpose === text);
  if (!found) throw new TypeError(`--for ${text}: one of ${purposes.join(', ')} is wanted`);
  return found;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      for: { type: 'string', default: 'demo' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command = 'help', ...rest] = positionals;
  if (values.help || command === 'help') return usage(0);
  if (rest.length > 0) throw new TypeError(`unexpected: ${rest.join(' ')}`);
  switch (command) {
    case 'up':
      return up(purposeOf(values.for));
    case 'down':
      return down();
    case 'env':
      return printEnv();
    case 'status':
      return status();
    default:
      throw new TypeError(`unknown command "${command}"`);
  }
}

endChildrenOnSignal();
try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof StepError) {
    say(`testbed: ${error.message}`); // the step has said the rest
  } else if (error instanceof TypeError) {
    say(`testbed: ${error.message}`);
    usage(2);
  } else {
    say(`testbed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
