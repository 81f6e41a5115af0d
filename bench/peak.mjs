import fs from 'node:fs';

/** Imported before a program: at its end the file named by BENCH_PEAK has its greatest resident set, KiB. */
process.on('exit', () => {
  fs.writeFileSync(process.env.BENCH_PEAK, String(process.resourceUsage().maxRSS));
});
