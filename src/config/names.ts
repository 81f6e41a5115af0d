/** The forms of names, each with the sentence that says what is wrong; Kubernetes would say it much later. */

const labelPattern = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';

/** A DNS label of at most so many characters. */
export const labelExpression = (max: number): string => `^(?=.{1,${max}}$)${labelPattern}$`;

export function labelProblem(text: string, max: number): string | undefined {
  if (text.length > max) return `"${text}" has ${text.length} characters; at most ${max} are allowed`;
  if (new RegExp(`^${labelPattern}$`).test(text)) return undefined;
  const cure = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const rule = `"${text}" is not a valid name: lower-case letters, digits and "-" inside`;
  return cure === '' ? rule : `${rule}; write "${cure}"`;
}

const component = '[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*';
const host =
  '(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::\\d{1,5})?';
const reference = new RegExp(
  `^(?:${host}/)?${component}(?:/${component})*(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>sha256:[a-f0-9]{64}))?$`,
);

/**
 * What is wrong with an image reference. Without a tag it would mean `latest`, which says nothing about what ran; an
 * image that ket builds is named by a tag alone, because its digest is not known yet.
 */
export function imageProblem(text: string, use: 'build' | 'pull'): string | undefined {
  const match = text.length > 512 ? null : reference.exec(text);
  if (match === null) {
    const lower = text.toLowerCase();
    const cure = text !== lower && reference.test(lower) ? `; write it in lower case: "${lower}"` : '';
    return `"${text}" is not an image reference such as shop-api:dev${cure}`;
  }
  if (use === 'build' && match.groups?.['digest'] !== undefined)
    return `"${text}" names a digest, which an image that is built cannot have yet; give it a tag such as ":dev"`;
  if (match.groups?.['tag'] === undefined && match.groups?.['digest'] === undefined)
    return `"${text}" has no tag; write "${text}:dev", or whichever version is meant`;
  return undefined;
}

/** The oldest Kubernetes that has native sidecars by default. */
const leastKubernetes = 29;

/** What is wrong with a version of Kubernetes: a minor one, or a full one. */
export function kubernetesProblem(text: string): string | undefined {
  const match = /^v?1\.(\d{1,4})(\.\d{1,4})?$/.exec(text);
  if (match === null) return `"${text}" is not a version of Kubernetes such as 1.34 or 1.34.0`;
  if (Number(match[1]) < leastKubernetes)
    return `"${text}" is too old; 1.${leastKubernetes} is the oldest that works`;
  return undefined;
}

/** What is wrong with a tool's version; `least` is the oldest one that ket works with. */
export function versionProblem(text: string, least: readonly [number, number]): string | undefined {
  const match = /^(v?)(\d{1,4})\.(\d{1,4})\.(\d{1,4})(-[0-9A-Za-z.-]{1,40})?$/.exec(text);
  if (match === null) return `"${text}" is not a full version such as v${least[0]}.${least[1]}.0`;
  if (match[1] === '') return `"${text}" lacks the leading v; write "v${text}"`;
  const [major, minor] = [Number(match[2]), Number(match[3])];
  if (major < least[0] || (major === least[0] && minor < least[1]))
    return `"${text}" is too old; v${least[0]}.${least[1]}.0 is the oldest that works`;
  return undefined;
}

/** What is wrong with the name of a Kind cluster, by kind's own rule. */
export function clusterProblem(text: string): string | undefined {
  if (/^[a-z0-9.-]+$/.test(text)) return undefined;
  return `"${text}" is not the name of a Kind cluster: lower-case letters, digits, "." and "-"`;
}

/** What is wrong with a context of a kubeconfig; its names are free, so only slips are found here. */
export function contextProblem(text: string): string | undefined {
  if (text.trim() === '') return 'must not be empty';
  if (text.includes('${')) return `"${text}" has a variable in it, and none is filled in here; use --context`;
  return undefined;
}

/** What is wrong with the path of a kubeconfig. */
export function kubeconfigProblem(text: string): string | undefined {
  if (text === '') return 'must not be empty';
  if (text.includes('\0')) return 'a path has no NUL character';
  if (text.includes('${') || text.startsWith('~'))
    return `"${text}" is for a shell, and nothing is filled in here; use --kubeconfig, or KUBECONFIG beside "context"`;
  return undefined;
}

/** What is wrong with the name of an environment variable. */
export function variableProblem(text: string): string | undefined {
  if (/^[A-Za-z_]\w*$/.test(text)) return undefined;
  return `"${text}" is not a variable name: letters, digits and "_", no digit first`;
}

/** What is wrong with the address of a chart repository. */
export function repoProblem(text: string): string | undefined {
  const url = /^https?:\/\//.test(text) ? URL.parse(text) : null;
  if (url === null) return `"${text}" is no https:// or http:// address`;
  // Helm would get it on its command line.
  if (url.username !== '' || url.password !== '')
    return 'it has a user or password in it, which everybody on the machine could read';
  return undefined;
}
