import { parseQuantity } from '../model/quantity.ts';

export function cpuProblem(text: string): string | undefined {
  if (!/^\d{1,6}(\.\d{1,3})?$|^\d{1,9}m$/.test(text))
    return `"${text}" is not a cpu quantity; write it like 100m, 0.5 or 2`;
  if (parseQuantity(text) === 0) return `"${text}" is no cpu at all`;
  return undefined;
}

/** No container starts with less (and what is below is nearly always a forgotten unit). */
const leastBytes = 4 * 2 ** 20;

export function memoryProblem(text: string): string | undefined {
  const bytes = parseQuantity(text);
  if (bytes === undefined) return `"${text}" is not a memory quantity; write it like 128Mi or 1Gi`;
  if (bytes >= leastBytes) return undefined;
  const digits = /^\d+/.exec(text)?.[0] ?? '128';
  const cure = Number(digits) >= 4 ? `; write "${digits}Mi" if mebibytes are meant` : '';
  return `"${text}" is ${bytes} bytes, less than any container needs${cure}`;
}

/** Of files: any size above nothing. */
export function sizeProblem(text: string): string | undefined {
  const bytes = parseQuantity(text);
  if (bytes === undefined) return `"${text}" is not a size; write it like 128Mi or 1Gi`;
  return bytes < 1 ? `"${text}" is less than a byte` : undefined;
}
