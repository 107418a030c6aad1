// SPDX-License-Identifier: Apache-2.0

/** What a configuration file may say (JSON Schema), with the defaults; agent.example.yaml is held equal to them by a test. */

const guid = {
  type: 'string',
  pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
  errorHint: 'a GUID like 11111111-2222-3333-4444-555555555555',
};
const name = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  errorHint: 'letters, digits, dots, dashes and underscores, at most 64',
};
const file = { type: 'string', minLength: 1 };
const text = { type: 'string', minLength: 1, maxLength: 256 };
const port = { type: 'integer', minimum: 0, maximum: 65535 };
const userId = { type: 'integer', minimum: 0, maximum: 4294967294 };
const unit = {
  type: 'string',
  pattern: '^[^/]+\\.(service|slice|scope)$',
  errorHint: 'a unit name like x.service',
};
const sha256 = { type: 'string', pattern: '^[0-9a-fA-F]{64}$', errorHint: '64 hexadecimal digits' };
const path = { type: 'string', pattern: '^/', errorHint: 'an absolute path' };

function object(properties: Record<string, object>, required: readonly string[] = []): object {
  return { type: 'object', additionalProperties: false, properties, required };
}

const resources = {
  type: 'array',
  items: {
    ...object(
      {
        resource: { type: 'string', minLength: 1 },
        audiences: { type: 'array', items: { type: 'string', minLength: 1 } },
      },
      ['resource'],
    ),
    type: ['string', 'object'],
    minLength: 1,
  },
};

export const agentConfigSchema = object({
  state_dir: { ...path, default: '/var/lib/sworn/agent' },
  run_dir: { ...path, default: '/run/sworn' },
  collector: {
    ...object(
      {
        address: {
          type: 'string',
          pattern: '^(\\[[0-9a-fA-F:]+\\]|[^:\\s]+):\\d{1,5}$',
          errorHint: 'host:port',
        },
        ca_file: file,
        certificate_file: file,
        key_file: file,
      },
      ['address', 'ca_file', 'certificate_file', 'key_file'],
    ),
    type: ['object', 'null'],
    default: null,
  },
  identities: {
    type: 'array',
    default: [],
    items: object(
      {
        name,
        tenant: guid,
        client_id: guid,
        object_id: guid,
        kind: { enum: ['app', 'agent', 'agent-user', 'host'], default: 'app' },
        certificate: object({ key_file: file, certificate_file: file, send_chain: { type: 'boolean' } }, [
          'key_file',
          'certificate_file',
        ]),
        pkcs11: object({ module: path, token_label: text, key_label: text, pin_file: file, certificate_file: file }, [
          'module',
          'key_label',
          'certificate_file',
        ]),
        federated: object({ token_file: file }, ['token_file']),
        managed_identity: object({ client_id: guid }),
        identifier_uris: { type: 'array', items: text },
        blueprint: name,
        user: text,
        system_assigned: { type: 'boolean' },
      },
      ['name', 'tenant', 'client_id'],
    ),
  },
  workloads: {
    type: 'array',
    default: [],
    items: object(
      {
        name,
        identity: name,
        select: {
          type: 'array',
          minItems: 1,
          items: {
            ...object({
              unit,
              cgroup: path,
              exe: path,
              uid: userId,
              user: { type: 'string', minLength: 1 },
              run: { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } },
            }),
            minProperties: 1,
            maxProperties: 1,
          },
        },
        resources: { ...resources, default: [] },
      },
      ['name', 'identity', 'select'],
    ),
  },
  policies: {
    type: 'array',
    default: [],
    items: object(
      {
        name,
        match: {
          ...object({
            workload: name,
            unit,
            cgroup: path,
            container_id: sha256,
            exe: path,
            exe_sha256: sha256,
            user: { type: 'string', minLength: 1 },
            uid: userId,
            gid: userId,
          }),
          minProperties: 1,
        },
        identity: name,
        resources: { ...resources, minItems: 1 },
        advertised_seconds_max: { type: 'integer', minimum: 300, maximum: 86400 },
        interfaces: {
          type: 'array',
          minItems: 1,
          uniqueItems: true,
          items: { enum: ['app-service', 'imds', 'arc', 'unix', 'workload-identity'] },
        },
      },
      ['name', 'match', 'identity', 'resources'],
    ),
  },
  broker: {
    ...object({
      enabled: { type: 'boolean', default: true },
      port: { ...port, default: 40380 },
      authority: {
        type: 'string',
        pattern: '^https://[^/]+/?$',
        default: 'https://login.microsoftonline.com',
        errorHint: 'an https origin',
      },
      authority_ca_file: file,
      host_metadata: {
        type: 'string',
        pattern: '^http://(169\\.254|127\\.0)\\.\\d{1,3}\\.\\d{1,3}(:\\d{1,5})?$',
        default: 'http://169.254.169.254',
        errorHint: 'http and an address of this host, such as http://169.254.169.254',
      },
      imds: {
        ...object({ enabled: { type: 'boolean', default: false }, port: { ...port, default: 40381 } }),
        default: {},
      },
      arc: {
        ...object({ enabled: { type: 'boolean', default: false }, port: { ...port, default: 40342 } }),
        default: {},
      },
      workload_identity: {
        ...object({
          enabled: { type: 'boolean', default: false },
          issuer: {
            type: 'string',
            pattern: '^https://[A-Za-z0-9.-]+(:\\d{1,5})?(/[A-Za-z0-9._~-]+)*$',
            maxLength: 600,
            errorHint: 'an https URL without a slash at its end',
          },
          key_file: file,
        }),
        default: {},
      },
    }),
    default: {},
  },
  record: {
    ...object({
      request_bytes_max: { type: 'integer', minimum: 1024, maximum: 1073741824, default: 16777216 },
      response_bytes_max: { type: 'integer', minimum: 0, maximum: 1073741824, default: 1048576 },
      heartbeat_seconds: { type: 'integer', minimum: 1, maximum: 3600, default: 30 },
      journal_bytes_max: { type: 'integer', minimum: 16777216, default: 4294967296 },
      journal_days_max: { type: 'integer', minimum: 0, maximum: 3650, default: 0 },
      when_full: { enum: ['shed', 'block'], default: 'shed' },
    }),
    default: {},
  },
  seal: {
    ...object({
      key_file: file,
      checkpoint_seconds: { type: 'integer', minimum: 1, maximum: 3600, default: 10 },
      collector_key: {
        type: 'string',
        pattern: '^sworn/[^\\s+]+\\+[0-9a-f]{8}\\+[A-Za-z0-9+/]+={0,2}$',
        maxLength: 512,
        errorHint: 'a line like sworn/NAME+0123abcd+BASE64',
      },
    }),
    default: {},
  },
  capture: {
    ...object({
      ring_bytes: { type: 'integer', minimum: 65536, maximum: 1073741824, default: 16777216 },
      buffer_bytes: { type: 'integer', minimum: 524288, maximum: 1073741824, default: 67108864 },
      poll_ms: { type: 'integer', minimum: 1, maximum: 50, default: 20 },
      processes_max: { type: 'integer', minimum: 64, maximum: 4194304, default: 65536 },
      watch_syscalls: { type: 'boolean', default: false },
      unknown_head_bytes: { type: 'integer', minimum: 0, maximum: 65536, default: 4096 },
      streams: { enum: ['off', 'terminals', 'terminals_and_pipes'], default: 'terminals' },
    }),
    default: {},
  },
  guard: {
    ...object({
      enabled: { enum: [true, false, 'auto'], default: 'auto' },
      files: { type: 'array', items: { type: 'string', pattern: '^/' }, maxItems: 32, default: [] },
    }),
    default: {},
  },
  tls: {
    ...object({
      enabled: { type: 'boolean', default: true },
      hold_ms: { type: 'integer', minimum: 0, maximum: 5000, default: 200 },
      canary_minutes: { type: 'integer', minimum: 1, maximum: 1440, default: 10 },
    }),
    default: {},
  },
  log_level: { enum: ['trace', 'debug', 'info', 'warn', 'error'], default: 'info' },
});
