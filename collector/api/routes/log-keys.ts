// SPDX-License-Identifier: Apache-2.0

/**
 * POST /v1/log-keys {agent_id, verifier}: another key signs an agent's log from now on. An agent whose key has changed is
 * refused until a person has said so here, with the admin's token; it is written into the collector's own record.
 */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../api-context.ts';
import { type LogKeyBody, logKeyBodySchema } from '../schemas/log-keys.ts';

export function registerLogKeys(app: FastifyInstance, { acceptKey }: ApiContext): void {
  const options = { schema: { body: logKeyBodySchema }, config: { admin: true } };
  app.post<{ Body: LogKeyBody }>('/v1/log-keys', options, async (request) => {
    const { agent_id, verifier } = request.body;
    await acceptKey(agent_id, verifier);
    return { agent_id, verifier };
  });
}
