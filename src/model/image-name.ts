/** The full name under which containerd lists an image: `shop:dev` is `docker.io/library/shop:dev`. */
export function fullReference(name: string): string {
  const [first = '', ...rest] = name.split('/');
  const hasRegistry =
    rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  const withRegistry = hasRegistry ? name : `docker.io/${rest.length === 0 ? 'library/' : ''}${name}`;
  const last = withRegistry.slice(withRegistry.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? withRegistry : `${withRegistry}:latest`;
}

/** The same for all names of an image: `redis:7`, `docker.io/redis:7`, `index.docker.io/library/redis:7`. */
export function imageKey(image: string): string {
  const hub = /^(?:index\.|registry-1\.)?docker\.io\/(.+)$/.exec(image)?.[1];
  return fullReference(hub ?? image);
}

/** The name and the digest of an image that is named by one; a tag before it says nothing more. */
export function digestOf(image: string): { readonly name: string; readonly digest: string } | undefined {
  const match = /^(.+?)(?::[\w][\w.-]*)?@(sha256:[0-9a-f]{64})$/.exec(image);
  if (match === null) return undefined;
  const [, name = '', digest = ''] = match;
  return { name, digest };
}
