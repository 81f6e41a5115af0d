/** A product is a folder that appears, complete, under the hash of its inputs. */
import { existsSync, mkdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { paths } from './paths.ts';

export interface Product {
  readonly dir: string;
  readonly hash: string;
  readonly isDone: () => boolean;
  /** Fills a fresh folder and moves it into place when all of it is there. */
  readonly make: (fill: (dir: string) => Promise<void>) => Promise<void>;
}

export function product(id: string, hash: string): Product {
  const name = `${id}-${hash}`;
  const dir = join(paths.products, name);
  return {
    dir,
    hash,
    isDone: () => existsSync(dir),
    make: async (fill) => {
      const draft = join(paths.work, name);
      rmSync(draft, { recursive: true, force: true });
      mkdirSync(draft, { recursive: true });
      mkdirSync(paths.products, { recursive: true });
      await fill(draft);
      const now = new Date();
      utimesSync(draft, now, now);
      rmSync(dir, { recursive: true, force: true });
      renameSync(draft, dir);
    },
  };
}
