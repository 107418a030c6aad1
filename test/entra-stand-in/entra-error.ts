// SPDX-License-Identifier: Apache-2.0

/** Error bodies in Entra's shape. The codes are Entra's, the sentences are the stand-in's own. */

import { randomUUID } from 'node:crypto';

interface ErrorKind {
  readonly error: string;
  readonly status: number;
  readonly text: string;
}

const ERRORS = {
  16000: { error: 'interaction_required', status: 400, text: 'Somebody has to sign in for this.' },
  50013: { error: 'invalid_grant', status: 400, text: 'The assertion that stands for the user is not valid.' },
  50034: { error: 'invalid_grant', status: 400, text: 'The tenant has no such user.' },
  50027: { error: 'invalid_request', status: 400, text: 'The client assertion cannot be read as a JWT.' },
  50076: { error: 'interaction_required', status: 400, text: 'A second factor is needed.' },
  50079: { error: 'interaction_required', status: 400, text: 'The user has to set up a second factor.' },
  53003: { error: 'interaction_required', status: 400, text: 'A conditional access policy forbids this token.' },
  65001: { error: 'invalid_grant', status: 400, text: 'Nobody consented to this application using the resource.' },
  70003: { error: 'unsupported_grant_type', status: 400, text: 'This grant type is not known here.' },
  70011: { error: 'invalid_scope', status: 400, text: 'The scope cannot be read.' },
  70021: { error: 'invalid_client', status: 401, text: 'No federated credential matches the presented assertion.' },
  82014: { error: 'invalid_request', status: 400, text: 'An agent identity cannot ask for consent.' },
  90002: { error: 'invalid_request', status: 400, text: 'There is no such tenant.' },
  500011: { error: 'invalid_resource', status: 400, text: 'The tenant has no resource of that name.' },
  500131: { error: 'invalid_grant', status: 400, text: 'The assertion was not made for the client that presents it.' },
  500133: { error: 'invalid_grant', status: 400, text: 'The assertion is outside the time in which it is valid.' },
  700016: { error: 'unauthorized_client', status: 400, text: 'The tenant has no application with that client id.' },
  700021: { error: 'invalid_client', status: 401, text: 'The assertion was made for another application.' },
  700023: { error: 'invalid_client', status: 401, text: 'The audience of the assertion is not this token endpoint.' },
  700024: { error: 'invalid_client', status: 401, text: 'The assertion is outside the time in which it is valid.' },
  700027: { error: 'invalid_client', status: 401, text: 'The assertion is not signed by a registered certificate.' },
  700211: { error: 'invalid_client', status: 401, text: 'No federated credential has the issuer of the assertion.' },
  700212: { error: 'invalid_client', status: 401, text: 'No federated credential has the audience of the assertion.' },
  700213: { error: 'invalid_client', status: 401, text: 'No federated credential has the subject of the assertion.' },
  900144: { error: 'invalid_request', status: 400, text: 'A parameter is missing from the request.' },
  1002012: { error: 'invalid_scope', status: 400, text: 'The scope of an application must end in /.default.' },
  7000114: { error: 'invalid_grant', status: 400, text: 'An application may not be acted for.' },
  7000215: { error: 'invalid_client', status: 401, text: 'The client secret is wrong.' },
  7000216: { error: 'invalid_client', status: 401, text: 'The client did not authenticate itself.' },
  7000222: { error: 'invalid_client', status: 401, text: 'The client secret has expired.' },
  7002131: { error: 'invalid_client', status: 401, text: 'No federated credential expression matches the assertion.' },
} as const satisfies Record<number, ErrorKind>;

export type AadstsCode = keyof typeof ERRORS;

export class EntraRefusal extends Error {
  readonly code: AadstsCode;
  constructor(code: AadstsCode, detail = '') {
    super(`${ERRORS[code].text}${detail === '' ? '' : ` (${detail})`}`);
    this.name = 'EntraRefusal';
    this.code = code;
  }
}

export function errorAnswer(
  refusal: EntraRefusal,
  nowMs: number,
  correlationId: string,
): { status: number; body: Record<string, unknown> } {
  const kind: ErrorKind = ERRORS[refusal.code];
  const traceId = randomUUID();
  const timestamp = `${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  return {
    status: kind.status,
    body: {
      error: kind.error,
      error_description:
        `AADSTS${refusal.code}: ${refusal.message} ` +
        `Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
      error_codes: [refusal.code],
      timestamp,
      trace_id: traceId,
      correlation_id: correlationId,
      error_uri: `https://login.microsoftonline.com/error?code=${refusal.code}`,
      ...(kind.error === 'interaction_required'
        ? { claims: '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}' }
        : {}),
    },
  };
}
