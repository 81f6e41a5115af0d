import { initFiles } from '../config/init.ts';
export const initCommand = (cwd: string): number => { initFiles(cwd); return 0; };
