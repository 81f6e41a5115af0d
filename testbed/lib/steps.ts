/**
 * Runs the steps: each starts as soon as what it needs is there and its lane
 * has room. Compilation fills the processors, so few at a time; downloads wait
 * for the network and run beside it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { paths } from './paths.ts';
import { CommandError, tail } from './proc.ts';
import { Heartbeat, say, seconds } from './progress.ts';

export type Lane = 'compile' | 'docker' | 'fetch';

const room: Readonly<Record<Lane, number>> = { compile: 2, docker: 2, fetch: 4 };

export interface Step {
  readonly id: string;
  readonly title: string;
  readonly lane: Lane;
  readonly needs: readonly string[];
  /** Is the product of exactly these inputs there? Must be quick. */
  readonly isDone: () => boolean;
  readonly run: (log: string) => Promise<void>;
}

/** A failed step, with the place to look. */
export class StepError extends Error {}

/**
 * The steps that must run for the goals, in the order given. What a finished
 * product was made from need not be there.
 */
export function openSteps(steps: readonly Step[], goals: readonly string[]): Step[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const open = new Set<string>();
  const visit = (id: string): void => {
    const step = byId.get(id);
    if (!step) throw new StepError(`no step is called ${id}`);
    if (open.has(id) || step.isDone()) return;
    open.add(id);
    step.needs.forEach(visit);
  };
  goals.forEach(visit);
  return steps.filter((step) => open.has(step.id));
}

/** Runs steps side by side; what they need and is not among them is there. */
export async function runSteps(todo: readonly Step[]): Promise<void> {
  if (todo.length === 0) return;
  mkdirSync(paths.logs, { recursive: true });
  say(`to do: ${todo.map((step) => step.id).join(', ')}`);
  const waiting = [...todo];
  const open = new Set(todo.map((step) => step.id));
  const busy: Record<Lane, number> = { compile: 0, docker: 0, fetch: 0 };
  const active = new Map<string, Promise<void>>();
  const heartbeat = new Heartbeat();
  let failure: Error | undefined;
  while (waiting.length > 0 || active.size > 0) {
    for (const step of failure ? [] : [...waiting]) {
      if (busy[step.lane] >= room[step.lane] || step.needs.some((id) => open.has(id))) continue;
      waiting.splice(waiting.indexOf(step), 1);
      busy[step.lane]++;
      active.set(
        step.id,
        one(step, heartbeat)
          .then(
            () => void open.delete(step.id),
            (error: unknown) => {
              failure ??= error as Error;
            },
          )
          .finally(() => {
            busy[step.lane]--;
            active.delete(step.id);
          }),
      );
    }
    if (active.size === 0) break;
    await Promise.race(active.values());
  }
  if (failure) throw failure;
  if (waiting.length > 0)
    throw new StepError(`steps that can never start: ${waiting.map((step) => step.id).join(', ')}`);
}

async function one(step: Step, heartbeat: Heartbeat): Promise<void> {
  const log = join(paths.logs, `${step.id}.log`);
  writeFileSync(log, '');
  say(`▸ ${step.title}`);
  heartbeat.start(step.id, step.title, log);
  try {
    await step.run(log);
    say(`✓ ${step.title}, ${seconds(heartbeat.end(step.id))}`);
  } catch (error) {
    const took = seconds(heartbeat.end(step.id));
    const where =
      error instanceof CommandError
        ? `\n  command: ${error.message}`
        : `\n  ${(error as Error).stack ?? String(error)}`;
    const lines = tail(log, 20)
      .map((line) => `  | ${line}`)
      .join('\n');
    const text = `✗ ${step.title} failed after ${took}${where}\n  log: ${log}\n${lines}`;
    say(text);
    throw new StepError(`step "${step.id}" failed, log ${log}`, { cause: error });
  }
}
