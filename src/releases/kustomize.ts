import { parseAllDocuments } from 'yaml';
import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import { formatMs } from '../model/format.ts';
import { manifestFaults } from '../model/manifest-faults.ts';
import type { ReleasePlan } from '../model/plan.ts';
import type { Kustomize } from '../tools/kustomize.ts';

/** A base that is elsewhere is fetched for it; longer than this nobody waits for a text. */
const buildMs = 120_000;

/** More than this of output is not kept whole (src/tools/exec.ts), so its beginning would lack. */
const mostBytes = 10 * 1024 * 1024;

export interface KustomizeOptions {
  readonly kustomize: Kustomize;
  readonly release: ReleasePlan;
  /** The folder with the kustomization. */
  readonly folder: string;
  /** No more than two minutes are taken of it. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
  readonly awaiting: (what: string) => void;
}

/**
 * The manifests that a kustomization builds, as one YAML text, fit for the namespace of its release. Rejects with
 * KET_RELEASE and the words of the tool.
 */
export async function buildKustomization(deps: Deps, options: KustomizeOptions): Promise<string> {
  const { kustomize, release, folder, signal } = options;
  const argv = [...kustomize, folder];
  const limitMs = Math.min(options.limitMs, buildMs);
  options.awaiting(argv.join(' '));
  const result = await deps.exec({
    argv,
    // No cluster is asked, and nobody for a password.
    env: { KUBECONFIG: '/dev/null', GIT_TERMINAL_PROMPT: '0' },
    limitMs,
    signal,
  });
  const fail = (fault: string, details: readonly string[], next: string): KetError =>
    new KetError('KET_RELEASE', `the kustomization of release ${release.name} ${fault}`, {
      where: folder,
      details,
      next,
    });
  const said = result.stderr.split('\n').filter((line) => line.trim() !== '');
  const alone = `try it alone: ${argv.join(' ')}`;
  if (result.timedOut)
    throw fail(
      `did not build within ${formatMs(limitMs)}`,
      said.slice(-10),
      `bases that are elsewhere are fetched as it is built: see that this machine reaches them; ${alone}`,
    );
  if (result.code !== 0) throw fail('does not build', said.slice(-10), alone);
  if (Buffer.byteLength(result.stdout) >= mostBytes)
    throw fail('builds more than 10 MiB, of which Helm takes no release', [], 'make several releases of it');
  const faults = faultsIn(result.stdout, release);
  if (faults === undefined) throw fail('builds nothing', [], 'see its "resources"');
  if (faults.length > 0) throw fail('builds what cannot be of this release', faults, cureOf(release));
  return result.stdout;
}

/** What is wrong with the objects; undefined when there are none. */
function faultsIn(text: string, release: ReleasePlan): string[] | undefined {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return undefined;
  const objects = documents.map((document) => document.toJS() as unknown).filter((object) => object !== null);
  if (objects.length === 0) return undefined;
  if (release.copyOf === undefined)
    return objects.flatMap((object) => manifestFaults(object, release.namespace));
  // A copy is in another namespace, where what names the first one would not be.
  return objects.flatMap((object) => {
    const { kind, metadata } = object as { kind?: string; metadata?: { name?: string; namespace?: string } };
    return metadata?.namespace === undefined
      ? []
      : [`${kind ?? ''} ${metadata.name ?? ''} names its namespace, ${metadata.namespace}`];
  });
}

const cureOf = ({ namespace, copyOf }: ReleasePlan): string =>
  copyOf === undefined
    ? `make "namespace" of the kustomization ${namespace}, or leave it out; an object of a base goes with a patch that has $patch: delete`
    : `leave "namespace" out of the kustomization, so that suite ${copyOf.suite} can have a copy of it, or share the release: \`isolation: shared\``;
