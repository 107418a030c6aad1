// SPDX-License-Identifier: Apache-2.0

/**
 * Alerts by HTTP POST, one JSON object a request, signed so that the receiver can tell that it comes from this collector
 * and is not an old one sent again:
 *
 *   sworn-timestamp: seconds since 1970
 *   sworn-signature: v1=<hex HMAC-SHA256(secret, timestamp + "." + body)>
 *   sworn-alert-id:  the same for every attempt; a receiver that has it already answers 2xx and does nothing
 *
 * Only a 2xx answer counts as delivered. Redirects are not followed: the operator named this address and no other.
 */
import { createHmac } from 'node:crypto';
import { describeError } from '../model/error.ts';
import type { AlertMessage, AlertSink, Attempt } from './alert-sink.ts';

export interface WebhookOptions {
  readonly name: string;
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: number;
  /** Clock, in milliseconds. */
  readonly now?: () => number;
}

export function signature(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

export class WebhookSink implements AlertSink {
  readonly name: string;
  readonly #options: WebhookOptions;

  constructor(options: WebhookOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async deliver(alert: AlertMessage, signal: AbortSignal): Promise<Attempt> {
    const { url, secret, timeoutMs, now = Date.now } = this.#options;
    const body = JSON.stringify({ type: 'sworn.alert', version: 1, alert });
    const timestamp = String(Math.floor(now() / 1000));
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'sworn-collector',
          'sworn-timestamp': timestamp,
          'sworn-signature': signature(secret, timestamp, body),
          'sworn-alert-id': alert.alert_id,
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      // What it says is of no use here, and may be endless.
      await response.body?.cancel();
      if (response.ok) return { delivered: true, detail: `HTTP ${response.status}` };
      const redirect = response.status >= 300 && response.status < 400 ? '; redirects are not followed' : '';
      return { delivered: false, detail: `HTTP ${response.status}${redirect}` };
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      return { delivered: false, detail: describeError(cause, 200) };
    }
  }
}
