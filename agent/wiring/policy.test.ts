// SPDX-License-Identifier: Apache-2.0

/**
 * Policies with everything real but Entra: the agent as it is installed, its kernel side, control groups, and processes that
 * would like to be others.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, chmodSync, chownSync, copyFileSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createClientCertificate } from '../../test/entra-stand-in/certificates.ts';
import { type EntraStandIn, startEntraStandIn } from '../../test/entra-stand-in/start-entra-stand-in.ts';
import { type Recording, startRecording, whyNoRecording } from '../../test/oracle/recording/recording.ts';
import { cgroupRoot } from '../source/ebpf/cgroup.ts';

const TENANT = randomUUID();
const CLIENT = randomUUID();
const OBJECT = randomUUID();
const VAULT = 'https://vault.example';
const NOBODY = 65_534;
const CURL = execFileSync('sh', ['-c', 'readlink -f "$(command -v curl)"'], { encoding: 'utf8' }).trim();

const digestOf = (path: string): string => execFileSync('sha256sum', ['-b', path], { encoding: 'utf8' }).slice(0, 64);
const id = (letter: string): string => letter.repeat(64);

describe('policies of a real agent', { skip: whyNoRecording() }, () => {
  const root = cgroupRoot() ?? '';
  const top = `sworn-policy-${process.pid}.slice`;
  const made: string[] = [];
  let standIn: EntraStandIn;
  let recording: Recording;
  let copy = '';

  before(async () => {
    for (const path of ['', 'agent.service', 'agent.service/other.service', `docker-${id('a')}.scope`]) make(path);
    make(`docker-${id('a')}.scope/docker-${id('b')}.scope`);
    make('handed.slice', NOBODY);
    make('handed.slice/agent.service', NOBODY);

    const certificate = await createClientCertificate('agent');
    const certificates = [certificate.certificatePem];
    standIn = await startEntraStandIn({
      tenants: [
        {
          tenantId: TENANT,
          applications: [{ clientId: CLIENT, objectId: OBJECT, name: 'agent', certificates }],
          resources: [{ identifier: VAULT, appId: randomUUID(), tokenVersion: 1 }],
        },
      ],
    });
    recording = await startRecording({
      identities: ['agent'],
      config: (folder) => {
        const at = (name: string): string => join(folder, name);
        writeFileSync(at('ca.pem'), standIn.caCertificatePem);
        writeFileSync(at('agent.pem'), certificate.certificatePem);
        writeFileSync(at('agent.key'), certificate.keyPem, { mode: 0o600 });
        copy = at('curl');
        copyFileSync(CURL, copy);
        chmodSync(copy, 0o755);
        appendFileSync(copy, 'changed');
        chmodSync(folder, 0o711);
        const policy = (name: string, match: object): object => {
          return { name, match: { workload: 'agent', ...match }, identity: 'agent', resources: [VAULT] };
        };
        return {
          broker: { port: 0, authority: standIn.authority, authority_ca_file: at('ca.pem') },
          identities: [
            {
              ...{ name: 'agent', tenant: TENANT, client_id: CLIENT, object_id: OBJECT },
              certificate: { key_file: at('agent.key'), certificate_file: at('agent.pem') },
            },
          ],
          workloads: [{ name: 'agent', identity: 'agent', select: [{ run: ['root'] }] }],
          policies: [
            policy('unit', { unit: 'agent.service', exe: CURL, exe_sha256: digestOf(CURL), uid: 0 }),
            policy('container', { container_id: id('a'), uid: 0 }),
            policy('other-container', { container_id: id('b') }),
            policy('user', { user: 'nobody' }),
          ],
        };
      },
    });
  });
  after(async () => {
    await recording?.stop();
    await standIn?.stop();
    for (const path of made.reverse()) rmdirSync(path);
  });

  function make(path: string, owner = 0): void {
    const full = join(root, top, path);
    mkdirSync(full);
    made.push(full);
    chownSync(full, owner, owner);
  }

  interface As {
    readonly program?: string;
    /** Words that end with a program to run. */
    readonly by?: string;
  }

  /** What the broker answers to a program that asks from that cgroup: a status. */
  async function ask(cgroup: string, { program = CURL, by = '' }: As = {}): Promise<string> {
    const target = `$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=${VAULT}`;
    const curl = `'${program}' -s -o /dev/null -w '%{http_code}' -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "${target}"`;
    const script = `echo $$ > '${join(root, top, cgroup, 'cgroup.procs')}'; ${by} ${curl}; echo $$ > '${root}/cgroup.procs'`;
    return (await recording.run('agent', ['sh', '-c', script])).stdout.trim();
  }

  it('serve who is all that one of them wants, and nobody else', async () => {
    const asNobody = { by: 'setpriv --reuid=65534 --clear-groups' };
    const container = `docker-${id('a')}.scope`;
    for (const [status, what, answer] of [
      ['200', 'the unit', await ask('agent.service')],
      ['200', 'below the unit', await ask('agent.service/other.service')],
      ['403', 'a changed copy of the program', await ask('agent.service', { program: copy })],
      ['200', 'another user, who has a policy', await ask('agent.service', asNobody)],
      ['403', 'a set-uid program', await ask('agent.service', { by: 'setpriv --ruid=65534' })],
      ['403', 'no unit', await ask('')],
      ['403', 'a unit that a user made', await ask('handed.slice/agent.service')],
      ['200', 'the container', await ask(container)],
      ['200', 'a container in it is the container itself', await ask(`${container}/docker-${id('b')}.scope`)],
      ['200', 'another user there, who has a policy anywhere', await ask(container, asNobody)],
    ] as const) {
      assert.equal(answer, status, what);
    }
  });

  it('are in the record, with the program', async () => {
    const { tokens } = await recording.finish();
    const issued = tokens.filter(({ action }) => action === 'issued');
    const refused = tokens.filter(({ action }) => action === 'refused');
    assert.deepEqual(
      issued.map(({ policy }) => policy),
      ['unit', 'unit', 'user', 'container', 'container', 'user'],
    );
    assert.equal(issued[0]?.exeSha256, digestOf(CURL));
    assert.deepEqual(new Set(refused.map(({ reason }) => reason)), new Set(['no_binding']));
    assert.equal(refused[0]?.exeSha256, '', 'which was not needed to refuse it');
  });
});
