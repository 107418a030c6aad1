// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { AgentConfig } from './agent-config.ts';
import { readAgentId } from './agent-id.ts';
import { keyFile } from './key-file.ts';
import { readAgentConfig } from './read-config.ts';

const root = mkdtempSync(join(tmpdir(), 'sworn-config-'));
after(() => rmSync(root, { recursive: true, force: true }));
const folder = (): string => mkdtempSync(join(root, 'state-'));

function configIn(stateDir: string, certificateFile?: string): AgentConfig {
  const collector =
    certificateFile === undefined
      ? null
      : { address: 'h:1', ca_file: 'a', certificate_file: certificateFile, key_file: 'b' };
  return readAgentConfig(JSON.stringify({ state_dir: stateDir, collector }), 'x');
}

function certificateFor(name: string): string {
  const file = join(folder(), 'agent.pem');
  const subject = ['-subj', `/O=x/CN=${name}`, '-days', '2', '-nodes', '-keyout', `${file}.key`, '-out', file];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', ...subject], {
    stdio: 'ignore',
  });
  return file;
}

describe('the id of an agent', () => {
  it('is made at the first start and stays', () => {
    const config = configIn(folder());
    const id = readAgentId(config);
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(readAgentId(config), id);
    assert.equal(statSync(join(config.state_dir, 'agent-id')).mode & 0o777, 0o600);
  });

  it('is the one that the certificate names', () => {
    const config = configIn(folder(), certificateFor('web-7'));
    assert.equal(readAgentId(config), 'web-7');
    assert.equal(readAgentId(configIn(config.state_dir)), 'web-7', 'also without the certificate later');
  });

  it('is refused when the certificate is of another agent than the record', () => {
    const { state_dir: stateDir } = configIn(folder());
    writeFileSync(join(stateDir, 'agent-id'), 'web-7\n');
    assert.throws(
      () => readAgentId(configIn(stateDir, certificateFor('web-8'))),
      /for agent web-8, but .* of agent web-7/,
    );
    assert.equal(readFileSync(join(stateDir, 'agent-id'), 'utf8'), 'web-7\n');
  });

  it('is made anew when its file is empty, as a loss of power may leave it', () => {
    const config = configIn(folder());
    writeFileSync(join(config.state_dir, 'agent-id'), '');
    assert.match(readAgentId(config), /^[0-9a-f-]{36}$/);
  });
});

describe('a key file', () => {
  it('is made once, for its owner only', () => {
    const file = join(folder(), 'x.key');
    const key = keyFile(file);
    assert.equal(key.length, 32);
    assert.deepEqual(Buffer.from(keyFile(file)), Buffer.from(key));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.notDeepEqual(Buffer.from(keyFile(join(folder(), 'x.key'))), Buffer.from(key));
  });

  it('that holds something else is refused, and stays as it is', () => {
    const file = join(folder(), 'x.key');
    writeFileSync(file, 'short');
    assert.throws(() => keyFile(file), /does not hold a key of 32 bytes/);
    assert.equal(readFileSync(file, 'utf8'), 'short');
  });
});
