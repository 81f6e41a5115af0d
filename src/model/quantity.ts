/**
 * Kubernetes quantities, as far as test suites need them. Kubernetes itself takes `memory: 512m` as half a byte and
 * lets the container fail much later; in ket.yaml such slips are found before anything starts.
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
