import { z } from 'zod';
import { form, type Check } from './schema.ts';

/**
 * The forms of inputs. GitHub gives every input as a text, and an empty one where nothing was said; so each form is a
 * text at first, and what comes out of it is of the type that it names.
 */

/** What the table of inputs shows of one of them. */
export interface InputMeta {
  readonly title: string;
  readonly description: string;
  /** As it stands in action.yml, where the runner fills it in. */
  readonly default?: string;
  /** What it decides in ket.yaml: a key of the tier, or of the top level. */
  readonly key?: string;
}

type Form = z.ZodType<unknown, string>;
type Meaning = Pick<InputMeta, 'title' | 'description' | 'key'>;

/** An input that is absent unless given. */
export const input = <F extends Form>(shape: F, meaning: Meaning): z.ZodOptional<F> =>
  shape.optional().meta({ ...meaning });

/** An input with a value of its own, here as in action.yml. */
export const preset = <F extends Form>(shape: F, value: z.input<F>, meaning: Meaning) =>
  z.prefault(shape, () => value).meta({ ...meaning, default: value });

/** Texts separated by commas or new lines; none unless given. */
export const list = (entry: z.ZodType<string, string>, meaning: Meaning) =>
  z
    .string()
    .transform(listed)
    .pipe(z.array(entry))
    .prefault('')
    .meta({ ...meaning, title: `list: ${meaning.title}` });

const listed = (words: string): string[] =>
  words
    .split(/[,\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '');

export const whole = (least: number, most: number) =>
  form('whole number', (value) => {
    if (/^\d{1,9}$/.test(value) && Number(value) >= least && Number(value) <= most) return undefined;
    return `must be a whole number from ${least} to ${most}, not "${value}"`;
  }).transform(Number);

/** Only these two words: "yes" and "1" mean true to some tools, and nothing to others. */
export const flag = z.enum(['true', 'false']).transform((word) => word === 'true');

/** A text that this check has nothing against. */
export const checked = (check: Check) => form('text', check);

const tools = ['kind', 'kubectl', 'helm'] as const;

/** Base addresses from which tools are fetched: of all of them, or of one. */
export type Mirrors = Readonly<Partial<Record<'all' | (typeof tools)[number], string>>>;

/** `https://mirror` for all tools, `kind=https://mirror` for one. */
export const mirrors = z.string().transform((value, context): Mirrors => {
  const found: Partial<Record<keyof Mirrors, string>> = {};
  for (const word of listed(value)) {
    const [, tool = 'all', address = word] = /^([A-Za-z]+)=(.*)$/.exec(word) ?? [];
    const known = (['all', ...tools] as const).find((name) => name === tool);
    const problem =
      known === undefined
        ? `"${tool}" is not a tool that is fetched; those are ${tools.join(', ')}`
        : addressProblem(address, known, found);
    if (known !== undefined && problem === undefined) found[known] = address.replace(/\/+$/, '');
    else context.addIssue({ code: 'custom', message: problem ?? '' });
  }
  return found;
});

/** What is given is not repeated: an address may hold a password. */
function addressProblem(address: string, tool: keyof Mirrors, found: Mirrors): string | undefined {
  const whose = tool === 'all' ? 'all tools' : tool;
  if (found[tool] !== undefined) return `names two mirrors for ${whose}`;
  const url = URL.parse(address);
  const local = url !== null && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return undefined;
  return `the address for ${whose} must begin with https://, or with http:// on this machine itself`;
}

/** What the artifact service refuses in a name. */
export function artifactNameProblem(name: string): string | undefined {
  const bad = /["<>|*?:\r\n\\/]/.exec(name)?.[0];
  if (bad === undefined) return undefined;
  return `must not hold ${JSON.stringify(bad)}; also not allowed in the name of an artifact: " < > | * ? : \\ /`;
}
