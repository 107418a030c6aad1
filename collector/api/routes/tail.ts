// SPDX-License-Identifier: Apache-2.0

/**
 * GET /v1/tail: activities as they are stored, as server-sent events when the client accepts text/event-stream, else as
 * one JSON object a line:
 *
 *   {"type":"opened"} · {"type":"activity","activity":{…}} · {"type":"dropped","count":N} · {"type":"heartbeat"}
 */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { activityJson } from '../../model/activity-json.ts';
import { CollectorError } from '../../model/error.ts';
import type { ApiContext } from '../api-context.ts';
import type { TailItem, TailSubscription } from '../live-tail.ts';
import { type TailQuery, tailQuerySchema } from '../schemas/tail.ts';

function messageOf(item: TailItem, payloads: boolean): Record<string, unknown> {
  switch (item.kind) {
    case 'activity': {
      const { kind, activity, sender } = item.seen;
      return { type: 'activity', activity: activityJson(kind, activity, sender, { payloads }) };
    }
    case 'dropped':
      return { type: 'dropped', count: item.count };
    case 'heartbeat':
      return { type: 'heartbeat' };
  }
}

async function* lines(subscription: TailSubscription, payloads: boolean, events: boolean): AsyncGenerator<string> {
  const line = (message: Record<string, unknown>) =>
    events ? `event: ${message['type']}\ndata: ${JSON.stringify(message)}\n\n` : `${JSON.stringify(message)}\n`;
  yield line({ type: 'opened' });
  for await (const item of subscription) yield line(messageOf(item, payloads));
}

export function registerTail(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Querystring: TailQuery }>(
    '/v1/tail',
    { schema: { querystring: tailQuerySchema } },
    async (request, reply) => {
      const { kind, payloads, ...filter } = request.query;
      const kinds = kind === undefined || kind.length === 0 ? {} : { kinds: new Set(kind) };
      const subscription = context.tail.subscribe({ ...filter, ...kinds });
      if (subscription === undefined) throw new CollectorError('tail_busy', 'all places for live tails are taken');
      reply.raw.once('close', () => subscription.close());
      const events = (request.headers.accept ?? '').includes('text/event-stream');
      return reply
        .type(events ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson; charset=utf-8')
        .send(Readable.from(lines(subscription, payloads, events)));
    },
  );
}
