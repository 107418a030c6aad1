// SPDX-License-Identifier: Apache-2.0

/**
 * Is this request of the shape that an SDK makes, and of no other? A loopback port can be reached by anything that makes a
 * program on the host fetch a URL: a web page in a browser, a name that resolves to 127.0.0.1, a proxy, a library that
 * follows links. Such requests betray themselves by their headers; the secret header is the last barrier, not the first.
 */

import type { RefusalReason } from '../refusal.ts';

export interface RequestShape {
  readonly method: string;
  /** As it stands in the request line. */
  readonly url: string;
  /** Names and values in turn, as they came: doubled headers are seen here and nowhere else. */
  readonly rawHeaders: readonly string[];
}

export interface ExpectedShape {
  isPath(path: string): boolean;
  /** `127.0.0.1:PORT` and its like. */
  readonly hosts: ReadonlySet<string>;
}

/** SDKs stay far below a kilobyte. */
const URL_CHARACTERS_MAX = 4096;

const FORWARDING = /^(?:forwarded|via|x-forwarded(?:-.*)?|x-real-ip|x-original-.*|proxy-.*)$/;
/**
 * `sec-fetch-mode` alone is not a browser: Node's own fetch, and with it msal-node 7, sends "cors" and nothing else. A
 * browser that sends it sends `sec-fetch-site` too.
 */
const BROWSER = /^(?:origin|referer|cookie|sec-fetch-(?!mode$).*|access-control-.*)$/;

/** undefined: go on. The secret and all that the kernel knows are looked at elsewhere. */
export function shapeProblem(request: RequestShape, expected: ExpectedShape): RefusalReason | undefined {
  const hosts: string[] = [];
  let [isForwarded, isOfBrowser, hasBody] = [false, false, false];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    const name = (request.rawHeaders[index] ?? '').toLowerCase();
    const value = request.rawHeaders[index + 1] ?? '';
    if (name === 'host') hosts.push(value.toLowerCase());
    if (FORWARDING.test(name)) isForwarded = true;
    if (BROWSER.test(name)) isOfBrowser = true;
    if (name === 'transfer-encoding' || (name === 'content-length' && value.trim() !== '0')) hasBody = true;
  }
  // What says most about where a request comes from is looked at first: it is what the record then says.
  if (isForwarded) return 'forwarded_request';
  if (isOfBrowser) return 'browser_request';
  const [host] = hosts;
  if (host === undefined || hosts.length > 1 || !expected.hosts.has(host)) return 'wrong_host';
  if (request.url.length > URL_CHARACTERS_MAX) return 'malformed_request';
  if (!expected.isPath(request.url.split('?', 1)[0] ?? '')) return 'unknown_path';
  if (request.method !== 'GET') return 'method_not_allowed';
  return hasBody ? 'malformed_request' : undefined;
}
