/**
 * Kubernetes quantities, as far as test suites need them. Kubernetes itself takes `memory: 512m` as half a byte and
 * lets the container fail much later; here such slips are found before anything starts.
 */
const factors: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Cores of a cpu quantity, or bytes of a memory quantity; undefined when the text is neither. */
export function parseQuantity(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (factors[match[2] ?? ''] ?? 1);
}

/** Bytes as the shortest exact memory quantity. */
export function formatBytes(bytes: number): string {
  for (const unit of ['Ti', 'Gi', 'Mi', 'Ki'] as const) {
    const size = factors[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

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
