// SPDX-License-Identifier: Apache-2.0

/** Headers that keep a browser from doing anything with an answer but show it. */
import type { FastifyInstance } from 'fastify';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

export function registerSecurityHeaders(app: FastifyInstance, https: boolean): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(HEADERS);
    if (https) reply.header('strict-transport-security', 'max-age=31536000');
  });
}
