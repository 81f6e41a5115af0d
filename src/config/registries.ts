import { KetError } from '../model/errors.ts';
import type { ImagePlan, RegistryPlan } from '../model/plan.ts';
import type { ProblemMore } from './source.ts';

/** Registries, and what production mode asks of images. */

const hostForm = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::(\d{1,5}))?$/i;

/** What is wrong with the host of a registry. */
export function registryProblem(text: string): string | undefined {
  const match = hostForm.exec(text);
  if (match === null) {
    const [, bare] = /^[a-z]+:\/\/([^/]+)/i.exec(text) ?? /^([^/]+)\//.exec(text) ?? [];
    const cure = bare !== undefined && hostForm.test(bare) ? `; write "${bare}"` : ' such as ghcr.io';
    return `"${text}" is not the host of a registry${cure}`;
  }
  if (match[1] !== undefined && (Number(match[1]) < 1 || Number(match[1]) > 65_535))
    return `"${text}" has no port from 1 to 65535`;
  return undefined;
}

/** What is wrong with a digest. */
export const digestProblem = (text: string): string | undefined =>
  /^sha256:[0-9a-f]{64}$/.test(text)
    ? undefined
    : `"${text}" is not a digest: sha256: and 64 hexadecimal digits`;

interface RegistryFields {
  readonly host: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

type Add = (at: readonly (string | number)[], message: string, more?: ProblemMore) => void;

/** A login has two halves, and a registry one login. */
export function registryChecks(registries: readonly RegistryFields[], add: Add): void {
  registries.forEach(({ host, username, password }, index) => {
    const at = ['registries', index];
    if (registries.findIndex((other) => other.host === host) !== index)
      add([...at, 'host'], `registry "${host}" is there twice`);
    if ((username === undefined) !== (password === undefined)) {
      const lacks = username === undefined ? 'username' : 'password';
      add(at, `registry "${host}" has no "${lacks}"; name both, or neither to take the login of Docker`);
    }
  });
}

export const registriesOf = (registries: readonly RegistryFields[]): readonly RegistryPlan[] =>
  registries.map(({ host, username, password }) =>
    username === undefined || password === undefined ? { host } : { host, login: { username, password } },
  );

/** Whether nodes are to pull all images themselves: the option, else `PRODUCTION_MODE`. */
export function productionOf(
  asked: boolean | undefined,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (asked !== undefined) return asked;
  const value = env['PRODUCTION_MODE'] ?? '';
  if (value === 'true') return true;
  if (value === '' || value === 'false') return false;
  throw new KetError('KET_USAGE', `PRODUCTION_MODE is true or false, not "${value}"`, {
    where: 'PRODUCTION_MODE',
    next: 'set it to true, or unset it',
  });
}

/** What an image is pulled by: its name with the digest, which goes before any tag. */
export const pinned = (name: string, digest: string | undefined): string =>
  digest === undefined || name.includes('@') ? name : `${name}@${digest}`;

/** Images of the plan as production mode has them: pulled by digest. Throws for those of which none is known. */
export function productionImages(
  images: readonly (ImagePlan & { readonly digest?: string })[],
  configPath: string | undefined,
): readonly ImagePlan[] {
  const lacking = images.filter(({ name, digest }) => digest === undefined && !name.includes('@'));
  const [first] = lacking;
  if (first !== undefined)
    throw new KetError(
      'KET_CONFIG',
      `production mode needs the digest of ${lacking.map(({ name }) => name).join(', ')}`,
      {
        ...(configPath === undefined ? {} : { where: configPath }),
        next: `write the digest that the registry has: {name: ${first.name}, digest: sha256:…}; docker buildx imagetools inspect ${first.name} shows it`,
      },
    );
  return images.map(({ name, digest, limitMs }) => {
    const known = digest ?? name.slice(name.indexOf('@') + 1);
    return { name, digest: known, limitMs };
  });
}
