// SPDX-License-Identifier: Apache-2.0

/** What the tests of HTTP/1 share: scripts in short, captures by name, and what must hold of every run. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import type { Exchange, ProtocolDefinition, Side } from '../decoder.ts';
import { type Capture, readCapture } from '../testing/capture-file.ts';
import { checkScript } from '../testing/check-script.ts';
import type { Run, RunOptions } from '../testing/run-script.ts';
import { type Script, type Step, sends } from '../testing/script.ts';
import { http1 } from './definition.ts';

const CAPTURES = new URL('./captures/', import.meta.url);

export function captureNames(): string[] {
  return readdirSync(CAPTURES).map((file) => file.replace('.jsonl', ''));
}

export function captured(name: string): Capture {
  return readCapture(new URL(`${name}.jsonl`, CAPTURES));
}

/** Lines as HTTP ends them, and the empty line; what follows the last line break of `text` is the body. */
export function asks(head: string, body = ''): Step {
  return sends('client', `${head.replaceAll('\n', '\r\n')}\r\n\r\n`, body);
}

export function replies(head: string, body = ''): Step {
  return sends('server', `${head.replaceAll('\n', '\r\n')}\r\n\r\n`, body);
}

/**
 * HTTP/1 that checks itself at the end: bytes of exchanges are the bytes decoded or cut, and bytes in trouble are those
 * not understood. Use it in place of the definition.
 */
export const accounted: ProtocolDefinition = {
  ...http1,
  create(bounds, sink, opening) {
    const given: Record<Side, number> = { client: 0, server: 0 };
    const troubled: Record<Side, number> = { client: 0, server: 0 };
    const decoder = http1.create(
      bounds,
      {
        ...sink,
        exchange(exchange) {
          given.client += exchange.requestBytes;
          given.server += exchange.responseBytes;
          checkExchange(exchange);
          sink.exchange(exchange);
        },
        handover(protocol, consumedBytes, agreement) {
          given.client += agreement?.unanswered?.requestBytes ?? 0;
          given.server += agreement?.unanswered?.responseBytes ?? 0;
          sink.handover(protocol, consumedBytes, agreement);
        },
        trouble(from, reason, bytes) {
          // Of a gap, the bytes are those that were missed.
          if (!reason.startsWith('gap-')) troubled[from] += bytes;
          sink.trouble(from, reason, bytes);
        },
      },
      opening,
    );
    const ended = new Set<Side>();
    return {
      counts: decoder.counts,
      get heldBytes() {
        return decoder.heldBytes;
      },
      push: (from, bytes, at) => decoder.push(from, bytes, at),
      gap: (from, missingBytes, at) => decoder.gap(from, missingBytes, at),
      end(from, at) {
        decoder.end(from, at);
        if (ended.add(from).size < 2) return;
        for (const side of ['client', 'server'] as const) {
          const { decoded, cut, notUnderstood } = decoder.counts[side];
          assert.equal(given[side], decoded + cut, `bytes of the exchanges (${side})`);
          assert.equal(troubled[side], notUnderstood, `bytes in trouble (${side})`);
        }
      },
    };
  },
};

function checkExchange(exchange: Exchange): void {
  assert.ok(exchange.requestAt <= exchange.requestEndAt, 'the request ends before it begins');
  assert.ok(exchange.responseAt <= exchange.responseEndAt, 'the reply ends before it begins');
  for (const { bytes, totalBytes, sha256 } of [exchange.request, exchange.response]) {
    assert.ok(totalBytes >= 0 && bytes.length >= 0);
    if (sha256 !== undefined) assert.ok(exchange.truncated, 'a hash without a cut');
  }
  JSON.parse(exchange.parameters === '' || exchange.truncated ? '{}' : exchange.parameters);
  JSON.parse(exchange.attributes['request_headers'] ?? '{}');
  JSON.parse(exchange.attributes['response_headers'] ?? '{}');
}

/** Run a script in every cut, with the accounts checked. */
export function check(script: Script, options: RunOptions = {}): Run {
  return checkScript(accounted, script, options);
}

/** The only exchange of a run. */
export function only(run: Run): Exchange {
  assert.equal(run.exchanges.length, 1, JSON.stringify(run.exchanges.map(brief)));
  return run.exchanges[0]!;
}

/** An exchange in a line: statement, status code, body of the reply. */
export function brief(exchange: Exchange): string {
  const code = exchange.attributes['status_code'] ?? '-';
  return `${exchange.statement || '(none)'} -> ${code} ${text(exchange.response.bytes)}`.trimEnd();
}

export function briefs(run: Run): string[] {
  return run.exchanges.map(brief);
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

export function headers(exchange: Exchange, which: 'request' | 'response'): Record<string, string | string[]> {
  return JSON.parse(exchange.attributes[`${which}_headers`] ?? '{}');
}

/** Every text and byte that a run gave out, but for the credentials that it handed over. */
export function everythingSaid(run: Run): string {
  const said = run.exchanges.map((exchange) => ({
    ...exchange,
    request: text(exchange.request.bytes),
    response: text(exchange.response.bytes),
  }));
  return JSON.stringify({ said, troubles: run.troubles, handover: run.handover });
}
