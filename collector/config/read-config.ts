// SPDX-License-Identifier: Apache-2.0

/** YAML text to configuration. Every fault is told at once, with its line, its key and what would be right. */
import { isIP } from 'node:net';
import { Ajv, type ErrorObject } from 'ajv';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { CollectorError } from '../model/error.ts';
import type { CollectorConfig } from './collector-config.ts';
import { collectorConfigSchema } from './schema.ts';

const validate = new Ajv({ useDefaults: true, allErrors: true, strict: false }).compile<CollectorConfig>(
  collectorConfigSchema,
);

/** A path into the document from a JSON pointer. */
function keysOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The line of a key, or of the nearest one above it that is in the file. */
function lineOf(document: Document, lines: LineCounter, keys: readonly string[]): number {
  for (let length = keys.length; length > 0; length--) {
    const node: unknown = document.getIn(keys.slice(0, length), true);
    if (isNode(node) && node.range != null) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

function causeOf(error: ErrorObject): string {
  switch (error.keyword) {
    case 'additionalProperties':
      return 'there is no such key';
    case 'required':
      return `"${error.params['missingProperty']}" is missing`;
    case 'enum':
      return `must be one of ${(error.params['allowedValues'] as string[]).join(', ')}`;
    case 'pattern':
      return error.instancePath.endsWith('/listen') ? 'must be address:port' : 'has not the right form';
    default:
      return error.message ?? 'is not right';
  }
}

function faultsOf(errors: readonly ErrorObject[], document: Document, lines: LineCounter): string[] {
  const faults = new Map<string, string>();
  for (const error of errors) {
    // `null` or a map: what is wrong with the map says more than that neither fits.
    if (error.keyword === 'anyOf' || (error.keyword === 'type' && error.params['type'] === 'null')) continue;
    const keys = keysOf(error.instancePath);
    if (error.keyword === 'additionalProperties') keys.push(String(error.params['additionalProperty']));
    const fault = `line ${lineOf(document, lines, keys)}: ${keys.join('.') || 'the file'}: ${causeOf(error)}`;
    faults.set(fault, fault);
  }
  return [...faults.values()];
}

/** `address:port` or `[address]:port` as its parts. */
export function parseListen(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) };
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function twiceNamed(named: readonly { readonly name: string }[]): string[] {
  const names = named.map(({ name }) => name);
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}

/** What the schema cannot see: keys that do not fit each other. */
function contradictionsOf(config: CollectorConfig): string[] {
  const faults: string[] = [];
  const { ingest, api, alerts, seal } = config;
  for (const [key, { listen }] of Object.entries({ ingest, api })) {
    if (parseListen(listen).port > 65_535) faults.push(`${key}.listen: a port is at most 65535`);
  }
  if (api.tls === null && !isLoopback(parseListen(api.listen).host)) {
    faults.push('api.listen: an address that others can reach needs api.tls');
  }
  if (ingest.batch_bytes_max > ingest.stream_bytes_max) {
    faults.push('ingest.stream_bytes_max: must be at least ingest.batch_bytes_max');
  }
  if (ingest.stream_bytes_max > ingest.total_bytes_max) {
    faults.push('ingest.total_bytes_max: must be at least ingest.stream_bytes_max');
  }
  if (seal.witnesses_required > seal.witnesses.length) {
    faults.push('seal.witnesses_required: there are fewer seal.witnesses');
  }
  for (const [key, named] of Object.entries({ 'alerts.webhooks': alerts.webhooks, 'seal.witnesses': seal.witnesses })) {
    faults.push(...twiceNamed(named).map((name) => `${key}: the name ${name} stands twice`));
  }
  return faults;
}

/**
 * `file` is for messages only.
 *
 * Errors   CollectorError `config_invalid`, with all faults
 */
export function readCollectorConfig(text: string, file: string): CollectorConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fail = (faults: readonly string[]): never => {
    throw new CollectorError('config_invalid', `${file} cannot be used:\n${faults.map((f) => `  ${f}`).join('\n')}`);
  };
  if (document.errors.length > 0) {
    fail(document.errors.map(({ pos, message }) => `line ${lines.linePos(pos[0]).line}: ${message}`));
  }
  const config: unknown = document.toJS({ maxAliasCount: 0 }) ?? {};
  if (!validate(config)) fail(faultsOf(validate.errors ?? [], document, lines));
  const contradictions = contradictionsOf(config as CollectorConfig);
  if (contradictions.length > 0) fail(contradictions);
  return config as CollectorConfig;
}
