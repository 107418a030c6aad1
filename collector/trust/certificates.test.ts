// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { CollectorError } from '../model/error.ts';
import { removeFolder, temporaryFolder } from '../testing/test-collector.ts';
import { LocalTrust } from './certificates.ts';

const NAMES = ['localhost', '127.0.0.1', '::1', 'collector.example.net'];
const NOW = new Date('2026-06-01T00:00:00Z');
const days = (count: number) => new Date(NOW.getTime() + count * 86_400_000);

describe('certificates', () => {
  const folders: string[] = [];
  const newTrust = () => {
    const folder = temporaryFolder();
    folders.push(folder);
    return { folder, trust: new LocalTrust(folder) };
  };
  after(() => folders.forEach(removeFolder));

  it('of the server are for its names, signed by the authority, and kept', async () => {
    const { folder, trust } = newTrust();
    const server = await trust.server(NAMES, NOW);
    const certificate = new X509Certificate(server.certificatePem);
    assert.ok(certificate.checkHost('collector.example.net'));
    assert.ok(certificate.checkIP('127.0.0.1') && certificate.checkIP('::1'));
    assert.ok(certificate.verify(new X509Certificate(server.caPem).publicKey));
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    for (const name of ['ca.key', 'server.key']) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    assert.equal((await new LocalTrust(folder).server(NAMES, days(300))).certificatePem, server.certificatePem);
  });

  it('of the server are made anew before they run out, for new names, and when half of them is gone', async () => {
    const { folder, trust } = newTrust();
    const first = (await trust.server(NAMES, NOW)).certificatePem;
    const second = (await trust.server(NAMES, days(340))).certificatePem;
    assert.notEqual(second, first);
    const third = (await trust.server([...NAMES, 'new.example.net'], days(340))).certificatePem;
    assert.notEqual(third, second);
    rmSync(join(folder, 'server.key'));
    assert.notEqual((await trust.server(NAMES, days(340))).certificatePem, third);
    writeFileSync(join(folder, 'server.crt'), 'not a certificate');
    assert.ok((await trust.server(NAMES, days(340))).certificatePem.includes('BEGIN CERTIFICATE'));
  });

  it('of agents carry the agent id, and are good for clients only', async () => {
    const { trust } = newTrust();
    const issued = await trust.issueAgentCertificate('host-7.example', { now: NOW });
    const certificate = new X509Certificate(issued.certificatePem);
    assert.equal(certificate.subject, 'CN=host-7.example');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.equal(certificate.ca, false);
    assert.ok(certificate.verify(new X509Certificate(issued.caPem).publicKey));
  });

  it('are not given to what is no agent id', async () => {
    const { trust } = newTrust();
    for (const id of ['', '../x', 'a b', 'a,CN=other', '-x', 'ä', 'x'.repeat(129)]) {
      await assert.rejects(
        trust.issueAgentCertificate(id, { now: NOW }),
        (error: unknown) => error instanceof CollectorError && error.code === 'request_invalid',
        id,
      );
    }
  });

  it('of an authority that cannot be read stop the start, and are not replaced', async () => {
    const { folder, trust } = newTrust();
    await trust.server(NAMES, NOW);
    writeFileSync(join(folder, 'ca.key'), 'broken');
    await assert.rejects(
      trust.server(NAMES, NOW),
      (error: unknown) => error instanceof CollectorError && error.code === 'certificate_invalid',
    );
    assert.equal(readFileSync(join(folder, 'ca.key'), 'utf8'), 'broken');
  });
});
