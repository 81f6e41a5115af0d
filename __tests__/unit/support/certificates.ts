import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** `NAME.pem` and `NAME.key` in a folder, made with openssl. */

const openssl = (folder: string, ...args: readonly string[]): void => {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
};
const newKey = (name: string): string[] => [
  ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
  ...['-subj', `/CN=${name}`, '-keyout', `${name}.key`],
];
const withNames = (names: readonly string[]): string[] =>
  names.length === 0 ? [] : ['-addext', `subjectAltName=${names.map((one) => `DNS:${one}`).join(',')}`];

/** One that nobody else vouches for: an authority, or a server with one of its own. */
export function selfSigned(folder: string, name: string, ...names: readonly string[]): void {
  openssl(folder, 'req', '-x509', '-days', '2', ...newKey(name), '-out', `${name}.pem`, ...withNames(names));
}

const settings = `
[ca]
default_ca = d
[d]
new_certs_dir = .
database = index.txt
default_md = sha256
policy = p
copy_extensions = copy
unique_subject = no
rand_serial = yes
[p]
commonName = supplied
`;

/** One of `authority.pem`, for these names. `ended`: it was valid for a day in 2020. */
export function signed(folder: string, name: string, names: readonly string[], ended = false): void {
  fs.writeFileSync(path.join(folder, 'ca.cnf'), settings);
  fs.writeFileSync(path.join(folder, 'index.txt'), '');
  openssl(folder, 'req', '-new', ...newKey(name), '-out', `${name}.csr`, ...withNames(names));
  const when = ended ? ['-startdate', '20200101000000Z', '-enddate', '20200102000000Z'] : ['-days', '1'];
  const by = ['-config', 'ca.cnf', '-cert', 'authority.pem', '-keyfile', 'authority.key'];
  openssl(folder, 'ca', '-batch', '-notext', ...by, ...when, '-in', `${name}.csr`, '-out', `${name}.pem`);
}
