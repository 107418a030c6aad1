// SPDX-License-Identifier: Apache-2.0

/**
 * How rows in RowBinary get to ClickHouse: behind the INSERT to a server, as a file to the embedded engine. An INSERT reads
 * from `source` either way. The file is the engine's only binary way in, and the faster one: it is written by a thread,
 * where a request body of many megabytes would take turns with everything else on the event loop.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ClickHouseAddress } from './client.ts';

export interface BatchSource {
  /** The table function that an INSERT … SELECT * FROM reads. */
  readonly source: string;
  /** What must stand behind it, and the data behind that; undefined when the data is in a file. */
  readonly body: { readonly suffix: string; readonly stream: Readable } | undefined;
  /** To be called when the INSERT has ended, well or not. */
  release(): Promise<void>;
}

let files = 0;

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export async function batchSource(
  address: ClickHouseAddress,
  structure: string,
  parts: readonly Buffer[],
): Promise<BatchSource> {
  if ('server' in address) {
    const stream = Readable.from(parts, { objectMode: false });
    const body = { suffix: ' FORMAT RowBinary', stream };
    return { source: `input(${literal(structure)})`, body, release: async () => {} };
  }
  files += 1;
  const path = join(address.engine.incomingFolder, `${process.pid}-${files}.rowbinary`);
  const release = () => rm(path, { force: true });
  try {
    await writeParts(path, parts);
  } catch (error) {
    await release();
    throw error;
  }
  return { source: `file(${literal(path)}, 'RowBinary', ${literal(structure)})`, body: undefined, release };
}

async function writeParts(path: string, parts: readonly Buffer[]): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    for (const part of parts) await file.writeFile(part);
  } finally {
    await file.close();
  }
}
