// SPDX-License-Identifier: Apache-2.0

/** What recording needs beyond the host: files of the configuration, and a collector that answers. */
import { accessSync, constants, mkdirSync, readFileSync, type Stats, statfsSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import type { AgentConfig, CollectorTarget } from '../config/agent-config.ts';
import { selectionsOf } from '../config/selections.ts';
import { readSealKey, SealKeyError, sealKeyPath } from '../seal/seal-key.ts';
import { type Check, fail, ok, warn } from './check.ts';

const CONNECT_MS = 5000;
const FREE_BYTES_MIN = 1024 ** 3;
const WITHOUT_KEY = 'Without it the agent records unsealed, and a collector that knows its key refuses it.';

export async function configChecks(config: AgentConfig): Promise<Check[]> {
  const checks = [stateFolder(config), await sealKey(config), workloads(config), ...identityFiles(config)];
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

function isCredential(file: string): boolean {
  return /^(credential:|\$\{CREDENTIALS_DIRECTORY\})/.test(file);
}

/** Who can read this key can sign in the agent's name; who can write it, or its folder, can make the collector refuse it. */
async function sealKey({ seal: { key_file }, state_dir }: AgentConfig): Promise<Check> {
  const name = 'seal key';
  try {
    const file = key_file === undefined ? join(state_dir, 'seal.key') : sealKeyPath(key_file);
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined && key_file === undefined) return ok(name, `${file} is made at the first start`);
    await readSealKey(file);
    return placeOf(name, file, found!, state_dir, key_file === undefined);
  } catch (error) {
    if (key_file !== undefined && isCredential(key_file) && !process.env['CREDENTIALS_DIRECTORY'])
      return ok(name, `${key_file}, which systemd loads for the unit`);
    const next = 'Put the right key there, in PEM and for its owner only (0600). ';
    return fail(name, messageOf(error), `${error instanceof SealKeyError ? next : ''}${WITHOUT_KEY}`);
  }
}

/** Whose a key is that can be read, and who else gets at it. */
function placeOf(name: string, file: string, found: Stats, stateDir: string, isOwn: boolean): Check {
  const folder = dirname(file);
  const { mode, uid } = statSync(folder);
  const shown = `${file}, mode ${(found.mode & 0o777).toString(8).padStart(4, '0')}, of user ${found.uid}`;
  if (isOwn && (found.mode & 0o077) !== 0)
    return fail(name, shown, `The agent takes no key that others may use: chmod 0600 ${file}. ${WITHOUT_KEY}`);
  if ((found.mode & 0o022) !== 0) return warn(name, shown, `Others may put another key there: chmod go-w ${file}`);
  const agentUid = statSync(stateDir, { throwIfNoEntry: false })?.uid ?? uid;
  if (![0, agentUid, process.getuid?.()].includes(found.uid))
    return warn(name, shown, `It is neither root's nor the agent's: chown ${agentUid} ${file}`);
  // In a folder with the sticky bit nobody takes away what is another's.
  if ((mode & 0o022) !== 0 && (mode & 0o1000) === 0)
    return warn(name, `${shown}, where others may write`, `Others may put another key there: chmod go-w ${folder}`);
  return ok(name, shown);
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
    const here = files.filter((file) => !isCredential(file));
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
