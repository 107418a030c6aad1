// SPDX-License-Identifier: Apache-2.0

/**
 * Which extensions were agreed on. What counts is the server's answer; the client only offers.
 *
 * Source   RFC 6455, section 9.1; RFC 7692, section 7.1
 */
import type { Agreement } from '../decoder.ts';
import type { Reserved } from './frame.ts';

export interface Extensions {
  readonly reserved: Reserved;
  readonly isDeflated: boolean;
  /** A message may refer to the messages before it, of its side. */
  readonly takesOver: { readonly client: boolean; readonly server: boolean };
  /** Names of extensions that are not known: what they do to messages is not undone. */
  readonly unknown: string;
}

/** Without an agreement anything may have been agreed on: what is compressed by the usual extension is read all the same. */
const NOT_SEEN: Extensions = {
  reserved: 'compressed',
  isDeflated: true,
  takesOver: { client: true, server: true },
  unknown: '',
};
const NAMES_SHOWN_MAX = 120;

export function extensionsOf(agreement: Agreement | undefined): Extensions {
  if (agreement === undefined) return NOT_SEEN;
  const offers = agreement.responseFields
    .filter(([name]) => name === 'sec-websocket-extensions')
    .flatMap(([, value]) => value.split(','))
    .map((offer) => offer.split(';').map((part) => part.trim().toLowerCase()))
    .filter(([name]) => name !== '');
  const deflate = offers.find(([name]) => name === 'permessage-deflate');
  const unknown = offers.filter((offer) => offer !== deflate).map(([name]) => name);
  return {
    reserved: unknown.length > 0 ? 'any' : deflate === undefined ? 'none' : 'compressed',
    isDeflated: deflate !== undefined,
    takesOver: {
      client: !deflate?.includes('client_no_context_takeover'),
      server: !deflate?.includes('server_no_context_takeover'),
    },
    unknown: unknown.join(', ').slice(0, NAMES_SHOWN_MAX),
  };
}
