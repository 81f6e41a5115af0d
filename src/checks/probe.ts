import { z } from 'zod';
import { KetError } from '../model/errors.ts';

/** What `ket-run probe` reads and answers, one line of JSON each (native/ket-run/README.md). */

/** One look at the network from a pod. */
export type Probe =
  | { readonly kind: 'dns'; readonly host: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'http';
      readonly host: string;
      readonly port: number;
      /** With the query. */
      readonly path: string;
      /** How many, one after another; 1 unless given. */
      readonly requests?: number;
      /** Over so many connections in turn; 1 unless given. */
      readonly connections?: number;
      /** False: a connection of its own for each request. */
      readonly keepAlive?: boolean;
    };

const answerSchema = z.object({
  id: z.int(),
  ok: z.boolean(),
  ms: z.number(),
  /** Where it ended; null when nothing is wrong. */
  stage: z.enum(['dns', 'connect', 'tls', 'http', 'grpc']).nullable(),
  error: z.string().nullable(),
  text: z.string().nullable(),
  /** Of a name, with blanks between. */
  addresses: z.string().default(''),
  /** That was tried last. */
  address: z.string().default(''),
  status: z.int().default(0),
  body: z.string().default(''),
  requests: z.int().default(0),
  opened: z.int().default(0),
});

export type Answer = Readonly<z.output<typeof answerSchema>>;

/** The list for stdin; the id of a probe is its place. An empty line ends it. */
export function listOf(probes: readonly Probe[], limitMs: number): string {
  const lines = probes.map((probe, id) => {
    const { kind, host } = probe;
    const more =
      probe.kind === 'http'
        ? {
            path: probe.path,
            requests: probe.requests ?? 1,
            connections: probe.connections ?? 1,
            keep_alive: probe.keepAlive ?? true,
          }
        : {};
    const port = probe.kind === 'dns' ? {} : { port: probe.port };
    return JSON.stringify({ id, kind, host, ...port, ...more, limit_ms: limitMs });
  });
  return `${lines.join('\n')}\n\n`;
}

/** The answers in the order of the probes. One that lacks, or is none, is an error: silence is no proof. */
export function answersOf(output: string, count: number): readonly Answer[] {
  const answers = new Map<number, Answer>();
  for (const line of output.split('\n')) {
    if (line === '') continue;
    const answer = read(line);
    if (answer === undefined || answer.id >= count || answers.has(answer.id))
      throw broken(`a line that is no answer: ${line.slice(0, 200)}`);
    answers.set(answer.id, answer);
  }
  return Array.from({ length: count }, (_, id) => {
    const answer = answers.get(id);
    if (answer === undefined) throw broken(`${answers.size} of ${count} answers`);
    return answer;
  });
}

function read(line: string): Answer | undefined {
  try {
    return answerSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

const broken = (what: string): KetError =>
  new KetError('KET_CHECK', `the probes in the pod ended with ${what}`, {
    next: 'the connection to the pod was cut, or the pod ran out of memory: run it again',
  });
