// SPDX-License-Identifier: Apache-2.0

/** GET /v1/status: which collector this is, who is connected, what is in force. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../api-context.ts';

export function registerStatus(app: FastifyInstance, { status }: ApiContext): void {
  app.get('/v1/status', async () => status());
}
