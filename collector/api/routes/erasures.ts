// SPDX-License-Identifier: Apache-2.0

/**
 * POST /v1/erasures {identity?, session?, agent?, kinds?, since?, before?, reason, dry_run?}: take payload out of the record.
 * Answers when the tombstone is stored; GET /v1/erasures/:seq says how far it is. POST /v1/retention {dry_run?}: what would go
 * by its age, or a round of it now. All of it takes the admin's token.
 */
import type { FastifyInstance } from 'fastify';
import type { ErasurePredicate } from '../../model/erasure.ts';
import { CollectorError } from '../../model/error.ts';
import type { ApiContext } from '../api-context.ts';
import { type ErasureBody, erasureBodySchema, erasureParamsSchema, retentionBodySchema } from '../schemas/erasures.ts';

/** Who holds it is whoever may read the file. */
const ADMIN_NAME = 'admin';
const NARROWED_BY = ['identity', 'session', 'agent', 'before'] as const;

function predicateOf({ identity, session, agent, kinds, since, before }: ErasureBody): ErasurePredicate {
  return {
    ...(identity !== undefined && { identity }),
    ...(session !== undefined && { session }),
    ...(agent !== undefined && { agent }),
    ...(kinds !== undefined && { kinds }),
    ...(since !== undefined && { sinceMs: Date.parse(since) }),
    ...(before !== undefined && { beforeMs: Date.parse(before) }),
  };
}

export function registerErasures(app: FastifyInstance, { eraser, retention }: ApiContext): void {
  app.post<{ Body: ErasureBody }>(
    '/v1/erasures',
    { schema: { body: erasureBodySchema }, config: { admin: true } },
    async (request) => {
      const { body } = request;
      const predicate = predicateOf(body);
      if (NARROWED_BY.every((name) => body[name] === undefined)) {
        throw new CollectorError('request_invalid', `name at least one of ${NARROWED_BY.join(', ')}`);
      }
      const reason = body.reason?.trim() ?? '';
      if (reason === '' && !body.dry_run) throw new CollectorError('request_invalid', '"reason" is missing');
      const found = await eraser.matching(predicate);
      const agents = found.map(({ agentId, activities, first, last }) => ({
        ...{ agent_id: agentId, activities, first_seq: first, last_seq: last },
      }));
      const counted = found.reduce((sum, one) => sum + one.activities, 0);
      if (body.dry_run) return { seq: null, activities: counted, agents };
      const tombstone = await eraser.erase({ predicate, reason, requestedBy: ADMIN_NAME });
      if (tombstone === undefined) return { seq: null, activities: 0, agents: [] };
      const { seq, activities, digest } = tombstone;
      return { seq, activities, agents, digest: digest.toString('hex') };
    },
  );

  app.get<{ Params: { seq: number } }>(
    '/v1/erasures/:seq',
    { schema: { params: erasureParamsSchema }, config: { admin: true } },
    async (request) => {
      const progress = eraser.progress(request.params.seq);
      if (progress === undefined) throw new CollectorError('not_found', 'no such erasure since the collector started');
      return {
        seq: progress.seq,
        state: progress.state,
        activities: progress.activities,
        activities_left: progress.activitiesLeft,
        parts_left: progress.partsLeft,
        old_parts: progress.oldParts,
        failure: progress.failure,
      };
    },
  );

  app.post<{ Body: { dry_run: boolean } }>(
    '/v1/retention',
    { schema: { body: retentionBodySchema }, config: { admin: true } },
    async (request) => {
      const { payload, days } = await retention.plan();
      if (!request.body.dry_run) retention.begin();
      return {
        payload: payload.map(({ predicate, activities }) => ({
          identity: predicate.identity ?? null,
          except_identities: predicate.exceptIdentities ?? [],
          received_before: new Date(predicate.receivedBeforeMs ?? 0).toISOString(),
          activities,
        })),
        days: days.map(({ day, activities, keptBecause }) => ({ day, activities, kept_because: keptBecause })),
      };
    },
  );
}
