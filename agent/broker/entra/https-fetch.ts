// SPDX-License-Identifier: Apache-2.0

/**
 * One https request and its whole answer, small and bounded. Not `fetch`: that takes no certificate authority of its own,
 * follows redirects, and listens to proxy settings of the environment, none of which a credential should meet.
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';

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
  readonly kind: 'timeout' | 'network' | 'too-large' | 'not-https' | 'not-this-host';

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

type Send = typeof httpsRequest;

/** One request through `send` and its whole answer. Errors: TransportError. */
function exchange(send: Send, options: RequestOptions, asked: HttpsRequest): Promise<HttpsAnswer> {
  const { method, url, headers, body, timeoutMs } = asked;
  return new Promise((resolve, reject) => {
    const fail = (kind: TransportError['kind'], cause?: unknown): void => {
      clearTimeout(deadline);
      reject(new TransportError(kind, url.host, cause));
      request.destroy();
    };
    const deadline = setTimeout(() => fail('timeout'), timeoutMs);
    const request = send(
      url,
      { method, ...options, headers: { accept: 'application/json', ...headers } },
      (response: IncomingMessage) => {
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

export function createHttpsFetch({ ca, signal }: HttpsFetchOptions = {}): HttpsFetch {
  // A connection each: tokens are asked for once an hour, and a kept connection that the other side has closed meanwhile
  // would make the one request fail.
  const agent = new Agent({ keepAlive: false, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) });
  return async (asked) => {
    if (asked.url.protocol !== 'https:') throw new TransportError('not-https', asked.url.host);
    return exchange(httpsRequest, { agent, ...(signal && { signal }) }, asked);
  };
}

/** Addresses that no packet leaves the host for: the metadata service of the host, and this host itself. */
const ON_THIS_HOST = /^(169\.254\.\d{1,3}\.\d{1,3}|127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/;

/** Without TLS, and therefore only to addresses of this host: its metadata service speaks nothing else. */
export function createHostFetch({ signal }: Pick<HttpsFetchOptions, 'signal'> = {}): HttpsFetch {
  const agent = new HttpAgent({ keepAlive: false });
  return async (asked) => {
    if (asked.url.protocol !== 'http:' || !ON_THIS_HOST.test(asked.url.hostname)) {
      throw new TransportError('not-this-host', asked.url.host);
    }
    return exchange(httpRequest as Send, { agent, ...(signal && { signal }) }, asked);
  };
}
