/** Everything that is compiled: tools for the user, programs for the nodes. */
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hashOf, treeText } from '../lib/hash.ts';
import { paths, sourceDir } from '../lib/paths.ts';
import { run } from '../lib/proc.ts';
import { product } from '../lib/product.ts';
import type { Product } from '../lib/product.ts';
import type { Step } from '../lib/steps.ts';
import { kubernetes, oldKubernetes, suffixOf, versions } from '../lib/versions.ts';
import type { KubernetesVersion } from '../lib/versions.ts';

export interface GoProgram {
  readonly id: string;
  /** The name of the finished file, and of links to it. */
  readonly file: string;
  readonly links?: readonly string[];
  /** A package of a published module with its version … */
  readonly install?: string;
  /** … or a folder below testbed/go with a module of its own. */
  readonly source?: string;
  /** Of a folder that is built for several versions: `<folder>/kubernetes-<variant>.mod` and its build tag. */
  readonly variant?: string;
  /** A package that the module's go.mod names as a tool, in place of its main package. */
  readonly tool?: string;
  /** Modules that are built as they are but for the files of ours in `<folder>/_over/<module>`. */
  readonly over?: readonly string[];
  readonly ldflags?: readonly string[];
  /** A program that shares most of its packages: side by side both would compile them. */
  readonly after?: string;
}

/** Kubernetes programs check each other's versions, so they must know their own. */
function kubeVersion({ version }: KubernetesVersion): string[] {
  const [major = '', minor = ''] = version.split('.');
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((module) => [
    `-X ${module}.gitVersion=v${version}`,
    `-X ${module}.gitMajor=${major}`,
    `-X ${module}.gitMinor=${minor}`,
    `-X ${module}.gitTreeState=clean`,
  ]);
}

/** All of Kubernetes of a version in one program. */
export const hyperkube = (of: KubernetesVersion): GoProgram => ({
  id: `hyperkube${suffixOf(of)}`,
  file: 'hyperkube',
  source: 'hyperkube',
  ldflags: kubeVersion(of),
  // The user's kubectl is the newer one.
  ...(of.variant === undefined ? { links: ['kubectl'] } : { variant: of.variant, after: 'hyperkube' }),
});

export const programs = {
  hyperkube: hyperkube(kubernetes),
  oldHyperkube: hyperkube(oldKubernetes),
  agnhost: {
    id: 'agnhost',
    file: 'agnhost',
    source: 'hyperkube',
    tool: 'k8s.io/kubernetes/test/images/agnhost',
    after: 'hyperkube',
    ldflags: [`-X main.Version=${versions.agnhost}`],
  },
  traefik: {
    id: 'traefik',
    file: 'traefik',
    source: 'traefik',
    tool: 'github.com/traefik/traefik/v3/cmd/traefik',
    over: ['github.com/traefik/traefik/v3', 'github.com/go-acme/lego/v4'],
    ldflags: [`-X github.com/traefik/traefik/v3/pkg/version.Version=${versions.traefik}`],
    // Both compile the client of Kubernetes, if not the same version of it.
    after: 'hyperkube',
  },
  kind: { id: 'kind', file: 'kind', install: `sigs.k8s.io/kind@v${versions.kind}` },
  helm: {
    id: 'helm',
    file: 'helm',
    install: `helm.sh/helm/v4/cmd/helm@v${versions.helm}`,
    ldflags: [`-X helm.sh/helm/v4/internal/version.version=v${versions.helm}`],
  },
  helm3: {
    id: 'helm3',
    file: 'helm',
    links: ['helm3'],
    install: `helm.sh/helm/v3/cmd/helm@v${versions.helm3}`,
    ldflags: [`-X helm.sh/helm/v3/internal/version.version=v${versions.helm3}`],
  },
  act: {
    id: 'act',
    file: 'act',
    install: `github.com/nektos/act@v${versions.act}`,
    ldflags: [`-X main.version=${versions.act}`],
  },
  etcd: { id: 'etcd', file: 'etcd', source: 'etcd' },
  coredns: { id: 'coredns', file: 'coredns', source: 'coredns' },
  localPath: {
    id: 'local-path',
    file: 'local-path-provisioner',
    install: `github.com/rancher/local-path-provisioner@v${versions.localPathProvisioner}`,
  },
  pause: { id: 'pause', file: 'pause', source: 'pause' },
} as const satisfies Record<string, GoProgram>;

const buildEnv = { CGO_ENABLED: '0' };
const flags = ['-trimpath', '-buildvcs=false'];

/** The finished program: `<dir>/bin/<file>`. */
export function goProduct(program: GoProgram): Product {
  // The compiler is no input: a product stays good when Go is updated.
  return product(
    program.id,
    hashOf([
      program.install ?? '',
      sourceText(program),
      ...(program.tool === undefined ? [] : [program.tool]),
      ...(program.ldflags ?? []),
      ...(program.links ?? []),
      program.file,
      ...flags,
      ...variantFlags(program),
    ]),
  );
}

/** What of the testbed's own files goes into a program; of a published tool only its version does. */
function sourceText(program: GoProgram): string {
  if (program.source === undefined) return '';
  const folder = join(sourceDir, 'go', program.source);
  if (program.tool !== undefined && program.over === undefined)
    return treeText(join(folder, 'go.mod')) + treeText(join(folder, 'go.sum'));
  const own = moduleFiles(program);
  const isOther = (name: string): boolean =>
    /^(go|kubernetes-.*)\.(mod|sum)$/.test(name) && !own.includes(name);
  return treeText(folder, (name) => !name.endsWith('_test.go') && !isOther(name));
}

const moduleFiles = ({ variant }: GoProgram): readonly [mod: string, sum: string] =>
  variant === undefined ? ['go.mod', 'go.sum'] : [`kubernetes-${variant}.mod`, `kubernetes-${variant}.sum`];

/** What tells Go to build a folder for another version than go.mod says. */
const variantFlags = (program: GoProgram): string[] =>
  program.variant === undefined
    ? []
    : [
        `-modfile=${moduleFiles(program)[0]}`,
        // Old versions have clients of four clouds in them, which take longer to compile than the rest.
        ...['-tags', `kubernetes_${program.variant.replaceAll('.', '_')},providerless`],
      ];

export function goBinary(program: GoProgram): string {
  return join(goProduct(program).dir, 'bin', program.file);
}

export function goStep(program: GoProgram): Step {
  const made = goProduct(program);
  return {
    id: program.id,
    title: `compile ${program.install ?? program.tool ?? `go/${program.source ?? ''}`}${program.variant === undefined ? '' : ` of Kubernetes ${program.variant}`}`,
    lane: 'compile',
    needs: program.after === undefined ? [] : [program.after],
    isDone: made.isDone,
    run: (log) => made.make((dir) => compile(program, dir, log)),
  };
}

async function compile(program: GoProgram, dir: string, log: string): Promise<void> {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  const ldflags = ['-s', '-w', ...(program.ldflags ?? [])].join(' ');
  if (program.install !== undefined) {
    await run(['go', 'install', '-v', ...flags, '-ldflags', ldflags, program.install], {
      log,
      env: { ...buildEnv, GOBIN: bin },
      cwd: '/',
    });
  } else {
    const copy = join(paths.work, `source-${program.id}`); // Go must not look into the clone around it
    rmSync(copy, { recursive: true, force: true });
    cpSync(join(sourceDir, 'go', program.source ?? ''), copy, { recursive: true });
    for (const module of program.over ?? []) await layOver(module, copy, log);
    await run(
      [
        'go',
        'build',
        '-v',
        '-mod=readonly',
        ...variantFlags(program),
        ...flags,
        '-ldflags',
        ldflags,
        '-o',
        join(bin, program.file),
        program.tool ?? '.',
      ],
      { log, env: { ...buildEnv, GOWORK: 'off' }, cwd: copy },
    );
    rmSync(copy, { recursive: true, force: true });
  }
  for (const link of program.links ?? []) symlinkSync(program.file, join(bin, link));
}

/** Makes a copy of a module with our files over its own, and takes it in place of the published one. */
async function layOver(module: string, copy: string, log: string): Promise<void> {
  const own = join('modules', module);
  mkdirSync(join(copy, own, '..'), { recursive: true });
  // Go's own copy can be written by nobody.
  const argv = ['cp', '-R', '--no-preserve=mode', await moduleDir(module, log, copy), join(copy, own)];
  await run(argv, { log });
  cpSync(join(copy, '_over', module), join(copy, own), { recursive: true });
  await run(['go', 'mod', 'edit', `-replace=${module}=./${own}`], { log, cwd: copy });
}

/** The unpacked source of a module, for the files that are part of it. */
export async function moduleDir(module: string, log: string, cwd = '/'): Promise<string> {
  const env = { GOWORK: 'off' };
  const answer = JSON.parse(await run(['go', 'mod', 'download', '-json', module], { log, cwd, env })) as {
    Dir?: string;
  };
  if (answer.Dir === undefined) throw new Error(`go mod download ${module} named no folder`);
  return answer.Dir;
}
