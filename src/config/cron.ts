/** Times of a schedule, as cron has them and as both GitHub and Kubernetes take them: five fields, UTC. */

interface Field {
  readonly what: string;
  readonly least: number;
  readonly most: number;
  /** Names of the values from `least` on. */
  readonly names?: readonly string[];
}

const fields: readonly Field[] = [
  { what: 'minute', least: 0, most: 59 },
  { what: 'hour', least: 0, most: 23 },
  { what: 'day of the month', least: 1, most: 31 },
  {
    what: 'month',
    least: 1,
    most: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  { what: 'day of the week', least: 0, most: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];

const daysOfMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** What is wrong with a text as the times of a schedule; undefined when nothing is. */
export function cronProblem(text: string): string | undefined {
  if (text.startsWith('@')) return `"${text}" is not known to GitHub; write five fields, e.g. "17 3 * * *"`;
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fields.length)
    return `"${text}" has ${parts.length === 1 ? '1 field' : `${parts.length} fields`}, and cron has five: minute, hour, day of the month, month, day of the week, e.g. "17 3 * * *"`;
  const values: ReadonlySet<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const read = valuesOf(parts[index] ?? '', field);
    if (typeof read === 'string') return read;
    values.push(read);
  }
  const [, , days = new Set(), months = new Set()] = values;
  const comes = [...months].some((month) => Math.min(...days) <= (daysOfMonths[month - 1] ?? 31));
  if (comes || parts[4] !== '*') return undefined;
  return `"${text}" never comes: no such month has a day ${Math.min(...days)}`;
}

function valuesOf(text: string, field: Field): ReadonlySet<number> | string {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [, range, step] = /^([^/]+)(?:\/(\d+))?$/.exec(part) ?? [];
    const ends =
      range === '*' ? [field.least, field.most] : (range?.split('-').map((end) => valueOf(end, field)) ?? []);
    const [from, to = step === undefined ? from : field.most] = ends;
    if (from === undefined || to === undefined || ends.length > 2 || ends.includes(undefined))
      return `"${part}" is no ${field.what}: ${allowed(field)}`;
    if (from > to) return `"${part}" runs backwards`;
    const by = Number(step ?? 1);
    if (by === 0) return `"${part}" has a step of 0`;
    // GitHub and Kubernetes do not agree about a step without a range.
    if (step !== undefined && ends.length === 1)
      return `"${part}" has a step and no range; write "${from}-${field.most}/${step}"`;
    for (let value = from; value <= to; value += by) values.add(value);
  }
  return values;
}

function valueOf(text: string, { least, most, names }: Field): number | undefined {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  const value = named >= 0 ? least + named : /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}

const allowed = ({ least, most, names }: Field): string =>
  `a number from ${least} to ${most}${names === undefined ? '' : ` or a name like ${(names[1] ?? '').toUpperCase()}`}, "*", lists with commas, ranges with "-" and steps with "/"`;
