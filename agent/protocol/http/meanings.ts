// SPDX-License-Identifier: Apache-2.0

/**
 * What an exchange of HTTP means to those who speak a language of their own over it. Every version of HTTP asks here, once,
 * with the exchange as it would be given out: secrets are out of it, and content is decoded. A language is added by one line.
 */
import type { Exchange } from '../decoder.ts';
import { grpc } from '../grpc/meaning.ts';
import { kubernetes } from '../kubernetes/meaning.ts';
import { modelContext } from '../mcp/over-http.ts';
import { serverSentEvents } from '../sse/meaning.ts';

/**
 * The exchange in its own words (`protocol`, `operation`, `resource`, …); several when it carried several. The bytes on the
 * wire stay what they were in sum. Undefined: it is none of this language. Never throws: bytes of others are in there.
 */
export type Meaning = (exchange: Exchange) => readonly Exchange[] | undefined;

const all: readonly Meaning[] = [grpc, kubernetes, modelContext, serverSentEvents];

/** The first language that knows it; else the exchange as it is. A meaning that fails is none: the exchange stays. */
export function meanings(exchange: Exchange): readonly Exchange[] {
  for (const meaning of all) {
    try {
      const meant = meaning(exchange);
      if (meant !== undefined) return meant;
    } catch {
      // A fault of ours in a reader of words: what was said is recorded in HTTP's words.
    }
  }
  return [exchange];
}
