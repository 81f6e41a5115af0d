import { exitOnFault, main } from './main.ts';

exitOnFault();
process.exitCode = await main(process.argv.slice(2));
