// SPDX-License-Identifier: Apache-2.0

/**
 * Where alerts go. A sink makes one attempt and says how it went; retrying, queues and records are delivery-queue.ts'
 * business, the same for all sinks.
 */

/** A row of `sworn.alerts`, as JSON writes it: what every sink is given. */
export type AlertMessage = Readonly<Record<string, unknown>> & { readonly alert_id: string };

export type Attempt =
  | { readonly delivered: true; readonly detail: string }
  /** `detail` is short and holds no secret: it is logged and stored. */
  | { readonly delivered: false; readonly detail: string };

export interface AlertSink {
  /** Unique among the sinks of a collector; stands in `sworn.deliveries`. */
  readonly name: string;
  /** Never throws. Ends soon after `signal` aborts. */
  deliver(alert: AlertMessage, signal: AbortSignal): Promise<Attempt>;
}
