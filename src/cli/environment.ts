import fs from 'node:fs';
import path from 'node:path';
import type { Deps } from '../model/deps.ts';
import { KetError } from '../model/errors.ts';
import { realClock } from '../tools/clock.ts';
import { exec } from '../tools/exec.ts';
import type { Assets } from '../model/run.ts';

/** The real outside. */
export const realDeps = (): Deps => ({ exec, clock: realClock, env: process.env });

/** The folder of ket's own package: the nearest one above the program that holds ket's templates. */
export function findAssets(program: string): Assets {
  for (let folder = path.dirname(fs.realpathSync(program)); ; folder = path.dirname(folder)) {
    if (fs.existsSync(path.join(folder, 'templates', 'test-job.yaml'))) return { root: folder };
    if (folder === path.dirname(folder))
      throw new KetError('KET_INTERNAL', 'the files that belong to ket are not beside its program', {
        where: program,
        next: 'install ket as a whole: dist/, templates/ and package.json belong together',
      });
  }
}

export function ketVersion(assets: Assets): string {
  const { version } = JSON.parse(fs.readFileSync(path.join(assets.root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** CI services set CI; an interactive terminal there is still no person. */
export const isCi = (env: Deps['env']): boolean =>
  env['CI'] !== undefined && env['CI'] !== 'false' && env['CI'] !== '';
