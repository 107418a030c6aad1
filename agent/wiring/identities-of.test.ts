// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stringify } from 'yaml';
import { ConfigError, readAgentConfig } from '../config/read-config.ts';
import { identitiesOf } from './identities-of.ts';

const base = {
  tenant: '11111111-2222-3333-4444-555555555555',
  client_id: '66666666-7777-8888-9999-000000000000',
};
const blueprint = { name: 'blueprint', ...base, federated: { token_file: '/t' } };
const agent = { name: 'agent', kind: 'agent', ...base, blueprint: 'blueprint' };

const read = (...identities: object[]) => readAgentConfig(stringify({ identities }), 'x').identities;

function problems(...identities: object[]): string {
  try {
    read(...identities);
    return '';
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.join('\n');
  }
}

describe('identities of a configuration', () => {
  test('become those of the broker, and one without a credential only a name', () => {
    const found = identitiesOf(
      read(
        { name: 'named', ...base },
        blueprint,
        {
          name: 'certified',
          ...base,
          certificate: { key_file: 'credential:k', certificate_file: '/c', send_chain: true },
        },
        { name: 'token', ...base, pkcs11: { module: '/m', key_label: 'k', pin_file: '/p', certificate_file: '/c' } },
        { name: 'managed', ...base, managed_identity: {}, identifier_uris: ['https://a.example'] },
        agent,
        { ...agent, name: 'user', kind: 'agent-user', user: 'a@b.example' },
        { name: 'host', kind: 'host', ...base, system_assigned: true },
      ),
    );
    const { tenant, client_id: clientId } = base;
    const shared = { tenant, clientId };
    const certificate = { kind: 'certificate', keyFile: 'credential:k', certificateFile: '/c', sendChain: true };
    const pkcs11 = { kind: 'pkcs11', module: '/m', keyLabel: 'k', certificateFile: '/c', pinFile: '/p' };
    const managed = { kind: 'app', credential: { kind: 'managed-identity' }, identifierUris: ['https://a.example'] };
    assert.deepEqual(found, [
      { name: 'blueprint', ...shared, kind: 'app', credential: { kind: 'federated', tokenFile: '/t' } },
      { name: 'certified', ...shared, kind: 'app', credential: certificate },
      { name: 'token', ...shared, kind: 'app', credential: pkcs11 },
      { name: 'managed', ...shared, ...managed },
      { name: 'agent', ...shared, kind: 'agent', blueprint: 'blueprint' },
      { name: 'user', ...shared, kind: 'agent-user', blueprint: 'blueprint', user: 'a@b.example' },
      { name: 'host', ...shared, kind: 'host', systemAssigned: true },
    ]);
  });

  test('are told what they lack and what does not belong to them, all at once', () => {
    const text = problems(
      { ...agent, blueprint: 'nobody' },
      { ...agent, name: 'two', blueprint: undefined },
      { ...agent, name: 'three', federated: { token_file: '/t' }, blueprint: 'agent' },
      { ...agent, name: 'four', kind: 'agent-user', blueprint: 'bare' },
      { ...blueprint, name: 'five', managed_identity: {} },
      { name: 'bare', ...base, user: 'x' },
      { ...agent, name: 'six', blueprint: 'elsewhere' },
      { ...blueprint, name: 'elsewhere', tenant: base.tenant.replace('1', '2') },
      { name: 'bare', ...base },
    );
    for (const problem of [
      /identities\[0\]\.blueprint is nobody, which is not among identities/,
      /identities\[1\] lacks blueprint/,
      /identities\[2\]\.federated does not go with kind agent/,
      /identities\[2\]\.blueprint is agent, which is of kind agent, not app/,
      /identities\[3\] lacks user/,
      /identities\[3\]\.blueprint is bare, which has no credential/,
      /identities\[4\] has federated and managed_identity; one of them is enough/,
      /identities\[5\]\.user does not go with kind app/,
      /identities\[6\]\.blueprint is elsewhere, which is of another tenant/,
      /identities\[8\]\.name is bare, which is there twice/,
    ]) {
      assert.match(text, problem);
    }
    assert.equal(text.split('\n').length, 10);
  });

  test('name credentials of systemd by names alone', () => {
    const of = (file: string): string => problems({ ...blueprint, federated: { token_file: file } });
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own spelling.
    for (const file of ['credential:a.pem', '${CREDENTIALS_DIRECTORY}/token', '/etc/x']) assert.equal(of(file), '');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's own spelling.
    for (const file of ['credential:../shadow', 'credential:', '${CREDENTIALS_DIRECTORY}/a/b', 'credential:..']) {
      assert.match(of(file), /token_file is .* does not name a credential/);
    }
  });
});
