// SPDX-License-Identifier: Apache-2.0

/** The shape of the configuration as JSON Schema, with its defaults: the only place that has them. */

const closed = (properties: Readonly<Record<string, object>>, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
/** A section that may be left out: its keys have defaults of their own. */
const section = (properties: Readonly<Record<string, object>>) => ({ ...closed(properties), default: {} });
const optional = (properties: Readonly<Record<string, object>>, required: readonly string[]) => ({
  anyOf: [{ type: 'null' }, closed(properties, required)],
  default: null,
});

const path = { type: 'string', minLength: 1 };
const bytes = (value: number, minimum: number) => ({ type: 'integer', minimum, maximum: 2 ** 40, default: value });
const count = (value: number, maximum: number) => ({ type: 'integer', minimum: 1, maximum, default: value });
const listen = (value: string) => ({
  type: 'string',
  pattern: '^(\\[[0-9a-fA-F:.]+\\]|[0-9A-Za-z.-]+):[0-9]{1,5}$',
  default: value,
});
const url = { type: 'string', pattern: '^https?://[^\\s/]+' };
const name = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' };

/** null: for ever. */
const days = (value: number | null) => ({ type: ['integer', 'null'], minimum: 1, maximum: 36_500, default: value });

export const collectorConfigSchema = section({
  state_dir: { ...path, default: '/var/lib/sworn/collector' },
  log_level: { enum: ['trace', 'debug', 'info', 'warn', 'error', 'fatal'], default: 'info' },
  ingest: section({
    listen: listen('127.0.0.1:7443'),
    certificate_names: { type: 'array', items: { type: 'string', minLength: 1, maxLength: 253 }, default: [] },
    tls: optional({ certificate_file: path, key_file: path, ca_file: path }, [
      'certificate_file',
      'key_file',
      'ca_file',
    ]),
    batch_bytes_max: bytes(64 << 20, 1 << 16),
    stream_bytes_max: bytes(64 << 20, 1 << 16),
    total_bytes_max: bytes(256 << 20, 1 << 16),
    insert_interval_ms: { type: 'integer', minimum: 0, maximum: 60_000, default: 100 },
    insert_retry_seconds: { type: 'integer', minimum: 0, maximum: 3600, default: 30 },
  }),
  store: section({
    embedded: section({ memory_bytes_max: bytes(4 * 2 ** 30, 512 << 20) }),
    server: optional(
      {
        url,
        username: { type: 'string', minLength: 1 },
        password_file: path,
        reader_username: { type: 'string', minLength: 1 },
        reader_password_file: path,
        ca_file: path,
        cluster: { type: 'string', minLength: 1 },
      },
      ['url', 'username'],
    ),
  }),
  rules: section({ pack: { type: 'boolean', default: true }, folders: { type: 'array', items: path, default: [] } }),
  alerts: section({
    webhooks: {
      type: 'array',
      default: [],
      items: closed({ name, url, secret_file: path, timeout_seconds: count(10, 120) }, ['name', 'url', 'secret_file']),
    },
  }),
  seal: section({
    key_file: { anyOf: [{ type: 'null' }, path], default: null },
    witnesses: {
      type: 'array',
      default: [],
      maxItems: 32,
      items: closed({ name, url, key: { type: 'string', minLength: 1 }, ca_file: path }, ['name', 'url', 'key']),
    },
    witnesses_required: { type: 'integer', minimum: 0, maximum: 32, default: 0 },
    anchors: {
      type: 'array',
      default: [],
      maxItems: 8,
      items: { ...closed({ file: path, folder: path }), minProperties: 1, maxProperties: 1 },
    },
  }),
  silence: section({
    seconds: count(15, 86_400),
    grace_seconds: { type: 'integer', minimum: 0, maximum: 86_400, default: 60 },
  }),
  retention: section({
    activities_days: days(null),
    payload_days: days(null),
    identities: {
      type: 'array',
      default: [],
      maxItems: 1000,
      items: closed({ identity: { type: 'string', minLength: 1, maxLength: 255 }, payload_days: days(null) }, [
        'identity',
      ]),
    },
    deliveries_days: days(90),
  }),
  api: section({
    listen: listen('127.0.0.1:7480'),
    tls: optional({ certificate_file: path, key_file: path }, ['certificate_file', 'key_file']),
    metrics_without_token: { type: 'boolean', default: false },
    query: section({
      seconds_max: count(30, 3600),
      rows_max: count(1_000_000, 1_000_000_000),
      result_bytes_max: bytes(256 << 20, 1 << 10),
      memory_bytes_max: bytes(2 ** 30, 32 << 20),
      at_once_max: count(4, 12),
    }),
    tails_max: count(32, 1000),
  }),
});
