import fs from 'node:fs';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * PEM of the authorities that the environment adds to those that everybody trusts; undefined without any. Throws for a
 * file that cannot be read.
 */
export function ownAuthorities(env: Env): string | undefined {
  const files = [env['NODE_EXTRA_CA_CERTS'], env['SSL_CERT_FILE']].filter(
    (file): file is string => file !== undefined && file !== '',
  );
  if (files.length === 0) return undefined;
  const texts = [...new Set(files)].map((file) => {
    try {
      return fs.readFileSync(file, 'utf8').trim();
    } catch (error) {
      throw new Error(`the authorities in ${file} cannot be read`, { cause: error });
    }
  });
  return `${texts.join('\n')}\n`;
}
