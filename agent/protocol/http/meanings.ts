// SPDX-License-Identifier: Apache-2.0

/**
 * What an exchange of HTTP means to those who speak a language of their own over it. Every version of HTTP asks here, once,
 * with the exchange as it would be given out: secrets are out of it, and content is decoded. A language is added by one line.
 */
import type { DecoderBounds, DecoderSink, Exchange } from '../decoder.ts';
import { dnsOverHttps } from '../dns/over-https.ts';
import { grpc } from '../grpc/meaning.ts';
import { kubernetes } from '../kubernetes/meaning.ts';
import { followEvents } from '../mcp/event-follower.ts';
import { modelContext } from '../mcp/over-http.ts';
import { serverSentEvents } from '../sse/meaning.ts';
import { exchangeOf, type Halves } from './exchange.ts';
import { handOver, IN_REPLY, sentTo } from './hand-over.ts';
import type { Following } from './kept-body.ts';
import type { FoundSecret } from './secrets.ts';

/** Credentials that only this language could tell, by the half that they were in. Each was taken out of the exchange. */
export type TakeSecret = (half: 'request' | 'response', secret: FoundSecret) => void;

/**
 * The exchange in its own words (`protocol`, `operation`, `resource`, …); several when it carried several. The bytes on the
 * wire stay what they were in sum. Undefined: it is none of this language. Never throws: bytes of others are in there.
 */
export type Meaning = (exchange: Exchange, take: TakeSecret) => readonly Exchange[] | undefined;

const all: readonly Meaning[] = [grpc, dnsOverHttps, kubernetes, modelContext, serverSentEvents];

/**
 * Gives out what it means to the first language that knows it, credentials first; else the exchange as it is. A meaning that
 * fails is none: the exchange stays.
 */
export function giveMeaning(exchange: Exchange, sink: DecoderSink): void {
  for (const meant of meantBy(exchange, sink)) sink.exchange(meant);
}

/** Reads a reply on while it arrives; `end` gets the exchange when it is whole, in place of `giveMeaning`. */
export interface FollowedReply extends Following {
  end(exchange: Exchange): void;
}

/** Who reads the reply of which the head was just read, the request being whole; most replies nobody does. */
export function followReply(open: Halves, sink: DecoderSink, bounds: DecoderBounds): FollowedReply | undefined {
  try {
    const exchange = open.request && exchangeOf(open);
    return exchange && followEvents(exchange, open.interimBytes, sink, bounds);
  } catch {
    // As above.
    return undefined;
  }
}

/** Gives out an exchange that is whole, to who has followed its reply or by what it means. */
export function giveWhole(exchange: Exchange, followed: FollowedReply | undefined, sink: DecoderSink): void {
  if (followed?.isSure) followed.end(exchange);
  else giveMeaning(exchange, sink);
}

function meantBy(exchange: Exchange, sink: DecoderSink): readonly Exchange[] {
  for (const meaning of all) {
    const found = { request: [] as FoundSecret[], response: [] as FoundSecret[] };
    let meant: readonly Exchange[] | undefined;
    try {
      meant = meaning(exchange, (half, secret) => found[half].push(secret));
    } catch {
      // A fault of ours in a reader of words: what was said is recorded in HTTP's words.
    }
    if (meant === undefined) continue;
    const { target: authority, resource: path, requestEndAt, responseEndAt } = exchange;
    handOver(sink, found.request, requestEndAt, sentTo({ authority, path }));
    handOver(sink, found.response, responseEndAt, IN_REPLY);
    return meant;
  }
  return [exchange];
}
