import { main } from './main.ts';

// Not exitCode: nothing stops the artifact client, which can hold the process for minutes after a failed upload.
process.exit(await main());
