import type { RawData } from 'ws';

/** First byte of each frame of remotecommand. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3 } as const;

export function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
