import { createHash } from 'node:crypto';
import type { Kube, KubeExecRequest } from '../../../src/model/kube.ts';

const sha = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

export interface PodFile {
  readonly root: 'results' | 'state';
  readonly path: string;
  readonly bytes: Buffer;
  /** What the file holds when it is streamed, where that is not what the manifest says (same length). */
  readonly later?: Buffer;
}

export const inResults = (path: string, text: string): PodFile => ({
  root: 'results',
  path,
  bytes: Buffer.from(text),
});
export const inState = (path: string, text: string): PodFile => ({
  root: 'state',
  path,
  bytes: Buffer.from(text),
});

export interface Cut {
  /** Bytes of this call that still come. */
  readonly after: number;
  /** The API server says that all went well, all the same. */
  readonly quietly?: boolean;
}

const cutTo = (bytes: Buffer, cut: Cut | undefined): Buffer => bytes.subarray(0, cut?.after ?? bytes.length);

/** Answers exec as ket-run in the sidecar does (native/ket-run/README.md). */
export class FakeKetRun {
  /** The subcommand of each call, with the offset of streams. */
  readonly calls: string[] = [];
  readonly argvs: (readonly string[])[] = [];
  files: readonly PodFile[];
  /** Lines of the manifest besides those of the files. */
  more: readonly object[] = [];
  /** How the n-th list (of `deliver` or `manifest`) or sequence of bytes (of `deliver` or `stream`) is cut, from 0. */
  cut: (what: 'list' | 'bytes', time: number) => Cut | undefined = () => undefined;
  /** What was said to `deliver`. */
  readonly words: string[] = [];
  /** How the n-th call of a subcommand ends; `word` stands for `deliver` after it was told something. */
  exitCode: (command: string, call: number) => number = () => 0;
  /** What `deliver` waits for before it ends. */
  onWord: Promise<unknown> = Promise.resolve();
  /** At most so many bytes in one piece. */
  piece = 7;

  constructor(files: readonly PodFile[]) {
    this.files = files;
  }

  manifest(): Buffer {
    const entries = this.files.map(({ root, path, bytes }) => ({
      type: 'file',
      root,
      path,
      size: bytes.length,
      mtime_ms: 1,
      mode: '0644',
      sha256: sha(bytes),
    }));
    const body = [...entries, ...this.more].map((line) => JSON.stringify(line) + '\n').join('');
    const bytes = this.files.reduce((sum, file) => sum + file.bytes.length, 0);
    const end = { end: true, files: this.files.length, bytes, manifest_sha256: sha(body) };
    return Buffer.from(body + JSON.stringify(end) + '\n');
  }

  get sha256(): string {
    const lines = this.manifest().toString().trimEnd().split('\n');
    return (JSON.parse(lines.at(-1) ?? '') as { manifest_sha256: string }).manifest_sha256;
  }

  #cat(root: string, path: string): Buffer {
    const found = this.files.find((file) => file.root === root && file.path === path);
    return found?.later ?? found?.bytes ?? Buffer.alloc(0);
  }

  readonly exec: Kube['exec'] = async (request: KubeExecRequest) => {
    request.signal.throwIfAborted();
    const [, command = '', ...rest] = request.argv;
    const value = (name: string): string => rest[rest.indexOf(name) + 1] ?? '';
    const offset = command === 'stream' ? Number(value('--offset')) : 0;
    const call = this.calls.filter((c) => c.split(' ')[0] === command).length;
    this.calls.push(command === 'stream' ? `stream ${offset}` : command);
    this.argvs.push(request.argv);
    const exitCode = this.exitCode(command, call);
    if (exitCode !== 0) {
      request.onStderr?.(Buffer.from(`ket-run: ${command} went wrong\n`));
      return { exitCode };
    }
    if (command === 'stream' && value('--manifest') !== this.sha256) return { exitCode: 4 };
    const parts: Buffer[] = [];
    let cut: Cut | undefined;
    if (command === 'manifest' || command === 'deliver') {
      cut = this.#cutOf('list');
      parts.push(cutTo(this.manifest(), cut));
    }
    if (command === 'stream' || (command === 'deliver' && cut === undefined)) {
      cut = this.#cutOf('bytes');
      parts.push(
        cutTo(Buffer.concat(this.files.map((file) => file.later ?? file.bytes)).subarray(offset), cut),
      );
    }
    if (command === 'cat') parts.push(this.#cat(value('--root'), value('--path')));
    const sent = Buffer.concat(parts);
    for (let at = 0; at < sent.length; at += this.piece)
      await request.onStdout(sent.subarray(at, at + this.piece));
    if (cut !== undefined && cut.quietly !== true) throw new Error('the connection was cut');
    if (command !== 'deliver' || cut !== undefined) return { exitCode: 0 };
    const word = await this.#wordOf(request);
    this.words.push(word);
    await this.onWord;
    return { exitCode: this.exitCode('word', call) };
  };

  readonly #times = { list: 0, bytes: 0 };

  #cutOf(what: 'list' | 'bytes'): Cut | undefined {
    return this.cut(what, this.#times[what]++);
  }

  /** Waits as long as ket-run would: for the word, or the end of the connection. */
  async #wordOf({ stdin, signal }: KubeExecRequest): Promise<string> {
    const aborted = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => aborted.reject(signal.reason as Error), { once: true });
    return Promise.race([stdin ?? '', aborted.promise]);
  }
}
