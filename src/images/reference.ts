/** The full name under which containerd lists an image: `shop:dev` is `docker.io/library/shop:dev`. */
export function fullReference(name: string): string {
  const [first = '', ...rest] = name.split('/');
  const hasRegistry =
    rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost');
  const withRegistry = hasRegistry ? name : `docker.io/${rest.length === 0 ? 'library/' : ''}${name}`;
  const last = withRegistry.slice(withRegistry.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? withRegistry : `${withRegistry}:latest`;
}
