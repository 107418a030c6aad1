// SPDX-License-Identifier: Apache-2.0

/** Files of an agent that is not root, as its unit has it: it may give them to groups that it is in, and to nobody else. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';

const AGENT = 65_533;
const WORKLOAD = 65_532;
const GROUP = 65_531;
const skip = process.getuid?.() === 0 ? false : 'becoming another user wants root';

/** Writes one file, says what came of it, and ends without taking it away. */
const WRITER = `
import { openIssuer } from ${JSON.stringify(join(import.meta.dirname, 'issuer.ts'))};
import { openWorkloadFiles } from ${JSON.stringify(join(import.meta.dirname, 'workload-files.ts'))};
const [folder, uid, gid] = process.argv.slice(1);
const clock = { wallMs: Date.now, monotonicMs: () => performance.now() };
const silent = { info() {}, warn() {}, error() {} };
const issuer = await openIssuer({ url: 'https://i.example', keys: { kind: 'own', path: folder + '/keys.json' }, clock });
const counts = { workloadFilesUnwritten: 0 };
const files = openWorkloadFiles({ folder: folder + '/federated', issuer, clock, log: silent, counts, onSigned() {} });
const owner = { uid: Number(uid), gid: Number(gid) };
try {
  await files.set([{ workload: 'reports', policy: {}, identity: {}, owner }]);
  console.log('written');
} catch (error) {
  console.log(error.code, counts.workloadFilesUnwritten);
}
process.exit(0);
`;

describe('a token file of an agent that is not root', { skip }, () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-files-'));
    chownSync(folder, AGENT, AGENT);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(uid: number, gid: number): string {
    const as = ['setpriv', `--reuid=${AGENT}`, `--regid=${AGENT}`, `--groups=${GROUP}`];
    const [file = '', ...words] = [
      ...as,
      process.execPath,
      '--input-type=module',
      '-e',
      WRITER,
      folder,
      String(uid),
      String(gid),
    ];
    const { stdout, stderr } = spawnSync(file, words, { encoding: 'utf8' });
    return stdout.trim() || stderr;
  }
  const at = (): string => join(folder, 'federated/reports.jwt');

  test('is for the group of its reader, when the agent is in it', () => {
    assert.equal(write(WORKLOAD, GROUP), 'written');
    const { uid, gid, mode } = statSync(at());
    assert.deepEqual([uid, gid, mode & 0o777], [AGENT, GROUP, 0o440]);
  });

  test('is not there when the agent is not: it would be nobody’s or everybody’s', () => {
    assert.equal(write(WORKLOAD, WORKLOAD), 'SWORN_BROKER_WORKLOAD_FILE 1');
    assert.deepEqual(readdirSync(join(folder, 'federated')), []);
  });

  test('for root stays its own: root reads it anyway', () => {
    assert.equal(write(0, 0), 'written');
    const { uid, mode } = statSync(at());
    assert.deepEqual([uid, mode & 0o777], [AGENT, 0o400]);
  });
});
