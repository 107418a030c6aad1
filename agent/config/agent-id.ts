// SPDX-License-Identifier: Apache-2.0

/** Which agent this is, for ever: the collector and the journal know it by this name. */
import { randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentConfig } from './agent-config.ts';

/**
 * The saved id; at the first start, the one that the collector gave in the certificate, else a new one.
 *
 * Errors   an Error when the certificate is of another agent than the journal
 */
export function readAgentId(config: AgentConfig): string {
  const file = join(config.state_dir, 'agent-id');
  // Empty when the power went while it was written: nothing is known by it then.
  const saved = readOrUndefined(file)?.trim() || undefined;
  const certified = config.collector === null ? undefined : commonNameOf(config.collector.certificate_file);
  if (saved !== undefined && certified !== undefined && saved !== certified) {
    throw new Error(
      `the certificate ${config.collector?.certificate_file} is for agent ${certified}, but ${config.state_dir} holds the record of agent ${saved}: ` +
        `have a certificate issued for ${saved}, or give this agent another state_dir`,
    );
  }
  if (saved !== undefined) return saved;
  const id = certified ?? randomUUID();
  writeFileSync(file, `${id}\n`, { mode: 0o600 });
  return id;
}

function commonNameOf(certificateFile: string): string {
  const subject = new X509Certificate(readFileSync(certificateFile)).subject;
  const name = /^CN=(.+)$/m.exec(subject)?.[1];
  if (name === undefined) throw new Error(`the certificate ${certificateFile} names no agent (its subject has no CN)`);
  return name;
}

function readOrUndefined(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
