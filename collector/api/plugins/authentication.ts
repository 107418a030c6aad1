// SPDX-License-Identifier: Apache-2.0

/** Bearer token on every route that does not say `config: { open: true }`. */
import type { FastifyInstance } from 'fastify';
import { CollectorError } from '../../model/error.ts';
import { sameToken } from '../token-file.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
  }
}

export function registerAuthentication(app: FastifyInstance, token: string): void {
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.open === true) return;
    const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ', 2);
    if (scheme?.toLowerCase() !== 'bearer' || !sameToken(given, token)) {
      throw new CollectorError('unauthorised', 'send the token of the collector as Authorization: Bearer');
    }
  });
}
