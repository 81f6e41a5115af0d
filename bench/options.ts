import { parseArgs } from 'node:util';

export const variants = ['ket', 'serial', 'parallel'] as const;
export type Variant = (typeof variants)[number];

export const titles: Record<Variant, string> = {
  ket: 'ket',
  serial: 'pipeline, one Job after another',
  parallel: 'pipeline, all at once',
};

export interface Options {
  readonly rounds: number;
  readonly tier: string;
  readonly only: readonly Variant[];
  readonly config: string;
}

export const usage = `usage: make bench, or: node bench/main.ts [--rounds N] [--tier NAME] [--only VARIANT,…]

  --rounds N      rounds, each with every variant once, in random order (default 3)
  --tier NAME     the tier of examples/fastapi-postgres/ket.yaml (default integration)
  --only A,B      of ${variants.join(', ')}; nothing is written to bench/results or docs then
`;

/** Throws an Error with what is wrong; 'help' when it was asked for. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      tier: { type: 'string', default: 'integration' },
      only: { type: 'string', default: variants.join(',') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: a whole number from 1 up is needed`);
  const only = values.only.split(',').map((name) => {
    const variant = variants.find((each) => each === name.trim());
    if (variant === undefined) throw new Error(`--only ${name}: there are ${variants.join(', ')}`);
    return variant;
  });
  return {
    rounds,
    tier: values.tier,
    only: variants.filter((variant) => only.includes(variant)),
    config: 'examples/fastapi-postgres/ket.yaml',
  };
}
