// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { errorLine } from './log.ts';

/** What a program of its own prints on standard error: the log writes there, whatever this process has there. */
function printed(level: string, call: string): Record<string, unknown>[] {
  const script = `
    const { createLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))});
    const log = createLog(${JSON.stringify(level)});
    ${call}`;
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(stdout, '');
  return stderr
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it('is a JSON object a line on standard error, from its level on, written when the call returns', () => {
    const lines = printed('info', "log.debug('no'); log.info({ a: 1 }, 'yes'); process.kill(process.pid, 'SIGKILL');");
    assert.deepEqual(
      lines.map(({ msg, a }) => [msg, a]),
      [['yes', 1]],
    );
    assert.ok(!Number.isNaN(Date.parse(lines[0]?.['time'] as string)));
  });

  it('holds no secret that was handed to it by mistake', () => {
    const [line] = printed('info', "log.info({ token: 'hush1', broker: { secret: 'hush2', port: 1 } }, 'm');");
    assert.ok(!JSON.stringify(line).includes('hush'));
    assert.deepEqual(line?.['broker'], { secret: '[secret]', port: 1 });
  });

  it('has of an error what helps, and nothing that hangs on it', () => {
    const call =
      "log.error({ err: Object.assign(new Error('m'), { code: 'E1', response: { body: 'hush' } }) }, 'it failed');";
    const [line] = printed('info', call);
    const err = line?.['err'] as { code: string; at: string[] };
    assert.equal(err.code, 'E1');
    assert.match(err.at[0] as string, /^at /);
    assert.ok(!JSON.stringify(line).includes('hush'));
  });
});

describe('an error in the log', () => {
  it('is cut, and so are its causes', () => {
    const quoted = `near "${'SELECT hush '.repeat(100_000)}"`;
    const line = errorLine(new Error(quoted, { cause: new TypeError(quoted, { cause: 'text' }) }));
    assert.equal(line.cause?.type, 'TypeError');
    assert.deepEqual(line.cause?.cause, { type: 'string', message: 'text' });
    assert.ok(JSON.stringify(line).length < 10_000);
  });

  it('that is its own cause has an end', () => {
    const error = new Error('round');
    error.cause = error;
    assert.ok(JSON.stringify(errorLine(error)).length < 20_000);
  });
});
