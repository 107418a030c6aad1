// SPDX-License-Identifier: Apache-2.0

/**
 * Exercises: a small program of ours derives keys of TLS in exactly the file that has probes. Whether the probe saw it is
 * for the caller to say.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** How a file is exercised: as a library that is loaded, as a Node that runs a script, or not at all. */
export type Exercise = 'load' | 'node' | 'none';

/** 'derived': it was done, the probe must have seen it. 'impossible': the file could not be brought to it. */
export type ExerciseOutcome = 'derived' | 'impossible';

export interface CanaryRun {
  readonly exercise: Exercise;
  readonly path: string;
  /** Called with the pid before the process does anything. */
  readonly onStarted: (pid: number) => void;
}

const CANARY = join(import.meta.dirname, '../../native/build/Release/sworn-canary');
const MS_MAX = 15_000;
/** Nobody: what is exercised needs no right at all. */
const UNPRIVILEGED_ID = 65534;

/** A handshake with itself, in memory, without certificates. Waits for its standard input to end. */
const NODE_HANDSHAKE = `
const { Duplex } = require('stream');
const tls = require('tls');
const end = () => new Duplex({ read() {}, write(bytes, _, done) { this.other.push(bytes); done(); } });
const near = end();
const far = end();
near.other = far;
far.other = near;
const version = 'TLSv1.2';
const options = { minVersion: version, maxVersion: version, ciphers: 'PSK-AES128-GCM-SHA256', checkServerIdentity() {} };
const psk = Buffer.alloc(16, 90);
process.stdin.on('end', () => {
  require('crypto').createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  new tls.TLSSocket(far, { ...options, isServer: true, pskCallback: () => psk });
  const client = { ...options, socket: near, pskCallback: () => ({ psk, identity: 'canary' }) };
  tls.connect(client, () => process.exit(0)).on('error', () => process.exit(5));
}).resume();
`;

/** Errors: none; what does not come to a derivation in time is 'impossible'. */
export async function exercise(run: CanaryRun): Promise<ExerciseOutcome> {
  if (run.exercise === 'none') return 'impossible';
  const isRoot = process.getuid?.() === 0;
  // A file that only the administrator may read can still be exercised by the agent's own user.
  for (const unprivileged of isRoot ? [true, false] : [false])
    if ((await exitOf(run, unprivileged)) === 0) return 'derived';
  return 'impossible';
}

function exitOf(run: CanaryRun, unprivileged: boolean): Promise<number | undefined> {
  const [program, args] = [
    CANARY,
    run.exercise === 'node' ? ['--run', run.path, '-e', NODE_HANDSHAKE] : [run.path],
  ] as const;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: '/',
      env: {},
      stdio: ['pipe', 'ignore', 'ignore'],
      timeout: MS_MAX,
      killSignal: 'SIGKILL',
      ...(unprivileged ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {}),
    });
    child.once('error', () => resolve(undefined));
    child.once('exit', (code) => resolve(code ?? undefined));
    // It may be gone before it has read anything.
    child.stdin?.on('error', () => undefined);
    if (child.pid !== undefined) run.onStarted(child.pid);
    child.stdin?.end();
  });
}
