/** A finished step of kind, as it stands in kind's own lines. */
export interface KindStep {
  readonly name: string;
  readonly ms: number;
  readonly ok: boolean;
}

export interface KindSteps {
  /** True when the line was one of kind's step lines. */
  line(text: string): boolean;
  /** The step that runs, or that failed. */
  current(): string | undefined;
}

/** ` • Preparing nodes 📦  ...` begins a step, ` ✓ Preparing nodes 📦` or ` ✗ …` ends it. */
const stepLine = /^\s*([•✓✗])\s+(.*)$/u;

/** Reads kind's step lines (without a terminal there is one line per begin and end) and times the steps on receipt. */
export function kindSteps(
  now: () => number,
  onStep: (step: KindStep) => void,
  onBegin?: (name: string) => void,
): KindSteps {
  let current: { name: string; began: number } | undefined;
  let failed: string | undefined;
  return {
    line(text) {
      const [, mark, rest] = stepLine.exec(text) ?? [];
      if (mark === undefined || rest === undefined) return false;
      const name = stepName(rest);
      if (mark === '•') {
        current = { name, began: now() };
        onBegin?.(name);
      } else {
        const began = current?.name === name ? current.began : now();
        current = undefined;
        if (mark === '✗') failed = name;
        onStep({ name, ms: now() - began, ok: mark === '✓' });
      }
      return true;
    },
    current: () => current?.name ?? failed,
  };
}

/** Without the dots at the end and the pictures that kind adds. */
export function stepName(text: string): string {
  return text
    .replace(/\s*\.\.\.\s*$/, '')
    .replace(/[\p{Extended_Pictographic}\p{Variation_Selector}\u200d]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}
