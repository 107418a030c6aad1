// SPDX-License-Identifier: Apache-2.0

/** Requests to Kubernetes as HTTP would give them out, for tests. */
import type { Agreement, Exchange } from '../decoder.ts';
import { http1 } from '../http1/definition.ts';
import { type Run, runScript } from '../testing/run-script.ts';
import { normalised, type Script, type Step } from '../testing/script.ts';

export interface Said {
  readonly method?: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly requestFields?: Readonly<Record<string, unknown>>;
  readonly responseFields?: Readonly<Record<string, unknown>>;
  readonly requestType?: string;
  readonly responseType?: string;
  readonly request?: unknown;
  readonly response?: unknown;
  readonly statusCode?: number;
  readonly truncated?: boolean;
}

export const AUDITED = { 'audit-id': '6f0f8fd2-7a6e-4f5d-9f3e-0d5a3f2b1c4d' };

export function exchangeOf(said: Said): Exchange {
  const { method = 'GET', path, query, statusCode = 200 } = said;
  const isError = statusCode >= 400;
  return {
    operation: method,
    target: '10.0.0.1:6443',
    resource: path,
    statement: `${method} ${path}`,
    statementShape: `${method} ${path}`,
    parameters: query === undefined ? '' : JSON.stringify(query),
    request: payloadOf(said.request),
    response: payloadOf(said.response),
    status: isError ? 'error' : 'ok',
    errorCode: isError ? String(statusCode) : '',
    errorMessage: isError ? 'Some Reason' : '',
    requestBytes: 100,
    responseBytes: 200,
    truncated: said.truncated ?? false,
    attributes: {
      status_code: String(statusCode),
      request_headers: JSON.stringify(said.requestFields ?? {}),
      response_headers: JSON.stringify(said.responseFields ?? AUDITED),
      request_content_type: said.requestType ?? 'application/json',
      response_content_type: said.responseType ?? 'application/json',
    },
    requestAt: 1,
    requestEndAt: 2,
    responseAt: 3,
    responseEndAt: 4,
  };
}

function payloadOf(body: unknown): Exchange['request'] {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(textOf(body));
  return { bytes, totalBytes: bytes.length };
}

function textOf(body: unknown): string {
  if (body === undefined) return '';
  return typeof body === 'string' ? body : JSON.stringify(body);
}

/** A message of Protocol Buffers: numbers and texts, bytes and messages by their number. */
export function message(
  ...fields: readonly (readonly [number: number, value: number | string | Uint8Array])[]
): Buffer {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
      const bytes = Buffer.from(value);
      return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
    }),
  );
}

export function envelope(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('k8s\0'), message([1, message([1, apiVersion], [2, kind])], [2, raw])]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

/** What is said behind the upgrade of a capture, and what was agreed on. */
export function afterUpgrade(script: Script): { rest: Script; agreement: Agreement; protocol: string; upgrade: Run } {
  const upgrade = runScript(http1, normalised(script));
  const { handover, ownBytes } = upgrade;
  if (handover?.agreement === undefined) throw new Error('nothing was agreed on');
  const left = { ...ownBytes };
  const rest = script.map((step): Step => {
    if (step.kind !== 'bytes') return step;
    const taken = Math.min(left[step.from], step.bytes.length);
    left[step.from] -= taken;
    return { ...step, bytes: step.bytes.subarray(taken) };
  });
  return { rest: normalised(rest), agreement: handover.agreement, protocol: handover.protocol, upgrade };
}
