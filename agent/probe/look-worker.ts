// SPDX-License-Identifier: Apache-2.0

/** Runs in a thread of its own: looks at large files for `large-files.ts`, several at once, in turns. */

import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { readInPieces } from './elf/byte-search.ts';
import { BorrowedFile } from './file-reader.ts';
import { type Inspection, inspecting } from './inspect-image.ts';
import { Slices } from './slices.ts';

/** `descriptor` is open in the whole process, and stays so until the answer is there. */
export interface LookRequest {
  readonly id: number;
  readonly what: 'inspection' | 'sha256';
  readonly descriptor: number;
  readonly sizeBytes: number;
  readonly path: string;
}

/** Errors cross between threads without their code. */
export interface LookFailure {
  readonly message: string;
  readonly code: string | undefined;
}

export type LookAnswer =
  | { readonly id: number; readonly found: Inspection | string }
  | { readonly id: number; readonly failure: LookFailure };

async function answer(request: LookRequest): Promise<LookAnswer> {
  const { id, what, descriptor, sizeBytes, path } = request;
  const file = new BorrowedFile(descriptor, sizeBytes);
  try {
    if (what === 'sha256') return { id, found: await sha256(file) };
    const inspection = await new Slices().run(inspecting(file, path));
    return { id, found: { ...inspection, failures: inspection.failures.map(String) } };
  } catch (error) {
    const { code } = error as { code?: unknown };
    return { id, failure: { message: String(error), code: typeof code === 'string' ? code : undefined } };
  }
}

async function sha256(file: BorrowedFile): Promise<string> {
  const hash = createHash('sha256');
  const slices = new Slices();
  for (const { bytes } of readInPieces(file, { fileOffset: 0, fileBytes: file.sizeBytes }, 0)) {
    hash.update(bytes);
    await slices.breathe();
  }
  return hash.digest('hex');
}

parentPort?.on('message', (request: LookRequest) => {
  void answer(request).then((said) => parentPort?.postMessage(said));
});
