// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CollectorError } from '../model/error.ts';
import { isLoopback, parseListen, readCollectorConfig } from './read-config.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../collector.example.yaml'), 'utf8');

function faults(text: string): string {
  try {
    readCollectorConfig(text, 'collector.yaml');
  } catch (error) {
    assert.ok(error instanceof CollectorError);
    assert.equal(error.code, 'config_invalid');
    return error.message;
  }
  return '';
}

describe('configuration', () => {
  it('of an empty file is the example', () => {
    assert.deepEqual(readCollectorConfig('', 'x'), readCollectorConfig(EXAMPLE, 'x'));
  });

  it('of the example has every key written out', () => {
    // What the schema would fill in is nothing: the example says it all.
    const filled = readCollectorConfig(EXAMPLE, 'x');
    const keys = (value: unknown): string[] =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, inner]) => [key, ...keys(inner)])
        : [];
    for (const key of keys(filled)) assert.match(EXAMPLE, new RegExp(`^ *${key}:`, 'm'));
  });

  it('understands every commented part of the example', () => {
    const tls = 'tls: { certificate_file: a, key_file: b, ca_file: c }';
    const server =
      'server: { url: "https://x:8443", username: u, password_file: p, reader_username: r, reader_password_file: q, ca_file: c, cluster: k }';
    const webhooks = 'webhooks: [{ name: on-call, url: "https://x/y", secret_file: s, timeout_seconds: 5 }]';
    const seal =
      'seal: { witnesses: [{ name: audit, url: "https://w", key: w+x+y, ca_file: c }], anchors: [{ file: f }, { folder: d }] }';
    const text = `ingest: { ${tls} }\nstore: { ${server} }\nalerts: { ${webhooks} }\n${seal}`;
    const config = readCollectorConfig(text, 'x');
    assert.equal(config.seal.witnesses[0]?.ca_file, 'c');
    assert.deepEqual(config.seal.anchors, [{ file: 'f' }, { folder: 'd' }]);
    assert.equal(config.store.server?.cluster, 'k');
    assert.equal(config.alerts.webhooks[0]?.timeout_seconds, 5);
  });

  it('names line and key of all that is wrong', () => {
    const message = faults(
      'log_level: loud\ningest:\n  listen: here\n  bath_bytes_max: 1\napi:\n  query:\n    seconds_max: soon\n',
    );
    assert.match(message, /line 1: log_level: must be one of trace/);
    assert.match(message, /line 3: ingest\.listen: must be address:port/);
    assert.match(message, /line 4: ingest\.bath_bytes_max: there is no such key/);
    assert.match(message, /line 7: api\.query\.seconds_max: must be integer/);
  });

  it('names what is missing', () => {
    assert.match(faults('alerts:\n  webhooks:\n    - name: a\n'), /line 3: alerts\.webhooks\.0: "url" is missing/);
    assert.match(faults('store:\n  server:\n    url: http://x\n'), /"username" is missing/);
  });

  it('is refused when it is no YAML, or says a thing twice', () => {
    assert.match(faults('ingest: ['), /line \d+: /);
    assert.match(faults('log_level: info\nlog_level: debug\n'), /line 2: /);
  });

  it('is refused when others could reach the API without TLS', () => {
    assert.match(faults('api: { listen: "0.0.0.0:7480" }'), /needs api\.tls/);
    assert.equal(faults('api: { listen: "[::1]:7480" }'), '');
    assert.equal(faults('api: { listen: "0.0.0.0:7480", tls: { certificate_file: a, key_file: b } }'), '');
  });

  it('is refused when bounds contradict each other', () => {
    assert.match(
      faults('ingest: { batch_bytes_max: 1000000, stream_bytes_max: 100000 }'),
      /stream_bytes_max: must be at least/,
    );
    const twice =
      'alerts: { webhooks: [{ name: a, url: "http://x", secret_file: s }, { name: a, url: "http://y", secret_file: s }] }';
    assert.match(faults(twice), /alerts\.webhooks: the name a stands twice/);
    const witnesses =
      'seal: { witnesses_required: 3, witnesses: [{ name: a, url: "http://x", key: k }, { name: a, url: "http://y", key: k }] }';
    assert.match(faults(witnesses), /witnesses_required: there are fewer/);
    assert.match(faults(witnesses), /seal\.witnesses: the name a stands twice/);
    assert.match(faults('seal: { anchors: [{ file: f, folder: d }] }'), /line 1: seal\.anchors\.0: must NOT have more/);
    assert.match(faults('seal: { anchors: [{}] }'), /seal\.anchors\.0: must NOT have fewer/);
  });
});

describe('addresses', () => {
  it('are taken apart', () => {
    assert.deepEqual(parseListen('127.0.0.1:80'), { host: '127.0.0.1', port: 80 });
    assert.deepEqual(parseListen('[::1]:80'), { host: '::1', port: 80 });
  });

  it('are loopback or not', () => {
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) assert.ok(isLoopback(host), host);
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'localhost.example.net', '127.0.0.1.example.net'])
      assert.ok(!isLoopback(host), host);
  });
});
