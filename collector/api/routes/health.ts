// SPDX-License-Identifier: Apache-2.0

/** GET /healthz: the process answers. GET /readyz: ClickHouse does too. */
import type { FastifyInstance } from 'fastify';
import { CollectorError } from '../../model/error.ts';
import type { ApiContext } from '../api-context.ts';

const PING_MS_MAX = 2_000;

export function registerHealth(app: FastifyInstance, { store }: ApiContext): void {
  app.get('/healthz', { config: { open: true } }, async () => ({ status: 'ok' }));
  app.get('/readyz', { config: { open: true } }, async () => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new CollectorError('store_unavailable', 'ClickHouse does not answer in time')),
      PING_MS_MAX,
    );
    try {
      await Promise.race([store.ping(), late.promise]);
    } finally {
      clearTimeout(timer);
    }
    return { status: 'ready' };
  });
}
