// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCollectorMetrics } from './collector-metrics.ts';
import { Counter, Gauge, Histogram, MetricsRegistry } from './metrics.ts';

describe('metrics', () => {
  it('are written as Prometheus reads them', () => {
    const registry = new MetricsRegistry();
    const counter = registry.register(new Counter('c_total', 'A counter.', [{ code: 'none' }]));
    counter.add(2, { code: 'a"b\\c\nd' });
    registry.register(new Gauge('g', 'A gauge.', () => 7));
    const histogram = registry.register(new Histogram('h_seconds', 'A histogram.', [0.1, 1]));
    for (const value of [0.05, 0.5, 5]) histogram.observe(value);
    assert.equal(
      registry.text(),
      [
        '# HELP c_total A counter.',
        '# TYPE c_total counter',
        'c_total{code="none"} 0',
        'c_total{code="a\\"b\\\\c\\nd"} 2',
        '# HELP g A gauge.',
        '# TYPE g gauge',
        'g 7',
        '# HELP h_seconds A histogram.',
        '# TYPE h_seconds histogram',
        'h_seconds_bucket{le="0.1"} 1',
        'h_seconds_bucket{le="1"} 2',
        'h_seconds_bucket{le="+Inf"} 3',
        'h_seconds_sum 5.55',
        'h_seconds_count 3',
        '',
      ].join('\n'),
    );
  });

  it('do not grow without end when labels come from outside', () => {
    const counter = new Counter('c', 'x');
    for (let at = 0; at < 5000; at++) counter.add(1, { agent: `a${at}` });
    const lines = [...counter.lines()];
    assert.ok(lines.length <= 2001);
    assert.ok(lines.some((line) => line.startsWith('c{agent="other"}')));
  });

  it('have names and help that follow the conventions', () => {
    const text = createCollectorMetrics().registry.text();
    for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      assert.match(name!, /^sworn_collector_[a-z_]+$/);
      assert.equal(name!.endsWith('_total'), type === 'counter', name ?? '');
    }
    for (const [, help] of text.matchAll(/^# HELP \S+ (.*)$/gm)) assert.match(help!, /[.]$/);
  });
});
