// SPDX-License-Identifier: Apache-2.0

/** What recording needs beyond the host: files of the configuration, and a collector that answers. */
import { accessSync, constants, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { AgentConfig, CollectorTarget } from '../config/agent-config.ts';
import { selectionsOf } from '../config/selections.ts';
import { type Check, fail, ok, warn } from './check.ts';

const CONNECT_MS = 5000;
const FREE_BYTES_MIN = 1024 ** 3;

export async function configChecks(config: AgentConfig): Promise<Check[]> {
  const checks = [stateFolder(config), workloads(config), ...identityFiles(config)];
  checks.push(config.collector === null ? noCollector() : await collector(config.collector));
  return checks;
}

function stateFolder(config: AgentConfig): Check {
  try {
    mkdirSync(config.state_dir, { recursive: true, mode: 0o700 });
    accessSync(config.state_dir, constants.W_OK);
    const { bavail, bsize } = statfsSync(config.state_dir);
    const free = bavail * bsize;
    const found = `${config.state_dir}, ${Math.round(free / 1024 ** 2)} MiB free`;
    if (free > FREE_BYTES_MIN) return ok('state folder', found);
    return warn('state folder', found, 'Make room: the journal holds what the collector does not have yet.');
  } catch (error) {
    return fail('state folder', messageOf(error), 'Make it writable for the agent, or name another as state_dir.');
  }
}

function workloads(config: AgentConfig): Check {
  try {
    selectionsOf(config);
  } catch (error) {
    return fail('workloads', messageOf(error), 'Correct it under workloads.');
  }
  const count = config.workloads.length;
  if (count === 0) return warn('workloads', 'none', 'Nothing will be recorded: name at least one under workloads.');
  return ok('workloads', config.workloads.map(({ name }) => name).join(', '));
}

function identityFiles(config: AgentConfig): Check[] {
  return config.identities.flatMap(({ name, certificate, pkcs11, federated }) => {
    const files = [
      certificate?.key_file,
      pkcs11?.module,
      pkcs11?.pin_file,
      federated?.token_file,
      certificate?.certificate_file ?? pkcs11?.certificate_file,
    ].filter((file) => file !== undefined);
    // What systemd loads for the agent's unit is not there for others.
    const here = files.filter((file) => !/^(credential:|\$\{CREDENTIALS_DIRECTORY\})/.test(file));
    if (here.length === 0) return [];
    const check = `identity ${name}`;
    try {
      for (const file of here) accessSync(file, constants.R_OK);
      return [ok(check, here.at(-1) ?? '')];
    } catch (error) {
      return [fail(check, messageOf(error), 'The broker cannot ask Entra for tokens without its credential.')];
    }
  });
}

function noCollector(): Check {
  return warn('collector', 'none', 'The record stays in the journal: name a collector to query it.');
}

async function collector(target: CollectorTarget): Promise<Check> {
  let files: { ca: Buffer; cert: Buffer; key: Buffer };
  try {
    files = {
      ca: readFileSync(target.ca_file),
      cert: readFileSync(target.certificate_file),
      key: readFileSync(target.key_file),
    };
  } catch (error) {
    return fail('collector', messageOf(error), 'Have a certificate issued: sworn collector issue-certificate');
  }
  const at = target.address.lastIndexOf(':');
  const host = target.address.slice(0, at).replace(/^\[|\]$/g, '');
  const port = Number(target.address.slice(at + 1));
  const waits = (why: string): Check =>
    warn(
      'collector',
      `${target.address}: ${why}`,
      'Recording works; the record waits in the journal until the collector answers.',
    );
  return new Promise((resolve) => {
    let socket: TLSSocket;
    try {
      socket = connect({ ...files, host, port, servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['h2'] });
    } catch (error) {
      const next = 'One of its files holds no certificate or key: have a new one issued.';
      resolve(fail('collector', `${target.address}: ${messageOf(error)}`, next));
      return;
    }
    socket.on('secureConnect', () => {
      socket.destroy();
      resolve(ok('collector', `${target.address} answers`));
    });
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`no answer within ${CONNECT_MS / 1000} s`)));
    socket.on('error', (error) => resolve(waits(error.message)));
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
