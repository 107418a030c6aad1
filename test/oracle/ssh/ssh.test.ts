// SPDX-License-Identifier: Apache-2.0

/**
 * A short core of `npm run test:ssh`: real clients against a real sshd, recorded by the real agent, compared with what the
 * forced command has seen and sshd has logged.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { cases } from '../../ssh/cases.ts';
import { type Ran, runCases } from '../../ssh/run-cases.ts';
import { PASSWORD } from '../../ssh/sshd.ts';
import { whyNoRecording } from '../recording/recording.ts';

const CORE = [
  ...[
    'exec',
    'exit status',
    'signal',
    'stderr',
    'stdin of 1 MiB',
    'terminal',
    'compression',
    'rekey',
    'ControlMaster',
    'sftp',
  ],
  ...['cipher aes256-gcm@openssh.com', 'cipher chacha20-poly1305@openssh.com', 'cipher aes256-cbc hmac-sha2-256'],
  ...['login by password', 'login by certificate', 'login refused', 'paramiko aes128-ctr', 'libssh2 by curl'],
];

describe('clients of SSH against sshd', { skip: whyNoRecording() }, () => {
  const wanted = cases.filter(({ name }) => CORE.includes(name));
  let ran: Ran;

  before(async () => {
    assert.equal(wanted.length, CORE.length);
    ran = await runCases(wanted);
  });

  for (const { name } of wanted) {
    test(name, () => {
      const row = ran.rows.find((one) => one.name === name);
      assert.deepEqual(row?.faults, []);
    });
  }

  test('of a terminal it is recorded what was typed and shown, and not what was typed unshown', () => {
    const far = ran.record.terminals.filter(({ kind }) => kind === 'ssh');
    const typed = Buffer.concat(far.map(({ input }) => input)).toString();
    assert.match(typed, /^echo said-.*stty size.*exit 5\n/s);
    assert.match(Buffer.concat(far.map(({ output }) => output)).toString(), /said-42.*first-11.*second-14/s);
    const hidden = far.reduce((sum, { hiddenBytes }) => sum + hiddenBytes, 0);
    assert.equal(hidden, 'unshown-one'.length + 'unshown-second'.length);
    for (const { input, output } of ran.record.terminals) {
      assert.doesNotMatch(`${input}${output}`, /unshown|hown-second/);
    }
  });

  test('the password is in no line', () => {
    const lines = ran.record.commands.map(({ request, response, ...row }) => [
      ...[request.toString('latin1'), response.toString('latin1'), row],
    ]);
    const text = JSON.stringify(lines, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    assert.ok(!text.includes(PASSWORD));
    assert.ok(!text.includes('wrong-word-1'));
  });
});
