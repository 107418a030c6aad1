// SPDX-License-Identifier: Apache-2.0

/** The HTTP API for people and their tools. Made here, listened on by main; tests use `inject`. */
import Fastify, { type FastifyInstance } from 'fastify';
import type { ApiContext } from './api-context.ts';
import { BODY_BYTES_MAX } from './limits.ts';
import { registerAuthentication } from './plugins/authentication.ts';
import { registerErrors } from './plugins/errors.ts';
import { registerSecurityHeaders } from './plugins/security-headers.ts';
import { registerErasures } from './routes/erasures.ts';
import { registerHealth } from './routes/health.ts';
import { registerLogKeys } from './routes/log-keys.ts';
import { registerMetrics } from './routes/metrics.ts';
import { registerQuery } from './routes/query.ts';
import { registerSessions } from './routes/sessions.ts';
import { registerStatus } from './routes/status.ts';
import { registerTail } from './routes/tail.ts';

/** To receive a request; answers may take as long as they take. */
const REQUEST_MS_MAX = 30_000;

export function buildApi(context: ApiContext): FastifyInstance {
  const { tls } = context;
  const https =
    tls === undefined ? null : { key: tls.privateKeyPem, cert: tls.certificatePem, minVersion: 'TLSv1.2' as const };
  const app = Fastify({
    https,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    ajv: { customOptions: { removeAdditional: false, coerceTypes: 'array' } },
  }) as unknown as FastifyInstance;
  registerErrors(app, context.log);
  registerSecurityHeaders(app, tls !== undefined);
  registerAuthentication(app, context.token, context.adminToken);
  registerHealth(app, context);
  registerMetrics(app, context);
  registerStatus(app, context);
  registerLogKeys(app, context);
  registerQuery(app, context);
  registerTail(app, context);
  registerSessions(app, context);
  registerErasures(app, context);
  return app;
}
