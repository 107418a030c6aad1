// SPDX-License-Identifier: Apache-2.0

/** The agent's configuration, as the YAML file has it after defaults: agent/config/agent.example.yaml explains each. */

export interface AgentConfig {
  /** Where the journal, the agent's id and its keys are kept. */
  readonly state_dir: string;
  /** For what must not outlive a reboot: the control socket, environments of workloads. */
  readonly run_dir: string;
  readonly collector: CollectorTarget | null;
  readonly identities: readonly IdentityConfig[];
  readonly workloads: readonly WorkloadConfig[];
  readonly policies: readonly PolicyConfig[];
  readonly broker: BrokerConfig;
  readonly record: RecordConfig;
  readonly seal: SealConfig;
  readonly capture: CaptureConfig;
  readonly guard: GuardConfig;
  readonly tls: TlsConfig;
  readonly log_level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
}

export interface CollectorTarget {
  /** host:port */
  readonly address: string;
  readonly ca_file: string;
  readonly certificate_file: string;
  readonly key_file: string;
}

export interface IdentityConfig {
  readonly name: string;
  readonly tenant: string;
  readonly client_id: string;
  readonly object_id?: string;
  readonly kind: 'app' | 'agent' | 'agent-user' | 'host';
  /** An application has one of these four; without, the broker has no tokens for it, and it is recorded by its name. */
  readonly certificate?: {
    readonly key_file: string;
    readonly certificate_file: string;
    readonly send_chain?: boolean;
  };
  readonly pkcs11?: {
    readonly module: string;
    readonly token_label?: string;
    readonly key_label: string;
    readonly pin_file?: string;
    readonly certificate_file: string;
  };
  readonly federated?: { readonly token_file: string };
  readonly managed_identity?: { readonly client_id?: string };
  readonly identifier_uris?: readonly string[];
  /** Of an agent or an agent's user: the name of the application that vouches for it. */
  readonly blueprint?: string;
  /** Of an agent's user: its user principal name or object id. */
  readonly user?: string;
  readonly system_assigned?: boolean;
}

export interface WorkloadConfig {
  readonly name: string;
  /** Name of one of `identities`. */
  readonly identity: string;
  readonly select: readonly SelectConfig[];
  /** What tokens may be asked for: with them, the workload stands for a policy of its name that wants nothing but it. */
  readonly resources: readonly ResourceConfig[];
}

export type ResourceConfig = string | { readonly resource: string; readonly audiences?: readonly string[] };

/** Processes that match may have tokens of the identity for the resources. */
export interface PolicyConfig {
  readonly name: string;
  readonly match: MatchConfig;
  /** Name of one of `identities`. */
  readonly identity: string;
  readonly resources: readonly ResourceConfig[];
  readonly advertised_seconds_max?: number;
  readonly interfaces?: readonly ('app-service' | 'imds' | 'arc' | 'unix' | 'workload-identity')[];
}

/** All of it must hold. */
export interface MatchConfig {
  readonly workload?: string;
  readonly unit?: string;
  readonly cgroup?: string;
  readonly container_id?: string;
  readonly exe?: string;
  readonly exe_sha256?: string;
  /** By its name, instead of `uid`. */
  readonly user?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export type SelectConfig =
  | { readonly unit: string }
  | { readonly cgroup: string }
  | { readonly exe: string }
  | { readonly uid: number }
  | { readonly user: string }
  /** Started by `sworn run`, by one of these users. */
  | { readonly run: readonly string[] };

export interface BrokerConfig {
  readonly enabled: boolean;
  /** On 127.0.0.1. */
  readonly port: number;
  readonly authority: string;
  /** PEM file with the certificates to trust for the authority instead of the system's. */
  readonly authority_ca_file?: string;
  /** Where managed identities of this host are asked for. */
  readonly host_metadata: string;
  readonly imds: FlavourConfig;
  readonly arc: FlavourConfig;
  readonly workload_identity: WorkloadIdentityConfig;
}

/** Token files for workloads, signed by the broker as an issuer that applications in Entra trust. */
export interface WorkloadIdentityConfig {
  readonly enabled: boolean;
  /** https, without a slash at the end: where the operator publishes the issuer's documents. */
  readonly issuer?: string;
  /** PEM, or a credential of systemd. Left out: a key of the agent's own. */
  readonly key_file?: string;
}

/** A further flavour of managed identity, on 127.0.0.1. */
export interface FlavourConfig {
  readonly enabled: boolean;
  readonly port: number;
}

export interface RecordConfig {
  readonly request_bytes_max: number;
  readonly response_bytes_max: number;
  readonly heartbeat_seconds: number;
  readonly journal_bytes_max: number;
  readonly journal_days_max: number;
  readonly when_full: 'shed' | 'block';
}

/** Checkpoints of the record, signed by this agent. */
export interface SealConfig {
  /** Ed25519 in PEM, or a credential of systemd. Left out: a key of the agent's own, in state_dir. */
  readonly key_file?: string;
  readonly checkpoint_seconds: number;
  /** The line of the collector's key. Left out: the first one that is seen. */
  readonly collector_key?: string;
}

export interface CaptureConfig {
  readonly ring_bytes: number;
  readonly buffer_bytes: number;
  readonly poll_ms: number;
  readonly processes_max: number;
  readonly watch_syscalls: boolean;
  /** First bytes of each side of a connection that nobody decodes; 0: none. */
  readonly unknown_head_bytes: number;
  /** Which pipes and terminals are read, while a workload runs. */
  readonly streams: 'off' | 'terminals' | 'terminals_and_pipes';
}

export interface GuardConfig {
  /** true: the agent does not start on a host that cannot guard it. */
  readonly enabled: boolean | 'auto';
  /** Guarded beside the agent's own folders: absolute paths. */
  readonly files: readonly string[];
}

export interface TlsConfig {
  readonly enabled: boolean;
  /** 0: connections of a process with unknown images never wait. */
  readonly hold_ms: number;
  readonly canary_minutes: number;
}
