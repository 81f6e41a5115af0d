import fs from 'node:fs';
import type { Exec } from '../model/deps.ts';

export type VersionedTool = 'kind' | 'kubectl' | 'helm';

/** What a program says, or proves, about its version. */
export interface ToolVersion {
  /** With the leading v; may lack the patch number, e.g. v4.3. */
  readonly version: string;
  /** True when the program itself, or the build information in it, names all three numbers. */
  readonly exact: boolean;
}

const versionArgs: Record<VersionedTool, readonly string[]> = {
  kind: ['version'],
  kubectl: ['version', '--client'],
  helm: ['version', '--template', '{{.Version}}'],
};

/** Path of the Go module that holds the program, up to its major version. */
const modules: Record<VersionedTool, string> = {
  kind: 'sigs.k8s.io/kind',
  kubectl: 'k8s.io/kubernetes',
  helm: 'helm.sh/helm',
};

const full = /^v\d+\.\d+\.\d+/;

/** The first version in the output of a tool's own command for it; undefined when there is none. */
export function parseVersion(output: string): ToolVersion | undefined {
  const version = /\bv\d+\.\d+(?:\.\d+)?(?:[-+][0-9A-Za-z.+-]+)?/.exec(output)?.[0];
  return version === undefined ? undefined : { version, exact: full.test(version) };
}

/**
 * The version that Go's build information in a program names. A Helm built from source says only `v4.3`, while its
 * build information has the exact version of the module.
 */
export function moduleVersion(content: Buffer, module: string): string | undefined {
  const mark = `mod\t${module}`;
  for (let at = content.indexOf(mark); at >= 0; at = content.indexOf(mark, at + 1)) {
    const line =
      content
        .subarray(at, at + 300)
        .toString('latin1')
        .split('\n')[0] ?? '';
    const [, name, version] = line.split('\t');
    if (name !== undefined && /^(\/v\d+)?$/.test(name.slice(module.length)) && full.test(version ?? ''))
      return version;
  }
  return undefined;
}

/** Asks a program for its version. Undefined: it did not answer, or with something else. */
export async function versionOf(
  exec: Exec,
  tool: VersionedTool,
  file: string,
  signal?: AbortSignal,
): Promise<ToolVersion | undefined> {
  const result = await exec({
    argv: [file, ...versionArgs[tool]],
    limitMs: 5000,
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    return undefined;
  });
  if (result?.code !== 0) return undefined;
  const said = parseVersion(result.stdout);
  if (said === undefined || said.exact) return said;
  const proved = moduleVersion(await fs.promises.readFile(file).catch(() => Buffer.alloc(0)), modules[tool]);
  return proved?.startsWith(`${said.version}.`) === true ? { version: proved, exact: true } : said;
}
