// SPDX-License-Identifier: Apache-2.0

/** A program in a root and a mount namespace of its own, as containers are, with libraries that the host does not have. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeAuthority } from '../../agent/delivery/grpc/test-certificates.ts';
import { type Recording, startRecording, whyNoRecording } from '../oracle/recording/recording.ts';

const IDENTITY = 'contained-agent';
const PROGRAM = '/usr/bin/curl';

describe('TLS in a container', { skip: whyNoRecording() }, () => {
  const root = mkdtempSync(join(tmpdir(), 'sworn-container-'));
  let server: Server;
  let recording: Recording;

  before(async () => {
    // Copies: other files than those of the host, which the agent has never seen.
    const libraries = execFileSync('ldd', [PROGRAM], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
    for (const file of [PROGRAM, ...libraries]) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      copyFileSync(file, join(root, file));
    }
    const { cert, key } = await (await makeAuthority('container')).issue('localhost');
    server = createServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    recording = await startRecording({ identities: [IDENTITY] });
  });
  after(async () => {
    await recording?.stop();
    server?.close();
    rmSync(root, { recursive: true, force: true });
  });

  it('is read from its first connection on', async () => {
    const { port } = server.address() as AddressInfo;
    for (const path of ['first', 'second']) {
      const curl = [PROGRAM, '-sk', `https://127.0.0.1:${port}/${path}`];
      await recording.run(IDENTITY, ['unshare', '--mount', 'chroot', root, ...curl]);
    }
    const { commands, losses } = await recording.finish();
    assert.deepEqual(
      commands.map(({ statement }) => statement),
      ['GET /first', 'GET /second'],
    );
    assert.deepEqual(losses, []);
  });
});
