// SPDX-License-Identifier: Apache-2.0

/** What a real client and a real server said, through the handshake in HTTP and behind it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Side } from '../decoder.ts';
import { http1 } from '../http1/definition.ts';
import { readCapture } from '../testing/capture-file.ts';
import { checkScript } from '../testing/check-script.ts';
import { runScript } from '../testing/run-script.ts';
import { normalised, type Script, type Step } from '../testing/script.ts';
import { brief } from './testing.ts';
import { websocket } from './websocket.ts';

/** The steps without the first bytes of each side. */
function behind(script: Script, ownBytes: Readonly<Record<Side, number>>): Script {
  const left = { ...ownBytes };
  return script.map((step): Step => {
    if (step.kind !== 'bytes') return step;
    const skipped = Math.min(left[step.from], step.bytes.length);
    left[step.from] -= skipped;
    return { ...step, bytes: step.bytes.subarray(skipped) };
  });
}

test('Node and Python agree on compression: every message is read', () => {
  const { script } = readCapture(new URL('captures/node-and-python.jsonl', import.meta.url));
  const steps = normalised(script);
  const shaken = runScript(http1, steps);
  const { agreement, protocol } = shaken.handover!;
  assert.equal(protocol, 'websocket');
  const run = checkScript(websocket, behind(steps, shaken.ownBytes), { agreement: agreement! });
  assert.deepEqual(run.troubles, {});
  const said = [0, 1, 2, 3].map((n) => JSON.stringify({ n, text: 'the same words again, the same words again' }));
  const of = (operation: string) => run.exchanges.filter((one) => one.operation === operation);
  assert.deepEqual(
    of('SEND').map(brief),
    said.map((text) => `SEND ${text}`),
  );
  const texts = of('RECEIVE').filter(({ attributes }) => attributes['opcode'] === 'text');
  assert.deepEqual(
    texts.map(brief),
    said.map((text) => `RECEIVE ${text}`),
  );
  assert.ok(texts.every(({ attributes }) => attributes['compressed'] === 'true'));
  assert.equal(of('RECEIVE').length, 8);
  assert.equal(of('CLOSE').length, 2);
});
