import { versions } from './versions.ts';

export type ListedTool = 'kind' | 'kubectl' | 'helm';

/** Operating system and processor, as the makers of the tools name them. */
export const platforms = ['linux/amd64', 'linux/arm64', 'darwin/amd64', 'darwin/arm64'] as const;
export type Platform = (typeof platforms)[number];

/** A release that ket downloads, with the sum of the file that is downloaded: a program, or Helm's archive. */
export interface ToolRelease {
  /** With the leading v. */
  readonly version: string;
  /** `owner/repository@commit:path`, of at least two owners, each of which has every sum of this release. */
  readonly sources: readonly string[];
  /** A platform that is absent is not offered. */
  readonly sha256: Readonly<Partial<Record<Platform, string>>>;
}

export interface NodeImage {
  /** With the leading v. */
  readonly kubernetes: string;
  /** With tag and digest. */
  readonly image: string;
  readonly sources: readonly string[];
}

/** A release of kind with the node images that were made for it; the first is its own default. */
export interface KindRelease extends ToolRelease {
  readonly images: readonly NodeImage[];
}

/** All lists are newest first. */
export interface VersionTable {
  /** What is used where nothing is asked for. */
  readonly defaults: { readonly kind: string; readonly kubernetes: string; readonly helm: string };
  readonly kind: readonly KindRelease[];
  readonly kubectl: readonly ToolRelease[];
  readonly helm: readonly ToolRelease[];
}

/** The platform of this process, or of a given one; undefined where none of the tools is offered. */
export function platformOf(
  system: NodeJS.Platform = process.platform,
  arch: string = process.arch,
): Platform | undefined {
  const name = `${system}/${arch === 'x64' ? 'amd64' : arch}`;
  return platforms.find((platform) => platform === name);
}

/** The listed sum of a tool's download; undefined: it is not offered for that platform. */
export function listedSum(
  tool: ListedTool,
  version: string,
  platform: Platform | undefined,
  table: VersionTable = versions,
): string | undefined {
  if (platform === undefined) return undefined;
  return table[tool].find((release) => release.version === version)?.sha256[platform];
}

/** Numbers of a version, for comparing; a pre-release counts as its release. */
export function numbersOf(version: string): readonly number[] {
  return (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);
}

/** Negative when `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `1.34` of `v1.34.0`, `1.34` and `1.34.0`. */
export function minorOf(version: string): string {
  return numbersOf(version).slice(0, 2).join('.');
}

/** The version that the tag of a node image names, e.g. `v1.34.0` of `kindest/node:v1.34.0@sha256:…`. */
export function kubernetesOf(image: string | undefined): string | undefined {
  return /:(v1\.\d+\.\d+[^@]*)(?:@|$)/.exec(image ?? '')?.[1];
}
