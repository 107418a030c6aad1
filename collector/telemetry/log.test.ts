// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CollectorError } from '../model/error.ts';
import { errorForLog } from './log.ts';

describe('log', () => {
  it('cuts what an error says, and what its causes say, wherever it stands', () => {
    const row = `Row 1: statement: ${'SELECT secret '.repeat(200)}`;
    const error = new CollectorError('store_rejected', 'insert of 5 rows', {
      cause: new Error(row, { cause: new Error(row) }),
    });
    const logged = errorForLog(error);
    assert.equal(logged.code, 'store_rejected');
    assert.ok(logged.at![0]!.startsWith('at '));
    assert.ok(JSON.stringify(logged).length < 8_000);
    assert.ok(!JSON.stringify(logged).includes('SELECT secret '.repeat(40)));
  });

  it('holds no secret that was handed to it by mistake', () => {
    const script = `
      const { createLog } = await import(${JSON.stringify(join(import.meta.dirname, 'log.ts'))});
      createLog('info', 1).info({ token: 'sworn_abc', webhook: { secret: 'hush' }, password: 'p4ss' }, 'm');`;
    const line = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    for (const secret of ['sworn_abc', 'hush', 'p4ss']) assert.ok(!line.includes(secret), line);
    assert.equal((JSON.parse(line) as { token: string }).token, '[secret]');
  });
});
