// SPDX-License-Identifier: Apache-2.0

/**
 * GET /v1/sessions: runs of workloads, newest first. GET /v1/sessions/:id: all that one did, in order, a page at a time;
 * `next` of an answer is `after` of the next request.
 */
import type { FastifyInstance } from 'fastify';
import { CollectorError } from '../../model/error.ts';
import type { ActivityCursor, Row } from '../../store/event-store.ts';
import type { ApiContext } from '../api-context.ts';
import {
  type SessionQuery,
  type SessionsQuery,
  sessionParamsSchema,
  sessionQuerySchema,
  sessionsQuerySchema,
} from '../schemas/sessions.ts';

function writeCursor(row: Row): string {
  return Buffer.from(JSON.stringify([row['time'], row['agent_id'], row['seq']])).toString('base64url');
}

/** Only forms that ClickHouse can read as the types they stand for. */
function readCursor(text: string): ActivityCursor {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Array.isArray(parts) && parts.length === 3) {
      const [time, agentId, seq] = parts.map(String) as [string, string, string];
      if (/^[\d-]{10} [\d:.]{8,18}$/.test(time) && /^\d{1,16}$/.test(seq)) return { time, agentId, seq };
    }
  } catch {
    // As below.
  }
  throw new CollectorError('request_invalid', '"after" is not what an earlier answer gave as "next"');
}

export function registerSessions(app: FastifyInstance, { store }: ApiContext): void {
  app.get<{ Querystring: SessionsQuery }>(
    '/v1/sessions',
    { schema: { querystring: sessionsQuerySchema } },
    async (request) => {
      const { since, until, ...filter } = request.query;
      const sessions = await store.sessions({
        ...filter,
        ...(since === undefined ? {} : { since: new Date(since) }),
        ...(until === undefined ? {} : { until: new Date(until) }),
      });
      return { sessions };
    },
  );

  app.get<{ Params: { id: string }; Querystring: SessionQuery }>(
    '/v1/sessions/:id',
    { schema: { params: sessionParamsSchema, querystring: sessionQuerySchema } },
    async (request) => {
      const { after, limit } = request.query;
      const session = await store.session(request.params.id);
      if (session === undefined) throw new CollectorError('not_found', 'there is no such session');
      const cursor = after === undefined ? undefined : readCursor(after);
      const activities = await store.sessionActivities(request.params.id, cursor, limit);
      const last = activities.at(-1);
      const next = last !== undefined && activities.length === limit ? writeCursor(last) : null;
      return { session, activities, next };
    },
  );
}
