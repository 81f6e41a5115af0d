import { parseArgs } from 'node:util';

export const variants = ['ket', 'serial', 'parallel', 'floor'] as const;
export type Variant = (typeof variants)[number];

export const titles: Record<Variant, string> = {
  ket: 'ket',
  serial: 'pipeline, one Job after another',
  parallel: 'pipeline, all at once',
  floor: 'the floor',
};

export interface Options {
  readonly rounds: number;
  /** Of the cluster. */
  readonly nodes: 1 | 3;
  readonly only: readonly Variant[];
}

export const usage = `usage: make bench, or: node bench/main.ts [--rounds N] [--nodes 1|3] [--only VARIANT,…]

  --rounds N      rounds, each with every variant once, in random order (default 3)
  --nodes N       nodes of the cluster, 1 or 3 (default 1)
  --only A,B      of ${variants.join(', ')}; nothing is written to bench/results or docs then
`;

/** Throws an Error with what is wrong; 'help' when it was asked for. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      nodes: { type: 'string', default: '1' },
      only: { type: 'string', default: variants.join(',') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: a whole number from 1 up is needed`);
  if (values.nodes !== '1' && values.nodes !== '3')
    throw new Error(`--nodes ${values.nodes}: there are 1 and 3`);
  const only = values.only.split(',').map((name) => {
    const variant = variants.find((each) => each === name.trim());
    if (variant === undefined) throw new Error(`--only ${name}: there are ${variants.join(', ')}`);
    return variant;
  });
  return {
    rounds,
    nodes: values.nodes === '1' ? 1 : 3,
    only: variants.filter((variant) => only.includes(variant)),
  };
}
