// SPDX-License-Identifier: Apache-2.0

/**
 * A script says what arrives at a decoder, in order: bytes, gaps and ends of either side. Tests are written as scripts,
 * and captures are read as scripts. A script says nothing about how the bytes were cut into pieces: `normalised` joins
 * neighbours, and the runner cuts them again in every way that it tries.
 */
import type { Side } from '../decoder.ts';

export type Step =
  | { readonly kind: 'bytes'; readonly from: Side; readonly bytes: Uint8Array }
  | { readonly kind: 'gap'; readonly from: Side; readonly missingBytes: number }
  | { readonly kind: 'end'; readonly from: Side };

export type Script = readonly Step[];

/** `from` sends bytes; a string stands for one byte a character (latin1), so that "\x00" can be written. */
export function sends(from: Side, ...parts: readonly (Uint8Array | string)[]): Step {
  return { kind: 'bytes', from, bytes: Buffer.concat(parts.map((part) => bytesOf(part))) };
}

export function misses(from: Side, missingBytes: number): Step {
  return { kind: 'gap', from, missingBytes };
}

export function ends(from: Side): Step {
  return { kind: 'end', from };
}

/** One byte a character; a character above 0xff is a mistake in the test, not one byte or two. */
export function bytesOf(text: Uint8Array | string): Uint8Array {
  if (typeof text !== 'string') return text;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0xff) throw new RangeError(`character ${i} of a byte string is above 0xff`);
  }
  return Buffer.from(text, 'latin1');
}

/** The same arrivals with neighbouring bytes of one side joined and empty ones left out. */
export function normalised(script: Script): Script {
  const steps: Step[] = [];
  for (const step of script) {
    const last = steps.at(-1);
    if (step.kind === 'bytes' && step.bytes.length === 0) continue;
    if (step.kind === 'bytes' && last?.kind === 'bytes' && last.from === step.from) {
      steps[steps.length - 1] = sends(step.from, last.bytes, step.bytes);
    } else {
      steps.push(step);
    }
  }
  return steps;
}

/** All bytes that one side sends, gaps left out. */
export function bytesFrom(script: Script, from: Side): Uint8Array {
  return Buffer.concat(script.flatMap((step) => (step.kind === 'bytes' && step.from === from ? [step.bytes] : [])));
}

export function totalBytes(script: Script): number {
  return script.reduce((sum, step) => sum + (step.kind === 'bytes' ? step.bytes.length : 0), 0);
}
