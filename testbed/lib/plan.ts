/** Which steps a purpose needs, on this machine. */
import { engineSteps } from '../steps/engine.ts';
import { goStep, programs } from '../steps/go.ts';
import type { GoProgram } from '../steps/go.ts';
import { publicImages } from '../steps/images.ts';
import { nodeImageId, nodeImageSteps } from '../steps/node-image.ts';
import type { Docker } from './docker.ts';
import { ask } from './proc.ts';
import type { Step } from './steps.ts';
import { kubernetes, oldKubernetes, versions } from './versions.ts';

export type Purpose = 'demo' | 'test' | 'versions' | 'all' | 'ingress';

/** Each with those whose things it has, too. */
const within: Readonly<Record<Purpose, readonly Purpose[]>> = {
  demo: ['demo'],
  test: ['demo', 'test'],
  versions: ['demo', 'test', 'versions'],
  all: ['demo', 'test', 'versions', 'all'],
  // Nothing else has it, for it takes minutes to compile.
  ingress: ['demo', 'test', 'ingress'],
};
export const purposes = Object.keys(within) as readonly Purpose[];
const has = (purpose: Purpose, part: Purpose): boolean => within[purpose].includes(part);

/** The tools that a person calls, for a purpose; the first on the PATH first. */
export function toolPrograms(purpose: Purpose): GoProgram[] {
  return [programs.kind, programs.helm, ...(has(purpose, 'all') ? [programs.act, programs.helm3] : [])];
}

export interface Plan {
  readonly steps: readonly Step[];
  /** What must be there in the end; other steps run only if one of these needs them. */
  readonly goals: readonly string[];
}

/** Everything, from Debian's and Go's package registries alone. */
export function fullPlan(docker: Docker, purpose: Purpose): Plan {
  const set = publicImages(docker);
  const tools = toolPrograms(purpose);
  const nodes = [kubernetes, ...(has(purpose, 'versions') ? [oldKubernetes] : [])];
  // Longest first: the node image waits for all of these, the tools can come last.
  const compiled = [
    programs.hyperkube,
    programs.localPath,
    programs.coredns,
    programs.etcd,
    programs.pause,
    programs.agnhost,
    ...(has(purpose, 'versions') ? [programs.oldHyperkube] : []),
    ...(has(purpose, 'ingress') ? [programs.traefik] : []),
    ...tools,
  ];
  const wanted = [
    set.base,
    set.python,
    set.postgres,
    set.busybox,
    ...(has(purpose, 'test') ? [set.redis, set.registry, set.agnhost] : []),
    ...(has(purpose, 'ingress') ? [set.traefik] : []),
  ];
  return {
    steps: [
      ...(docker.kind === 'own' ? engineSteps(docker) : [present('daemon'), hostPackages(docker)]),
      ...compiled.map((program) => goStep(program)),
      ...set.steps,
      ...nodeImageSteps(docker, set, nodes),
    ],
    goals: [
      'daemon',
      ...[programs.hyperkube, ...tools].map((program) => program.id),
      ...wanted.map((each) => each.step.id),
      ...nodes.map(nodeImageId),
    ],
  };
}

/** Where Docker can pull: only tools that are not there in the asked version. */
export function toolsPlan(purpose: Purpose): Plan {
  const steps = toolPrograms(purpose)
    .filter((program) => !hasTool(program))
    .map((program) => goStep(program));
  return { steps, goals: steps.map((step) => step.id) };
}

/** Is a tool of exactly our version on the PATH? */
export function hasTool(program: GoProgram): boolean {
  const wanted = { kind: versions.kind, helm: versions.helm, helm3: versions.helm3, act: versions.act }[
    program.id
  ];
  if (wanted === undefined) return false;
  const argv = program.id === 'act' ? ['act', '--version'] : [program.id, 'version'];
  return new RegExp(`\\bv?${wanted.replaceAll('.', '\\.')}\\b`).test(ask(argv).out);
}

function present(id: string): Step {
  return { id, title: id, lane: 'fetch', needs: [], isDone: () => true, run: () => Promise.resolve() };
}

/** With a Docker of the host's own only debootstrap is wanted from the host. */
function hostPackages(docker: Docker): Step {
  const step = engineSteps(docker).find((each) => each.id === 'host-packages');
  if (!step) throw new Error('no step host-packages');
  return step;
}
