import { parseArgs } from 'node:util';
import { sandbox } from '../cluster/ket.ts';
import { play, type Played } from './play.ts';
import { momentText, roundOf, type Round } from './rounds.ts';
import { endStage, openStage, type Stage } from './stage.ts';

/**
 * Runs suites whose truth is known on a real cluster while faults, chosen by a seed, strike at moments chosen by it, and
 * checks after each round that ket told the truth and that the fault really happened.
 *
 *     node __tests__/injector/main.ts --seed 10 --rounds 50 [--only 3,7] [--box FOLDER]
 *
 * The same seed and number is the same round. With `--box` the cluster of that folder is used, made if there is none,
 * and stays; else it is removed at the end.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    box: { type: 'string' },
  },
});
const numbers =
  values.only === undefined
    ? Array.from({ length: Number(values.rounds) }, (_, i) => i + 1)
    : values.only.split(',').map(Number);
if (numbers.length === 0 || numbers.some((n) => !Number.isInteger(n) || n < 1)) {
  process.stderr.write('--rounds and --only take whole numbers from 1 on\n');
  process.exit(2);
}

const box = values.box === undefined ? sandbox() : sandbox(values.box);
let red = 0;
try {
  const stage = await openStage(box);
  try {
    for (const number of numbers) red += (await playAndSay(stage, roundOf(values.seed, number))) ? 0 : 1;
  } finally {
    if (values.box === undefined) await endStage(stage);
    else stage.close();
  }
} finally {
  if (values.box === undefined) box.remove();
}
process.stdout.write(`${numbers.length - red} rounds right, ${red} red\n`);
process.exitCode = red === 0 ? 0 : 1;

/** A round counts only when every fault of it is proved. */
async function playAndSay(stage: Stage, round: Round): Promise<boolean> {
  const played = await play(stage, round).catch((error: unknown): Played => {
    const says = error instanceof Error ? error.message : String(error);
    return { proofs: [], verdicts: [], violations: [`the round broke off: ${says}`], ms: 0 };
  });
  const right = played.violations.length === 0 && played.proofs.every(({ happened }) => happened);
  process.stdout.write(lineOf(round, played, right));
  return right;
}

function lineOf(round: Round, played: Played, right: boolean): string {
  const faults = round.injections.map(({ fault, target, moment }, i) => {
    const proof = played.proofs[i];
    const happened = proof?.happened === true ? 'proof' : 'NOT PROVED';
    return `${fault.name} of ${target} ${momentText(moment)} (${happened}: ${proof?.says ?? 'nothing'})`;
  });
  const head = `${right ? 'right' : 'RED  '} seed ${round.seed} round ${round.number}`;
  const seconds = `${(played.ms / 1000).toFixed(1)} s`;
  const wrong = played.violations.map((what) => `\n      ${what}`).join('');
  return `${[head, faults.join(' + '), played.verdicts.join(', '), seconds].join(' | ')}${wrong}\n`;
}
