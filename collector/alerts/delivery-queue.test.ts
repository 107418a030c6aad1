// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CollectorError } from '../model/error.ts';
import type { Delivery, StoredAlert } from '../store/event-store.ts';
import { createCollectorMetrics } from '../telemetry/collector-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import type { AlertMessage, AlertSink, Attempt } from './alert-sink.ts';
import { DeliveryQueue, type DeliveryQueueOptions } from './delivery-queue.ts';

/** The table of alerts and deliveries, in memory. */
class FakeStore {
  readonly alerts: string[] = [];
  readonly deliveries: Delivery[] = [];
  failing = false;

  async undeliveredAlerts(sink: string, _since: number, limit: number): Promise<StoredAlert[]> {
    if (this.failing) throw new CollectorError('store_unavailable', 'away');
    const ended = new Set(
      this.deliveries.filter((d) => d.sink === sink && d.outcome !== 'failed').map(({ alertId }) => alertId),
    );
    return this.alerts
      .filter((id) => !ended.has(id))
      .slice(0, limit)
      .map((id) => ({ alertId: id, row: { alert_id: id } }));
  }

  async recordDeliveries(deliveries: readonly Delivery[]): Promise<void> {
    if (this.failing) throw new CollectorError('store_unavailable', 'away');
    this.deliveries.push(...deliveries);
  }
}

class FakeSink implements AlertSink {
  readonly name = 'fake';
  readonly received: string[] = [];
  answer: (id: string, attempts: number) => Attempt = () => ({ delivered: true, detail: 'ok' });

  async deliver(alert: AlertMessage): Promise<Attempt> {
    this.received.push(alert.alert_id);
    await new Promise((resolve) => setTimeout(resolve, 1));
    return this.answer(alert.alert_id, this.received.filter((id) => id === alert.alert_id).length);
  }
}

function setUp(changes: Partial<DeliveryQueueOptions> = {}) {
  const store = new FakeStore();
  const sink = new FakeSink();
  const metrics = createCollectorMetrics();
  const queue = new DeliveryQueue({
    sink,
    store,
    metrics,
    log: createLog('silent'),
    backoffMsMin: 2,
    backoffMsMax: 10,
    ...changes,
  });
  return { store, sink, metrics, queue };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 8_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'it did not come about in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('delivery of alerts', () => {
  it('delivers each alert once and writes it down', async () => {
    const { store, sink, queue } = setUp();
    queue.start();
    for (const id of ['a', 'b', 'a']) queue.push({ alert_id: id });
    await until(() => sink.received.length === 2);
    await queue.stop();
    assert.deepEqual(sink.received.sort(), ['a', 'b']);
    assert.deepEqual(store.deliveries.map(({ alertId, outcome }) => `${alertId} ${outcome}`).sort(), [
      'a delivered',
      'b delivered',
    ]);
  });

  it('tries again until it is delivered', async () => {
    const { store, sink, metrics, queue } = setUp();
    sink.answer = (_id, attempts) =>
      attempts < 4 ? { delivered: false, detail: 'HTTP 503' } : { delivered: true, detail: 'ok' };
    queue.start();
    queue.push({ alert_id: 'a' });
    await until(() => metrics.alertDeliveries.value({ sink: 'fake', outcome: 'delivered' }) === 1);
    await queue.stop();
    assert.deepEqual(
      store.deliveries.map(({ attempt, outcome }) => `${attempt} ${outcome}`),
      ['1 failed', '2 failed', '3 failed', '4 delivered'],
    );
  });

  it('gives up after the last attempt, and says so', async () => {
    const { store, sink, metrics, queue } = setUp({ attemptsMax: 3 });
    sink.answer = () => ({ delivered: false, detail: 'HTTP 404' });
    queue.start();
    queue.push({ alert_id: 'a' });
    await until(() => metrics.alertDeliveries.value({ sink: 'fake', outcome: 'given_up' }) === 1);
    await queue.stop();
    assert.equal(sink.received.length, 3);
    assert.equal(store.deliveries.at(-1)?.outcome, 'given_up');
  });

  it('delivers at its start what an earlier run left behind', async () => {
    const { store, sink, queue } = setUp();
    store.alerts.push('old-1', 'old-2', 'old-3');
    store.deliveries.push({ timeMs: 0, alertId: 'old-2', sink: 'fake', attempt: 1, outcome: 'delivered', detail: '' });
    queue.start();
    await until(() => sink.received.length === 2);
    await queue.stop();
    assert.deepEqual(sink.received.sort(), ['old-1', 'old-3']);
  });

  it('reads back from the table what its memory had no room for', async () => {
    const { store, sink, metrics, queue } = setUp({ queueMax: 10 });
    queue.start();
    const ids = Array.from({ length: 95 }, (_, at) => `a${at}`);
    store.alerts.push(...ids);
    for (const id of ids) queue.push({ alert_id: id });
    await until(() => new Set(sink.received).size === 95);
    await queue.stop();
    assert.equal(sink.received.length, 95, 'each once');
    assert.ok(metrics.alertsOverflowed.value() > 0);
  });

  it('goes on when the table cannot be reached, and writes down what happened when it can', async () => {
    const { store, sink, queue } = setUp();
    store.failing = true;
    queue.start();
    queue.push({ alert_id: 'a' });
    await until(() => sink.received.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.deepEqual(store.deliveries, []);
    store.failing = false;
    await queue.stop();
    assert.deepEqual(
      store.deliveries.map(({ alertId }) => alertId),
      ['a'],
    );
  });
});
