// SPDX-License-Identifier: Apache-2.0

/**
 * One https request and its whole answer, small and bounded. Not `fetch`: that takes no certificate authority of its own,
 * follows redirects, and listens to proxy settings of the environment, none of which a credential should meet.
 */

import { Agent, request as httpsRequest } from 'node:https';

export interface HttpsRequest {
  readonly method: 'GET' | 'POST';
  /** https; anything else is refused. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For all of it: connecting, asking and reading the answer. */
  readonly timeoutMs: number;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: string;
}

export type HttpsFetch = (request: HttpsRequest) => Promise<HttpsAnswer>;

/** The answer did not come. The text never holds anything of the request but its host. */
export class TransportError extends Error {
  readonly kind: 'timeout' | 'network' | 'too-large' | 'not-https';

  constructor(kind: TransportError['kind'], host: string, cause?: unknown) {
    super(`${host}: ${kind}`, cause === undefined ? undefined : { cause });
    this.name = 'TransportError';
    this.kind = kind;
  }
}

/** A key set of Entra has some 20 KiB, a token answer less than 8. */
const ANSWER_BYTES_MAX = 256 * 1024;

export interface HttpsFetchOptions {
  /** PEM certificates to trust instead of the system's; for the stand-in, or to pin. */
  readonly ca?: string;
  /** When it is aborted, requests under way fail and later ones are not made. */
  readonly signal?: AbortSignal;
}

export function createHttpsFetch({ ca, signal }: HttpsFetchOptions = {}): HttpsFetch {
  // A connection each: tokens are asked for once an hour, and a kept connection that the other side has closed meanwhile
  // would make the one request fail.
  const agent = new Agent({ keepAlive: false, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) });

  return ({ method, url, headers, body, timeoutMs }) =>
    new Promise((resolve, reject) => {
      if (url.protocol !== 'https:') return reject(new TransportError('not-https', url.host));
      const fail = (kind: TransportError['kind'], cause?: unknown): void => {
        clearTimeout(deadline);
        reject(new TransportError(kind, url.host, cause));
        request.destroy();
      };
      const deadline = setTimeout(() => fail('timeout'), timeoutMs);
      const request = httpsRequest(
        url,
        {
          method,
          agent,
          ...(signal === undefined ? {} : { signal }),
          headers: { accept: 'application/json', ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > ANSWER_BYTES_MAX) return fail('too-large');
            chunks.push(chunk);
          });
          response.on('error', (cause) => fail('network', cause));
          response.on('end', () => {
            clearTimeout(deadline);
            resolve({
              status: response.statusCode ?? 0,
              header(name) {
                const value = response.headers[name.toLowerCase()];
                return Array.isArray(value) ? value[0] : value;
              },
              body: Buffer.concat(chunks).toString('utf8'),
            });
          });
        },
      );
      request.on('error', (cause) => fail('network', cause));
      request.end(body);
    });
}
