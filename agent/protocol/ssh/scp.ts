// SPDX-License-Identifier: Apache-2.0

/**
 * The files of the old scp, as the sending side names them.
 *
 * Shape    lines "C0644 SIZE NAME", "D0755 0 NAME", "E", "T…"; behind a line C the file's bytes and one zero byte
 * Bounds   FILES_MAX names; what is no such line ends reading, and the bytes stay the channel's
 */

export interface ScpFile {
  readonly name: string;
  readonly size: number;
}

const FILES_MAX = 1000;
const LINE_MAX = 4096;

export class ScpFiles {
  readonly files: ScpFile[] = [];
  readonly #folders: string[] = [];
  #line = '';
  #skipBytes = 0;
  #isLost = false;

  get heldBytes(): number {
    return this.#line.length;
  }

  push(bytes: Buffer): void {
    for (let i = 0; i < bytes.length && !this.#isLost; ) {
      if (this.#skipBytes > 0) {
        const count = Math.min(this.#skipBytes, bytes.length - i);
        this.#skipBytes -= count;
        i += count;
        continue;
      }
      const newline = bytes.indexOf(10, i);
      const end = newline < 0 ? bytes.length : newline;
      this.#line += bytes.toString('latin1', i, Math.min(end, i + LINE_MAX));
      i = end + 1;
      if (this.#line.length > LINE_MAX) this.lost();
      else if (newline >= 0) {
        const line = Buffer.from(this.#line, 'latin1').toString();
        this.#line = '';
        this.#read(line);
      }
    }
  }

  /** Bytes are missing: what follows may be anything. */
  lost(): void {
    this.#isLost = true;
    this.#line = '';
  }

  #read(line: string): void {
    const entry = /^([CD])[0-7]{4} (\d{1,15}) (.+)$/.exec(line);
    if (entry !== null) {
      const [, kind, size = '0', name = ''] = entry;
      if (kind === 'D') {
        if (this.#folders.length < FILES_MAX) this.#folders.push(name);
      } else {
        if (this.files.length < FILES_MAX)
          this.files.push({ name: [...this.#folders, name].join('/'), size: Number(size) });
        this.#skipBytes = Number(size) + 1;
      }
    } else if (line === 'E') this.#folders.pop();
    else if (!line.startsWith('T')) this.lost();
  }
}
