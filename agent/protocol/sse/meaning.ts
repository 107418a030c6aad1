// SPDX-License-Identifier: Apache-2.0

/** A reply of server-sent events says how many there were; it stays HTTP's in every other way. */
import type { Exchange } from '../decoder.ts';
import { EventStreamReader, isEventStream } from './event-stream.ts';

/** Ids are texts of the server's choice. */
const ID_LENGTH_MAX = 256;

export function serverSentEvents(exchange: Exchange): readonly Exchange[] | undefined {
  const { attributes, response } = exchange;
  if (!isEventStream(attributes['response_content_type'] ?? '')) return undefined;
  const reader = new EventStreamReader(() => {});
  reader.push(response.bytes);
  const more: Record<string, string> = { sse_events: String(reader.events) };
  if (reader.lastEventId !== '') more['sse_last_event_id'] = reader.lastEventId.slice(0, ID_LENGTH_MAX).toWellFormed();
  if (reader.retryMs !== undefined) more['sse_retry_ms'] = String(reader.retryMs);
  // Of a body that was cut only the head was counted.
  if (reader.isCutOff || exchange.truncated) more['sse_cut_off'] = 'true';
  return [{ ...exchange, attributes: { ...attributes, ...more } }];
}
