// SPDX-License-Identifier: Apache-2.0

import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import { type BundleManifest, MANIFEST } from '../audit/bundle-format.ts';
import { CollectorRecord } from '../audit/collector-record.ts';
import { readCompleteness } from '../audit/completeness.ts';
import { makeBundle } from '../audit/make-bundle.ts';
import { SessionRows } from '../audit/session-rows.ts';
import { ZipWriter } from '../audit/zip-writer.ts';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { findSession } from '../find-session.ts';
import { print } from '../output.ts';
import { printable, printableJson } from '../print/terminal-text.ts';

const HELP = `
Everything of a session, with proofs: its activities and what the recorder and the collector said about it meanwhile, how
they lead to the signed root of the log, the checkpoints with their signatures, and keys. Whoever has it checks it without
any network: sworn verify FILE, or index.html in a browser, which verifies itself. docs/PROOFS.md is the format.

Of what others did meanwhile only hashes are in it. --with-others shows also that, without payload, so that nothing between
the session's start and its end can have been left out.

The bundle shows all that was recorded, payload too: requests, replies, command lines. --without-payload puts digests in
their place; it verifies all the same.

Examples:
  sworn bundle last
  sworn bundle 5f2c9a7b -o case-17.zip
  sworn bundle 5f2c9a7b -o case-17/ --without-payload
  sworn verify case-17.zip --key ./keys`;

interface BundleOptions extends CollectorOptions {
  readonly output?: string;
  readonly withoutPayload?: boolean;
  readonly withOthers?: boolean;
  readonly json?: boolean;
}

export function defineBundle(command: Command, version: string): void {
  addCollectorOptions(command)
    .argument('<session>', "its id, the beginning of it, or 'last'")
    .option('-o, --output <file.zip|folder>', 'where to write it; session-ID.zip when left out')
    .option('--without-payload', 'digests in place of payload')
    .option('--with-others', 'also what others did between, without payload')
    .option('--json', 'one JSON object about what was written')
    .addHelpText('after', HELP)
    .action(async (given: string, options: BundleOptions) => {
      const client = new CollectorClient(options);
      const session = await findSession(client, given);
      const path = resolve(options.output ?? `session-${session.replaceAll(/[^\w.-]/g, '_').slice(0, 64)}.zip`);
      const isZip = path.endsWith('.zip');
      const folder = prepare(path, isZip);
      const progress = new Progress(options.json === true);
      try {
        const manifest = await makeBundle({
          source: new CollectorRecord(client),
          rows: new SessionRows(client, session),
          session,
          folder,
          withoutPayload: options.withoutPayload === true,
          withOthers: options.withOthers === true,
          completeness: await readCompleteness(client, { sessionId: session }),
          madeBy: `sworn ${version}`,
          onProgress: (rows, of) => progress.show(rows, of),
        });
        if (isZip) await pack(folder, path);
        progress.end();
        await tell(path, manifest, options.json === true);
      } catch (error) {
        progress.end();
        if (!isZip) rmSync(folder, { recursive: true, force: true });
        throw explained(error, path);
      } finally {
        if (isZip) rmSync(folder, { recursive: true, force: true });
      }
    });
}

/** Where the files are put together: the folder itself, or one beside the archive, on the same disk. */
function prepare(path: string, isZip: boolean): string {
  try {
    const isTaken = existsSync(path) && (isZip || readdirSync(path).length > 0);
    if (isTaken) throw new CliError(`${path} is there already`, 'Name another one with --output.', EXIT.unusable);
    if (isZip) return mkdtempSync(join(dirname(path), `.${basename(path)}-`));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  } catch (error) {
    throw explained(error, path);
  }
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof RangeError)
    return new CliError(`${path}: ${error.message}`, 'Write it into a folder: --output FOLDER', EXIT.failed);
  if (error instanceof CliError || (error as NodeJS.ErrnoException).code === undefined) return error;
  return new CliError(
    `${path} cannot be written: ${(error as Error).message}`,
    'Name another one with --output.',
    EXIT.unusable,
  );
}

async function pack(folder: string, path: string): Promise<void> {
  const parts = join(folder, 'archive');
  const names = readdirSync(folder).sort();
  const target = createWriteStream(parts, { mode: 0o600 });
  target.on('error', () => {});
  const zip = new ZipWriter(target);
  for (const name of names) await zip.add(name, join(folder, name));
  await zip.end();
  target.end();
  await finished(target);
  renameSync(parts, path);
}

async function tell(path: string, { session_id, logs, files }: BundleManifest, asJson: boolean): Promise<void> {
  const activities = logs.reduce((sum, log) => sum + log.activities, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (asJson) {
    const list = logs.map(({ agent_id, tree_size, activities: n }) => ({ agent_id, activities: n, tree_size }));
    await print(printableJson(JSON.stringify({ path, session_id, activities, bytes, manifest: MANIFEST, logs: list })));
    return;
  }
  await print(printable(`${path}: ${activities} activities of session ${session_id}, with proofs`));
  await print('Check it with: sworn verify, or open its index.html in a browser');
}

const SHOW_EVERY_MS = 200;

class Progress {
  readonly #silent: boolean;
  #shownMs = 0;

  constructor(silent: boolean) {
    this.#silent = silent || process.stderr.isTTY !== true;
  }

  show(rows: number, of: number): void {
    const nowMs = performance.now();
    if (this.#silent || nowMs - this.#shownMs < SHOW_EVERY_MS) return;
    this.#shownMs = nowMs;
    process.stderr.write(`\r\u001b[K${rows} of ${of} activities`);
  }

  end(): void {
    if (!this.#silent) process.stderr.write('\r\u001b[K');
  }
}
