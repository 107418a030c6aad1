// SPDX-License-Identifier: Apache-2.0

/**
 * POST /v1/query {sql, format?, parameters?}: SQL over the record, read only, within limits. The answer is streamed; one
 * that is stopped half-way ends with a broken connection, never with what looks like a whole result.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { CollectorError } from '../../model/error.ts';
import type { ApiContext } from '../api-context.ts';
import { passOn } from '../pass-on.ts';
import { QueryPlaces } from '../query-places.ts';
import { type QueryBody, queryBodySchema } from '../schemas/query.ts';

export function registerQuery(app: FastifyInstance, context: ApiContext): void {
  const places = new QueryPlaces(context.queriesAtOnceMax);
  const count = (outcome: string) => context.metrics.queries.add(1, { outcome });

  app.post<{ Body: QueryBody }>('/v1/query', { schema: { body: queryBodySchema } }, async (request, reply) => {
    const { sql, format, parameters } = request.body;
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const leave = await places.take();
    try {
      const answer = await context.store.query({
        sql,
        format,
        signal: gone.signal,
        ...(parameters === undefined ? {} : { parameters }),
      });
      answer.stream.once('end', () => count('ok'));
      answer.stream.once('error', () => count('broken_off'));
      answer.stream.once('close', leave);
      reply.type(answer.contentType).hijack();
      reply.raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
      passOn(answer.stream, reply.raw);
    } catch (error) {
      leave();
      count(error instanceof CollectorError ? error.code : 'internal');
      throw error;
    }
  });
}
