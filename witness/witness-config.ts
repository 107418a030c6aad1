// SPDX-License-Identifier: Apache-2.0

/** The configuration of a witness, as witness/witness.example.yaml explains it key by key. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { NoteError, type NoteVerifier, parseVerifier } from '../proto/log/note.ts';
import { stateFileName } from './log-states.ts';
import type { KnownLog } from './witness.ts';
import { WitnessError } from './witness-error.ts';

export interface WitnessConfig {
  /** address:port; port 0 takes any. */
  readonly listen: string;
  readonly state_dir: string;
  /** Of its key: by convention an address without scheme. */
  readonly name: string;
  readonly tls: { readonly certificate_file: string; readonly key_file: string } | null;
  /** Key lines of logs. */
  readonly logs: readonly string[];
  /** Files with a key line a line. */
  readonly log_files: readonly string[];
}

const path = { type: 'string', minLength: 1 };
const validate = new Ajv({ useDefaults: true, allErrors: true, strict: false }).compile<WitnessConfig>({
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  properties: {
    listen: {
      type: 'string',
      pattern: '^(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+):[0-9]{1,5}$',
      default: '127.0.0.1:7490',
    },
    state_dir: { ...path, default: '/var/lib/sworn/witness' },
    name: { type: 'string', pattern: '^[^\\s+]{1,200}$' },
    tls: {
      anyOf: [
        { type: 'null' },
        {
          type: 'object',
          additionalProperties: false,
          required: ['certificate_file', 'key_file'],
          properties: { certificate_file: path, key_file: path },
        },
      ],
      default: null,
    },
    logs: { type: 'array', items: { type: 'string' }, default: [] },
    log_files: { type: 'array', items: path, default: [] },
  },
});

/** `file` is for messages. Errors: WitnessError `config_invalid`, with all faults. */
export function readWitnessConfig(text: string, file: string): WitnessConfig {
  const fail = (faults: readonly string[]): never => {
    throw new WitnessError('config_invalid', `${file} cannot be used:\n${faults.map((f) => `  ${f}`).join('\n')}`);
  };
  let config: unknown;
  try {
    config = parse(text, { maxAliasCount: 0 }) ?? {};
  } catch (error) {
    return fail([(error as Error).message.split('\n', 1)[0] ?? '']);
  }
  if (validate(config)) return config;
  return fail(
    (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const unknown = (params as { additionalProperty?: string }).additionalProperty;
      const key = instancePath.slice(1).replaceAll('/', '.');
      return `${key === '' ? 'the file' : key}: ${unknown === undefined ? message : `there is no key ${unknown}`}`;
    }),
  );
}

/**
 * The logs of the configuration and of the files that it names. Several keys of one origin are several keys of one log.
 * A file may have all keys that a collector prints: those that cosign are passed over there.
 *
 * Errors   WitnessError `config_invalid`, with the place of each line that is no key of a log
 */
export function knownLogs({ logs, log_files }: WitnessConfig): KnownLog[] {
  const faults: string[] = [];
  const known = new Map<string, NoteVerifier[]>();
  const add = (line: string, place: string, passOver: boolean): void => {
    try {
      const verifier = parseVerifier(line);
      if (verifier.kind !== 'ed25519' && passOver) return;
      if (verifier.kind !== 'ed25519') throw new NoteError('It is the key of a witness, not of a log.');
      stateFileName(verifier.name);
      const verifiers = known.get(verifier.name) ?? [];
      if (!verifiers.some(({ keyId }) => keyId === verifier.keyId)) verifiers.push(verifier);
      known.set(verifier.name, verifiers);
    } catch (error) {
      if (!(error instanceof NoteError || error instanceof WitnessError)) throw error;
      faults.push(`${place}: ${error.message}`);
    }
  };
  for (const [i, line] of logs.entries()) add(line, `logs.${i}`, false);
  for (const file of log_files) {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      faults.push(`log_files: ${(error as Error).message}`);
      continue;
    }
    for (const [i, line] of text.split('\n').entries()) {
      if (line.trim() !== '' && !line.startsWith('#')) add(line, `${file}:${i + 1}`, true);
    }
  }
  if (faults.length > 0) throw new WitnessError('config_invalid', faults.join('\n'));
  return [...known].map(([origin, verifiers]) => ({ origin, verifiers }));
}
