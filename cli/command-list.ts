// SPDX-License-Identifier: Apache-2.0

/** The commands, in the order of the help. Only the one that is asked for is loaded: a daemon's libraries take time. */
import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Adds arguments, options, help and what is done to the command. */
  load(command: Command, version: string): Promise<void>;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'doctor',
    summary: 'check whether this host can be recorded, and what to do if not',
    load: async (command) => (await import('./commands/doctor.ts')).defineDoctor(command),
  },
  {
    name: 'run',
    summary: 'start a command as a recorded workload',
    load: async (command) => (await import('./commands/run.ts')).defineRun(command),
  },
  {
    name: 'token',
    summary: 'print a token of the identity that this workload acts for',
    load: async (command) => (await import('./commands/token.ts')).defineToken(command),
  },
  {
    name: 'whoami',
    summary: 'say as whom this process may act',
    load: async (command) => (await import('./commands/whoami.ts')).defineWhoami(command),
  },
  {
    name: 'credential',
    summary: 'answer kubectl, git or the Azure libraries with a token',
    load: async (command) => (await import('./commands/credential.ts')).defineCredential(command),
  },
  {
    name: 'policy',
    summary: 'say which policy matches a process, and why the others do not',
    load: async (command) => (await import('./commands/policy.ts')).definePolicy(command),
  },
  {
    name: 'sessions',
    summary: 'list what ran',
    load: async (command) => (await import('./commands/sessions.ts')).defineSessions(command),
  },
  {
    name: 'show',
    summary: 'show everything that a session or an identity did, in order',
    load: async (command) => (await import('./commands/show.ts')).defineShow(command),
  },
  {
    name: 'replay',
    summary: 'play a session as it happened, its terminals as they looked',
    load: async (command) => (await import('./commands/replay.ts')).defineReplay(command),
  },
  {
    name: 'identities',
    summary: 'list who acted, where and since when',
    load: async (command) => (await import('./commands/identities.ts')).defineIdentities(command),
  },
  {
    name: 'tail',
    summary: 'follow the record live',
    load: async (command) => (await import('./commands/tail.ts')).defineTail(command),
  },
  {
    name: 'query',
    summary: 'run SQL over the record',
    load: async (command) => (await import('./commands/query.ts')).defineQuery(command),
  },
  {
    name: 'export',
    summary: 'write the hashes of a sealed log as tiles that other tools read',
    load: async (command) => (await import('./commands/export.ts')).defineExport(command),
  },
  {
    name: 'coverage',
    summary: 'say what share of the bytes was read, and why the rest was not',
    load: async (command) => (await import('./commands/coverage.ts')).defineCoverage(command),
  },
  {
    name: 'verify',
    summary: 'hold the record, or a proof, to account: nothing changed, nothing missing',
    load: async (command) => (await import('./commands/verify.ts')).defineVerify(command),
  },
  {
    name: 'prove',
    summary: 'write a proof of an activity that needs nobody to be checked',
    load: async (command) => (await import('./commands/prove.ts')).defineProve(command),
  },
  {
    name: 'bundle',
    summary: 'write all of a session with its proofs, to be checked by anybody',
    load: async (command, version) => (await import('./commands/bundle.ts')).defineBundle(command, version),
  },
  {
    name: 'erase',
    summary: 'take the payload of somebody or something out of the record',
    load: async (command) => (await import('./commands/erase.ts')).defineErase(command),
  },
  {
    name: 'status',
    summary: 'say how agent and collector are',
    load: async (command) => (await import('./commands/status.ts')).defineStatus(command),
  },
  {
    name: 'agent',
    summary: 'record the workloads of this host (daemon)',
    load: async (command, version) => (await import('./commands/agent.ts')).defineAgent(command, version),
  },
  {
    name: 'collector',
    summary: 'take the records of agents into ClickHouse (daemon)',
    load: async (command, version) => (await import('./commands/collector.ts')).defineCollector(command, version),
  },
  {
    name: 'witness',
    summary: 'cosign the checkpoints of logs that only grow (daemon, for another machine)',
    load: async (command) => (await import('./commands/witness.ts')).defineWitness(command),
  },
];
