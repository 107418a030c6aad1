// SPDX-License-Identifier: Apache-2.0

/** The unmodified @azure/identity with each flavour, with nothing but the environment that the broker makes. */

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import {
  BILLING_CLIENT,
  ORDERS_CLIENT,
  openStage,
  type Stage,
  type StagedBroker,
  VAULT,
} from '../testing/staged-broker.ts';
import { withInterfaces } from '../testing/with-interfaces.ts';
import { createWorkloadProcesses, type WorkloadProcesses } from '../testing/workload-process.ts';
import { CHALLENGE_FOLDER } from './challenge-files.ts';

const ORDERS = { selectionName: 'orders', sessionKey: 31n };

let stage: Stage;
let broker: StagedBroker;
let processes: WorkloadProcesses;
let folder: string;

before(async () => {
  stage = await openStage();
});
after(() => stage.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sworn-arc-'));
  processes = createWorkloadProcesses();
});
afterEach(async () => {
  processes.endAll();
  await broker.stop();
  rmSync(folder, { recursive: true });
});

const start = (...interfaces: ('imds' | 'arc' | 'app-service')[]): Promise<StagedBroker> =>
  stage.start({
    callers: processes.callers,
    policy: withInterfaces(stage.policy, ...interfaces),
    imds: { port: 0 },
    arc: { port: 0, folder, arcAgentPrograms: [] },
  });

interface Got {
  fingerprint?: string;
  expiresInS?: number;
  error?: string;
  message?: string;
}

/** `wrap` is put before the command: it changes what the program sees. */
async function getToken(
  credential: string,
  { scope = VAULT, wrap = [] as readonly string[], more = {} } = {},
): Promise<Got> {
  const program = `
    import { createHash } from 'node:crypto';
    import * as identity from '@azure/identity';
    try {
      const { token, expiresOnTimestamp } = await new identity.${credential}.getToken('${scope}/.default');
      const fingerprint = createHash('sha256').update(token).digest('hex');
      console.log(JSON.stringify({ fingerprint, expiresInS: (expiresOnTimestamp - Date.now()) / 1000 }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.name, message: error.message }));
    }`;
  const command = [...wrap, process.execPath, '--input-type=module', '--eval', program];
  const { stdout, stderr } = await processes.start(ORDERS, command, { ...broker.environment(ORDERS), ...more })
    .finished;
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

/** As the broker's last event has it, after so many requests. */
function isIssued(got: Got, interface_: string, requests: number): void {
  assert.equal(got.fingerprint, broker.last().fingerprint, inspect(got));
  assert.ok(Math.abs((got.expiresInS ?? 0) - 900) < 30);
  assert.deepEqual([broker.last().interface, broker.counts.requests], [interface_, requests]);
  assert.equal(broker.last().caller?.sessionKey, 31n);
}

function isRefused(got: Got, reason: string): void {
  assert.match(`${got.error} ${got.message}`, new RegExp(`SWORN_BROKER_${reason.toUpperCase()}`));
  assert.equal(broker.counts.requests, 1, 'a refusal is final: the client must not come back');
}

const CREDENTIALS = ['ManagedIdentityCredential()', 'DefaultAzureCredential()'];

describe('IMDS, by AZURE_POD_IDENTITY_AUTHORITY_HOST', () => {
  for (const credential of CREDENTIALS) {
    test(`gives ${credential} a token with one request`, async () => {
      broker = await start('imds');
      isIssued(await getToken(credential), 'imds', 1);
    });

    test(`is done with ${credential} at the first refusal`, async () => {
      broker = await start('imds');
      isRefused(await getToken(credential, { scope: 'https://elsewhere.example' }), 'resource_not_allowed');
    });
  }

  test('gives the identity that is named, and no other', async () => {
    broker = await start('imds');
    isIssued(await getToken(`ManagedIdentityCredential({ clientId: '${ORDERS_CLIENT}' })`), 'imds', 1);
    broker = await start('imds');
    isRefused(
      await getToken(`ManagedIdentityCredential({ clientId: '${BILLING_CLIENT}' })`),
      'other_identity_requested',
    );
  });
});

/**
 * A view of the file system in which the folder of the challenge files is the test's own. Nothing of it is seen outside, and
 * it ends with the program.
 */
const ownFolder = (): readonly string[] => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mount -t tmpfs none /var/opt && mkdir -p "${CHALLENGE_FOLDER}" && mount --bind "$0" "${CHALLENGE_FOLDER}" && exec "$@"`,
  folder,
];

describe('Arc', { skip: process.getuid?.() !== 0 && 'a mount namespace of its own needs root' }, () => {
  for (const credential of CREDENTIALS) {
    test(`gives ${credential} a token for the content of the file`, async () => {
      broker = await start('arc');
      isIssued(await getToken(credential, { wrap: ownFolder() }), 'arc', 2);
      assert.deepEqual(readdirSync(folder), []);
    });

    test(`is done with ${credential} at the first refusal, before any file`, async () => {
      broker = await start('arc');
      isRefused(
        await getToken(credential, { wrap: ownFolder(), scope: 'https://elsewhere.example' }),
        'resource_not_allowed',
      );
    });
  }

  test('names the identity that was asked for, without which the client would not take the token', async () => {
    broker = await start('arc');
    const credential = `ManagedIdentityCredential({ clientId: '${ORDERS_CLIENT}' })`;
    isIssued(await getToken(credential, { wrap: ownFolder() }), 'arc', 2);
  });
});

test('App Service comes first where several flavours are allowed', async () => {
  broker = await start('imds', 'arc', 'app-service');
  isIssued(await getToken('DefaultAzureCredential()'), 'app-service', 1);
});
