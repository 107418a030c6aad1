// SPDX-License-Identifier: Apache-2.0

/** GET /metrics: the collector's numbers for Prometheus. They name agents and rules, so the token is asked for by default. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../api-context.ts';

export function registerMetrics(app: FastifyInstance, { metrics, metricsWithoutToken }: ApiContext): void {
  app.get('/metrics', { config: { open: metricsWithoutToken } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(metrics.registry.text()),
  );
}
