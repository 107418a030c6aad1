// SPDX-License-Identifier: Apache-2.0

/** A witness, put together. People use `sworn witness`. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { destination, pino } from 'pino';
import { lockFolder } from './folder-lock.ts';
import { LogStates } from './log-states.ts';
import { Witness } from './witness.ts';
import { knownLogs, type WitnessConfig } from './witness-config.ts';
import { WitnessError } from './witness-error.ts';
import { LOGS_FOLDER, readOrMakeKey, witnessKeyLine } from './witness-key.ts';
import { WitnessServer } from './witness-server.ts';

export interface RunningWitness {
  readonly url: string;
  /** `<name>+<key id>+<base64>`: what those who trust it are given. */
  readonly keyLine: string;
  stop(): Promise<void>;
}

export type WitnessLog = (level: 'info' | 'warn' | 'error', message: string, detail: object) => void;

/** What is logged as the fault of somebody; the rest happens every day. */
const GRAVE = new Set(['other_root', 'not_grown', 'failed']);
const EVERYDAY = new Set(['cosigned', 'stale']);

/** Its key line; the key is made when there is none. Errors: WitnessError. */
export function keyLineOf(config: WitnessConfig): string {
  const { release, privateKey } = openState(config);
  release();
  return witnessKeyLine(config.name, privateKey);
}

function openState({ state_dir }: WitnessConfig) {
  try {
    mkdirSync(state_dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new WitnessError('state_unusable', `${state_dir}: ${(cause as Error).message}`, { cause });
  }
  const release = lockFolder(state_dir);
  try {
    const privateKey = readOrMakeKey(state_dir);
    return { release, privateKey, states: new LogStates(join(state_dir, LOGS_FOLDER)) };
  } catch (error) {
    release();
    throw error;
  }
}

/** Logs can ask when this resolves. Errors: WitnessError, with what is wrong. */
export async function startWitness(config: WitnessConfig, log: WitnessLog): Promise<RunningWitness> {
  const logs = knownLogs(config);
  const { release, privateKey, states } = openState(config);
  try {
    for (const { origin } of logs) {
      try {
        states.last(origin);
      } catch (error) {
        log('error', 'nothing is signed for this log until its state can be read', { origin, err: error });
      }
    }
    const keyLine = witnessKeyLine(config.name, privateKey);
    const server = new WitnessServer({
      witness: new Witness({ name: config.name, privateKey, logs, states }),
      keyLine,
      logs: logs.length,
      tls: tlsOf(config),
      onOutcome: (outcome, detail) => {
        if (EVERYDAY.has(outcome)) return;
        log(GRAVE.has(outcome) ? 'error' : 'warn', 'a checkpoint was not cosigned', { outcome, ...detail });
      },
    });
    const at = config.listen.lastIndexOf(':');
    const host = config.listen.slice(0, at).replace(/^\[(.*)\]$/, '$1');
    const port = await listening(server, host, Number(config.listen.slice(at + 1)));
    const url = `${config.tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    log('info', 'the witness is ready', { url, key: keyLine, logs: logs.length });
    return {
      url,
      keyLine,
      async stop() {
        await server.stop();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

async function listening(server: WitnessServer, host: string, port: number): Promise<number> {
  try {
    return await server.start(host, port);
  } catch (cause) {
    throw new WitnessError('config_invalid', `listen: ${(cause as Error).message}`, { cause });
  }
}

function tlsOf({ tls }: WitnessConfig) {
  if (tls === null) return undefined;
  try {
    return {
      certificatePem: readFileSync(tls.certificate_file, 'utf8'),
      privateKeyPem: readFileSync(tls.key_file, 'utf8'),
    };
  } catch (cause) {
    throw new WitnessError('config_invalid', `tls: ${(cause as Error).message}`, { cause });
  }
}

/** Run until SIGTERM or SIGINT. */
export async function serveWitness(config: WitnessConfig): Promise<void> {
  const logger = pino({ base: { part: 'witness' } }, destination({ fd: 2, sync: true }));
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const running = await startWitness(config, (level, message, detail) => logger[level](detail, message));
  logger.info({ signal: await signalled }, 'stopping');
  await running.stop();
}
