// SPDX-License-Identifier: Apache-2.0

/**
 * Bearer token on every route that does not say `config: { open: true }`. Routes that change the record say `admin: true` and
 * take the admin's token only; that one reads as well.
 */
import type { FastifyInstance } from 'fastify';
import { CollectorError } from '../../model/error.ts';
import { sameToken } from '../token-file.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
    /** Takes the admin's token, and not the one that reads. */
    admin?: boolean;
  }
}

export function registerAuthentication(app: FastifyInstance, token: string, adminToken: string): void {
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.open === true) return;
    const [scheme, given = ''] = (request.headers.authorization ?? '').split(' ', 2);
    const isBearer = scheme?.toLowerCase() === 'bearer';
    if (isBearer && sameToken(given, adminToken)) return;
    if (!isBearer || !sameToken(given, token)) {
      throw new CollectorError('unauthorised', 'send the token of the collector as Authorization: Bearer');
    }
    if (request.routeOptions.config.admin === true) {
      throw new CollectorError('forbidden', 'this token may read the record and not change it');
    }
  });
}
