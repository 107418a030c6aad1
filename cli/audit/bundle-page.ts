// SPDX-License-Identifier: Apache-2.0

/**
 * The page of a bundle: data that a browser does not run, one style and one script, each allowed by its digest, and nothing
 * from anywhere else. What does not fit is left to the files beside it, and the page says how much that is.
 */
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import {
  type ActivityLine,
  type BundleFile,
  type BundleManifest,
  formatActivityLine,
  formatHashLine,
  PAGE,
  withoutPayload,
} from './bundle-format.ts';
import { SubtreeRun } from './subtree-run.ts';

/** Whole activities, and as much again of such without payload: what a browser opens within seconds. */
const DATA_BYTES_MAX = 32 * 1024 * 1024;
/** Larger ones stand without their payload: one of tens of megabytes would leave no room for others. */
const LINE_SHARE_MAX = 1 / 32;

/** What the page has of a log, and what is left to the file beside it. */
export interface PageLog {
  shown: number;
  payload_left_out: number;
  left_out: number;
}

const folder = join(import.meta.dirname, 'page');
const digestOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** In front of the data and behind it. The same for every bundle that this version makes. */
export function pageFrame(): { head: string; script: string } {
  const style = readFileSync(join(folder, 'page.css'), 'utf8');
  const script = readFileSync(join(folder, 'page.js'), 'utf8');
  const policy = `default-src 'none'; script-src ${digestOf(script)}; style-src ${digestOf(style)}; base-uri 'none'; form-action 'none'`;
  const head = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>Sworn: bundle of a session</title>
<style>${style}</style>
</head>
<body>
<noscript>This page checks itself, and shows what it holds, by a script. Without one: sworn verify, docs/PROOFS.md.</noscript>
`;
  return { head, script };
}

/** As JSON that ends no script and begins no comment in HTML, whatever was recorded. */
const tame = (json: string): string => json.replaceAll('<', '\\u003c');

export class BundlePage {
  logs = 0;
  readonly #stream: WriteStream;
  readonly #hash: Hash = createHash('sha256');
  readonly #dataBytesMax: number;
  readonly #script: string;
  readonly #counts: PageLog[] = [];
  #bytes = 0;
  /** Of activities, whole and without payload. */
  #whole = 0;
  #partial = 0;
  #run = new SubtreeRun();

  constructor(path: string, dataBytesMax = DATA_BYTES_MAX) {
    this.#stream = createWriteStream(path, { mode: 0o600, flags: 'wx' });
    this.#stream.on('error', () => {});
    this.#dataBytesMax = dataBytesMax;
    const { head, script } = pageFrame();
    this.#script = script;
    this.#stream.write(this.#counted(head));
  }

  #counted(text: string): Buffer {
    const bytes = Buffer.from(text);
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    return bytes;
  }

  async #write(text: string): Promise<void> {
    if (!this.#stream.write(this.#counted(text))) await once(this.#stream, 'drain');
  }

  beginLog(): void {
    this.logs++;
    this.#run = new SubtreeRun();
    this.#counts.push({ shown: 0, payload_left_out: 0, left_out: 0 });
    this.#stream.write(this.#counted('<script type="application/x-ndjson" class="log">\n'));
  }

  async endLog(): Promise<void> {
    await this.#flush();
    await this.#write('</script>\n');
  }

  async activity(line: ActivityLine): Promise<void> {
    const counts = this.#counts.at(-1)!;
    const text = this.#fitting(line, counts);
    if (text === undefined) {
      this.#run.push(0, line.leaf);
      counts.left_out++;
      return;
    }
    await this.#flush();
    this.#run.take(1);
    counts.shown++;
    await this.#write(`${text}\n`);
  }

  #fitting(line: ActivityLine, counts: PageLog): string | undefined {
    const whole = tame(formatActivityLine(line));
    if (whole.length <= this.#dataBytesMax * LINE_SHARE_MAX && this.#whole + whole.length <= this.#dataBytesMax) {
      this.#whole += whole.length;
      return whole;
    }
    const partial = tame(formatActivityLine(withoutPayload(line)));
    if (this.#partial + partial.length > this.#dataBytesMax) return undefined;
    this.#partial += partial.length;
    if (partial !== whole) counts.payload_left_out++;
    return partial;
  }

  subtree(level: number, hash: Buffer): void {
    this.#run.push(level, hash);
  }

  async #flush(): Promise<void> {
    for (const { level, start, hash } of this.#run.take())
      await this.#write(`${formatHashLine({ first: start + 1, last: start + 2 ** level, hash })}\n`);
  }

  async end(manifest: Omit<BundleManifest, 'files'>): Promise<BundleFile> {
    const logs = manifest.logs.map((log, at) => {
      const page = this.#counts[at]!;
      return { ...log, activities: page.shown, page };
    });
    const json = tame(JSON.stringify({ ...manifest, files: [], logs }));
    await this.#write(`<script type="application/json" id="manifest">${json}</script>\n`);
    await this.#write(`<script>${this.#script}</script>\n</body>\n</html>\n`);
    this.#stream.end();
    await finished(this.#stream);
    return { name: PAGE, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}
