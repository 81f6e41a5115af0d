import fs from 'node:fs';

/** A text file written piece by piece without holding it in memory; it gets its name only when it is whole. */
export class FileWriter {
  readonly #path: string;
  readonly #fd: number;
  #buffered: string[] = [];
  #size = 0;

  constructor(path: string) {
    this.#path = path;
    this.#fd = fs.openSync(`${path}.part`, 'w', 0o600);
  }

  write(text: string): void {
    this.#buffered.push(text);
    this.#size += text.length;
    if (this.#size > 64 * 1024) this.#flush();
  }

  /** Ends the file and gives it its name. */
  finish(): void {
    this.#flush();
    fs.closeSync(this.#fd);
    fs.renameSync(`${this.#path}.part`, this.#path);
  }

  /** Removes what was written. */
  discard(): void {
    fs.closeSync(this.#fd);
    fs.rmSync(`${this.#path}.part`, { force: true });
  }

  #flush(): void {
    fs.writeFileSync(this.#fd, this.#buffered.join(''));
    this.#buffered = [];
    this.#size = 0;
  }
}
