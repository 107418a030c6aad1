// SPDX-License-Identifier: Apache-2.0

/** The collector's configuration after defaults, as collector/collector.example.yaml explains it key by key. */

export interface CollectorConfig {
  readonly state_dir: string;
  readonly log_level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly ingest: IngestConfig;
  readonly store: StoreConfig;
  readonly rules: { readonly pack: boolean; readonly folders: readonly string[] };
  readonly alerts: { readonly webhooks: readonly WebhookConfig[] };
  readonly silence: { readonly seconds: number; readonly grace_seconds: number };
  readonly seal: SealConfig;
  readonly retention: RetentionConfig;
  readonly api: ApiConfig;
}

export interface IngestConfig {
  /** address:port; port 0 takes any. */
  readonly listen: string;
  readonly certificate_names: readonly string[];
  readonly tls: { readonly certificate_file: string; readonly key_file: string; readonly ca_file: string } | null;
  readonly batch_bytes_max: number;
  readonly stream_bytes_max: number;
  readonly total_bytes_max: number;
  readonly insert_interval_ms: number;
  readonly insert_retry_seconds: number;
}

/** Days; null: for ever. */
export interface RetentionConfig {
  readonly activities_days: number | null;
  readonly payload_days: number | null;
  readonly identities: readonly { readonly identity: string; readonly payload_days: number | null }[];
  readonly deliveries_days: number | null;
}

export interface StoreConfig {
  readonly embedded: { readonly memory_bytes_max: number };
  readonly server: ServerConfig | null;
}

export interface ServerConfig {
  readonly url: string;
  readonly username: string;
  readonly password_file?: string;
  readonly reader_username?: string;
  readonly reader_password_file?: string;
  readonly ca_file?: string;
  readonly cluster?: string;
}

export interface WebhookConfig {
  readonly name: string;
  readonly url: string;
  readonly secret_file: string;
  readonly timeout_seconds: number;
}

export interface SealConfig {
  /** PEM of an Ed25519 key; null: seal.key in state_dir, made at the first start. */
  readonly key_file: string | null;
  readonly witnesses: readonly WitnessAddress[];
  /** Without so many cosignatures of witnesses a checkpoint is told to lack them; it is stored all the same. */
  readonly witnesses_required: number;
  readonly anchors: readonly ({ readonly file: string } | { readonly folder: string })[];
}

export interface WitnessAddress {
  readonly name: string;
  readonly url: string;
  /** `<name>+<key id>+<base64>` of a cosignature key. */
  readonly key: string;
  readonly ca_file?: string;
}

export interface ApiConfig {
  readonly listen: string;
  readonly tls: { readonly certificate_file: string; readonly key_file: string } | null;
  readonly metrics_without_token: boolean;
  readonly query: {
    readonly seconds_max: number;
    readonly rows_max: number;
    readonly result_bytes_max: number;
    readonly memory_bytes_max: number;
    readonly at_once_max: number;
  };
  readonly tails_max: number;
}
