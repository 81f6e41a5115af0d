/** A finished step of a build. */
export interface BuildStep {
  readonly name: string;
  readonly ms: number;
  readonly cached: boolean;
}

export interface BuildFailure {
  /** `[4/5] RUN make`, as BuildKit names it. */
  readonly step?: string;
  /** `Dockerfile:12`. */
  readonly where?: string;
  /** What went wrong, in BuildKit's words. */
  readonly message?: string;
  /** Last lines that the failing step printed. */
  readonly lines: readonly string[];
}

export interface BuildOutput {
  line(text: string): void;
  /** What the failed build tells. */
  failure(): BuildFailure;
}

const maxLines = 20;
const vertex = /^#(\d+) (.*)$/;
const instruction = /^\[(?!internal\b)[^\]]+\] /;

/** Reads the lines of `docker build --progress=plain`: steps with their time, and the step that failed. */
export function buildOutput(
  onStep: (step: BuildStep) => void,
  onBegin?: (name: string) => void,
): BuildOutput {
  const names = new Map<string, string>();
  const printed = new Map<string, string[]>();
  const running = new Set<string>();
  const other: string[] = [];
  let failed: string | undefined;
  let where: string | undefined;
  let message: string | undefined;

  const vertexLine = (id: string, rest: string): void => {
    if (instruction.test(rest)) {
      if (!names.has(id)) onBegin?.(rest);
      names.set(id, rest);
      running.add(id);
      return;
    }
    const name = names.get(id);
    const done = /^(?:DONE (\d+(?:\.\d+)?)s|CACHED)$/.exec(rest);
    if (done !== null) {
      running.delete(id);
      if (name !== undefined)
        onStep({ name, ms: Math.round(Number(done[1] ?? '0') * 1000), cached: done[1] === undefined });
    } else if (rest.startsWith('ERROR: ')) {
      failed = id;
      message ??= rest.slice('ERROR: '.length);
    } else if (!rest.startsWith('[internal]') && rest !== 'CANCELED') {
      const lines = printed.get(id) ?? [];
      lines.push(rest.replace(/^\d+(?:\.\d+)? /, ''));
      printed.set(id, lines.slice(-maxLines));
    }
  };

  return {
    line(text) {
      const [, id, rest] = vertex.exec(text) ?? [];
      if (id !== undefined && rest !== undefined) {
        vertexLine(id, rest);
        return;
      }
      where ??= /^(\S*:\d+)$/.exec(text)?.[1];
      if (text.startsWith('ERROR: '))
        message = text.slice('ERROR: '.length).replace(/^failed to solve: /, '');
      else if (/[^\s-]/.test(text)) other.push(text);
      if (other.length > maxLines) other.shift();
    },
    failure() {
      // A build that was cut off fails in what it was doing.
      const id = failed ?? [...running].at(-1);
      const step = id === undefined ? undefined : names.get(id);
      const lines = (id === undefined ? undefined : printed.get(id)) ?? [];
      return {
        ...(step === undefined ? {} : { step }),
        ...(where === undefined ? {} : { where }),
        ...(message === undefined ? {} : { message }),
        lines: lines.length > 0 ? lines : other,
      };
    },
  };
}
