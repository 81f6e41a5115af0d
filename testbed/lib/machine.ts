/** What this machine is and has: asked once, changed never. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './proc.ts';
import { versions } from './versions.ts';

export interface Mirror {
  readonly uri: string;
  readonly suite: string;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

/** Can the testbed set everything up here by itself? */
export function isDebian12AsRoot(): boolean {
  const release = osRelease();
  return /^ID="?debian"?$/m.test(release) && /^VERSION_ID="?12"?$/m.test(release) && process.getuid?.() === 0;
}

let mirrors: readonly Mirror[] | undefined;

/** The machine's own Debian mirrors, as its apt settings name them. */
export function debianMirrors(): readonly Mirror[] {
  return (mirrors ??= askMirrors()); // half a second for apt, asked by many steps
}

function askMirrors(): Mirror[] {
  // From the settings alone: a fresh machine has no lists, and reading them is slow.
  const settings = ['-o', 'Dir::State::lists=/nonexistent', '-o', 'Dir::State::status=/dev/null'];
  const format = '$(REPO_URI)|$(RELEASE)|$(COMPONENT)';
  const answer = ask([
    ...['apt-get', ...settings, 'indextargets', '--no-release-info'],
    ...['--format', format, 'Created-By: Packages'],
  ]);
  const found = lines(answer.out)
    .map((line) => line.split('|'))
    .filter(
      ([, suite = '', component]) =>
        component === 'main' && new RegExp(`^${versions.debian}(-|$)`).test(suite),
    )
    .map(([uri = '', suite = '']) => ({ uri, suite }));
  const unique = new Map(found.map((mirror) => [`${mirror.uri} ${mirror.suite}`, mirror]));
  return [...unique.values()];
}

/** The mirror that holds the suite itself; other suites are beside it. */
export function mainMirror(): string {
  const main = debianMirrors().find((mirror) => mirror.suite === versions.debian);
  if (!main) throw new Error(`the apt settings of this machine name no mirror for ${versions.debian} main`);
  return main.uri;
}

/** apt options that images need as well: proxies, and mirrors with old dates. */
export function aptOptions(): string[] {
  const wanted = /^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date)\b.* ".+";$/;
  return lines(ask(['apt-config', 'dump', 'Acquire']).out).filter((line) => wanted.test(line));
}

const bundleFile = '/etc/ssl/certs/ca-certificates.crt';
const debianCerts = '/usr/share/ca-certificates/mozilla';
const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Certificates that this machine trusts beyond Debian's own, for example of a
 * company's proxy. Programs in images must trust them too or cannot download.
 */
export function extraCertificates(): string[] {
  try {
    const own = new Set(
      readdirSync(debianCerts).flatMap(
        (name) => readFileSync(join(debianCerts, name), 'utf8').match(pem) ?? [],
      ),
    );
    return (readFileSync(bundleFile, 'utf8').match(pem) ?? []).filter((certificate) => !own.has(certificate));
  } catch {
    return [];
  }
}

export function certificateBundle(): string {
  return readFileSync(bundleFile, 'utf8');
}

/** Programs that must be there before anything starts; the answer is what is missing, with its cure. */
export function missingPrograms(needsGo: boolean): string[] {
  const missing: string[] = [];
  const needs: readonly [string[], RegExp, number[], string][] = [
    [['git', '--version'], /(\d+)\.(\d+)/, [2, 0], 'apt-get install git'],
    [['make', '--version'], /(\d+)\.(\d+)/, [3, 0], 'apt-get install make'],
    [['python3', '--version'], /(\d+)\.(\d+)/, [3, 8], 'apt-get install python3'],
    ...(needsGo
      ? [
          [['go', 'version'], /go(\d+)\.(\d+)/, [1, 24], 'install Go 1.24 or later'] as [
            string[],
            RegExp,
            number[],
            string,
          ],
        ]
      : []),
  ];
  for (const [argv, pattern, [major = 0, minor = 0], cure] of needs) {
    const found = pattern.exec(ask(argv).out);
    const have = [Number(found?.[1] ?? -1), Number(found?.[2] ?? -1)] as const;
    if (have[0] < major || (have[0] === major && have[1] < minor)) {
      missing.push(
        `${argv[0] ?? ''} ≥ ${String(major)}.${String(minor)} (${found ? `found ${have.join('.')}` : 'not found'}): ${cure}`,
      );
    }
  }
  return missing;
}
