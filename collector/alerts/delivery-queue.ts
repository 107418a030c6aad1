// SPDX-License-Identifier: Apache-2.0

/**
 * Brings alerts to one sink, each until it is delivered or given up, and writes down what became of it.
 *
 * The queue in memory is bounded; what does not fit stays in ClickHouse, where every alert is anyway, and is read back
 * when there is room. The same reading happens at the start: alerts of the last day that have no end at this sink are
 * delivered then. A crash between a delivery and its record repeats the delivery with the same alert id.
 */
import { describeError } from '../model/error.ts';
import type { Delivery, EventStore } from '../store/event-store.ts';
import type { CollectorMetrics } from '../telemetry/collector-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import type { AlertMessage, AlertSink } from './alert-sink.ts';

export interface DeliveryQueueOptions {
  readonly sink: AlertSink;
  readonly store: Pick<EventStore, 'undeliveredAlerts' | 'recordDeliveries'>;
  readonly metrics: CollectorMetrics;
  readonly log: Log;
  readonly queueMax?: number;
  readonly attemptsMax?: number;
  readonly backoffMsMin?: number;
  readonly backoffMsMax?: number;
}

const QUEUE_MAX = 1000;
/** With the waits between them, about an hour. */
const ATTEMPTS_MAX = 16;
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 600_000;
const AT_ONCE = 4;
const LOOK_BACK_MS = 86_400_000;
const RECORD_DELAY_MS = 500;
const READ_BACK_RETRY_MS = 5_000;
/** Records that ClickHouse has not taken yet; beyond it the oldest are let go, and their alerts come again. */
const RECORDS_MAX = 10_000;

interface Pending {
  readonly alert: AlertMessage;
  attempts: number;
}

export class DeliveryQueue {
  readonly #options: Required<DeliveryQueueOptions>;
  readonly #ready: Pending[] = [];
  /** Alerts that are queued, being delivered, waiting to be tried again, or delivered and not yet recorded. */
  readonly #known = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #stop = new AbortController();
  #records: Delivery[] = [];
  #recording: Promise<void> | undefined;
  #active = 0;
  /** The table may hold alerts for this sink that are not in memory. */
  #behind = true;
  #readingBack = false;

  constructor(options: DeliveryQueueOptions) {
    this.#options = {
      queueMax: QUEUE_MAX,
      attemptsMax: ATTEMPTS_MAX,
      backoffMsMin: BACKOFF_MS_MIN,
      backoffMsMax: BACKOFF_MS_MAX,
      ...options,
    };
  }

  start(): void {
    void this.#readBack();
  }

  /** A new alert, already stored. */
  push(alert: AlertMessage): void {
    if (this.#stop.signal.aborted || this.#known.has(alert.alert_id)) return;
    if (this.#known.size >= this.#options.queueMax) {
      this.#options.metrics.alertsOverflowed.add();
      this.#behind = true;
      return;
    }
    this.#admit(alert);
    this.#pump();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    while (this.#active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.#record();
  }

  #admit(alert: AlertMessage): void {
    this.#known.add(alert.alert_id);
    this.#ready.push({ alert, attempts: 0 });
    this.#gauge();
  }

  #gauge(): void {
    this.#options.metrics.alertQueue.set(this.#known.size, { sink: this.#options.sink.name });
  }

  #later(ms: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }

  /** Take from the table what is not in memory, when there is room for it. */
  async #readBack(): Promise<void> {
    if (this.#readingBack || this.#stop.signal.aborted) return;
    this.#readingBack = true;
    const { sink, store, log, queueMax } = this.#options;
    try {
      // What has ended must be written down first, or it would come back.
      await this.#record();
      if (this.#known.size > queueMax / 2) return;
      // Those that are known come back too, so ask for enough to see beyond them.
      const limit = queueMax + this.#known.size;
      const alerts = await store.undeliveredAlerts(sink.name, Date.now() - LOOK_BACK_MS, limit);
      this.#behind = alerts.length === limit;
      for (const { alertId, row } of alerts) {
        if (this.#known.has(alertId)) continue;
        if (this.#known.size >= queueMax) this.#behind = true;
        else this.#admit({ ...row, alert_id: alertId });
      }
    } catch (error) {
      log.warn({ sink: sink.name, detail: describeError(error) }, 'undelivered alerts could not be read; trying again');
      await new Promise<void>((resolve) => this.#later(READ_BACK_RETRY_MS, resolve));
    } finally {
      this.#readingBack = false;
    }
    this.#pump();
  }

  #pump(): void {
    while (this.#active < AT_ONCE && !this.#stop.signal.aborted) {
      const next = this.#ready.shift();
      if (next === undefined) break;
      this.#active += 1;
      void this.#attempt(next).finally(() => {
        this.#active -= 1;
        this.#pump();
      });
    }
    if (this.#behind && this.#ready.length === 0 && this.#active < AT_ONCE) void this.#readBack();
  }

  async #attempt(pending: Pending): Promise<void> {
    const { sink, metrics, log, attemptsMax, backoffMsMin, backoffMsMax } = this.#options;
    pending.attempts += 1;
    const { delivered, detail } = await sink.deliver(pending.alert, this.#stop.signal);
    if (!delivered && this.#stop.signal.aborted) return;
    const outcome = delivered ? 'delivered' : pending.attempts >= attemptsMax ? 'given_up' : 'failed';
    metrics.alertDeliveries.add(1, { sink: sink.name, outcome });
    const { alert_id: alertId } = pending.alert;
    this.#records.push({ timeMs: Date.now(), alertId, sink: sink.name, attempt: pending.attempts, outcome, detail });
    this.#later(RECORD_DELAY_MS, () => void this.#record());
    if (outcome === 'delivered') return;
    log.warn(
      { sink: sink.name, alert: alertId, attempt: pending.attempts, detail },
      `an alert was not delivered: ${outcome}`,
    );
    if (outcome === 'given_up') return;
    const wait = Math.min(backoffMsMin * 2 ** (pending.attempts - 1), backoffMsMax);
    this.#later(wait * (0.5 + Math.random() / 2), () => {
      this.#ready.push(pending);
      this.#pump();
    });
  }

  /** Write down what has become of alerts; those that ended may be forgotten when that is stored. */
  async #record(): Promise<void> {
    while (this.#recording !== undefined) await this.#recording;
    if (this.#records.length === 0) return;
    const records = this.#records;
    this.#records = [];
    this.#recording = this.#options.store
      .recordDeliveries(records)
      .then(
        () => {
          for (const { alertId, outcome } of records) if (outcome !== 'failed') this.#known.delete(alertId);
          this.#gauge();
        },
        (error: unknown) => {
          this.#records = [...records, ...this.#records];
          for (const { alertId } of this.#records.splice(0, Math.max(0, this.#records.length - RECORDS_MAX))) {
            this.#known.delete(alertId);
          }
          const { sink, log } = this.#options;
          log.warn({ sink: sink.name, detail: describeError(error) }, 'deliveries could not be recorded; trying again');
          if (!this.#stop.signal.aborted) this.#later(READ_BACK_RETRY_MS, () => void this.#record());
        },
      )
      .finally(() => {
        this.#recording = undefined;
      });
    await this.#recording;
    if (!this.#stop.signal.aborted) this.#pump();
  }
}
