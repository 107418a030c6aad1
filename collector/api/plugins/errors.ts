// SPDX-License-Identifier: Apache-2.0

/** Every error of the API as {"error": {code, message}}, from the one table in model/error.ts. */
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { COLLECTOR_ERRORS, CollectorError } from '../../model/error.ts';
import type { Log } from '../../telemetry/log.ts';

export function sendError(reply: FastifyReply, error: CollectorError): FastifyReply {
  const { retryable } = COLLECTOR_ERRORS[error.code];
  if (error.code === 'unauthorised') reply.header('www-authenticate', 'Bearer');
  if (retryable && error.httpStatus >= 429) reply.header('retry-after', '1');
  return reply
    .code(error.httpStatus)
    .type('application/json; charset=utf-8')
    .send({ error: { code: error.code, message: error.message } });
}

function asCollectorError(error: unknown): CollectorError {
  if (error instanceof CollectorError) return error;
  const { code, message, statusCode } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new CollectorError('request_too_large', 'the body is too large');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new CollectorError('request_invalid', message ?? 'the request is not right');
  }
  return new CollectorError('internal', 'a fault in the collector; its log has the details', { cause: error });
}

export function registerErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler((error, request, reply) => {
    const known = asCollectorError(error);
    if (known.httpStatus >= 500) log.error({ err: known, route: request.routeOptions.url }, 'a request failed');
    return sendError(reply, known);
  });
  app.setNotFoundHandler((_request, reply) =>
    sendError(reply, new CollectorError('not_found', 'there is no such path')),
  );
}
