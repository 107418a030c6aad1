// SPDX-License-Identifier: Apache-2.0

/** Credentials made up for the captures. The tests look for each of them in everything that the decoder gives out. */

const claims = (subject: string) => Buffer.from(JSON.stringify({ sub: subject, aud: 'test' })).toString('base64url');
const HEADER = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT' })).toString('base64url');

/** Signatures are what makes a token: where claims are kept, these must be gone. */
export const SIGNATURES = {
  bearer: 'c2lnbmF0dXJlLW9mLXRoZS1iZWFyZXItdG9rZW4tbWFkZS11cA',
  issued: 'c2lnbmF0dXJlLW9mLXRoZS1pc3N1ZWQtdG9rZW4tbWFkZS11cA',
};

export const SECRETS = {
  bearerJwt: `${HEADER}.${claims('bearer')}.${SIGNATURES.bearer}`,
  issuedJwt: `${HEADER}.${claims('issued')}.${SIGNATURES.issued}`,
  refreshToken: 'made-up-refresh-token-0123456789',
  clientSecret: 'made-up-client-secret~0123456789',
  apiKey: 'made-up-api-key-0123456789',
  identityHeader: 'made-up-identity-header-0123456789',
  cookie: 'made-up-cookie-0123456789',
  setCookie: 'made-up-set-cookie-0123456789',
  password: 'made-up-password-0123456789',
  proxyPassword: 'made-up-proxy-password-0123456789',
  querySignature: 'made-up-sas-signature-0123456789',
};

export const ALL_SECRETS: readonly string[] = [
  ...Object.values(SECRETS),
  ...Object.values(SIGNATURES),
  // Basic credentials cross the wire like this.
  Buffer.from(`agent:${SECRETS.password}`).toString('base64'),
  Buffer.from(`proxy:${SECRETS.proxyPassword}`).toString('base64'),
];
