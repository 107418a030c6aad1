// SPDX-License-Identifier: Apache-2.0

/**
 * Where the attacks are played: an agent with its broker, a collector with ClickHouse, a stand-in for Entra, and workloads
 * of different policies. All in the network namespace of this process.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cgroupRoot } from '../../../agent/source/ebpf/cgroup.ts';
import { createClientCertificate } from '../../entra-stand-in/certificates.ts';
import { type EntraStandIn, startEntraStandIn } from '../../entra-stand-in/start-entra-stand-in.ts';
import { type Recording, startRecording } from '../../oracle/recording/recording.ts';
import { resourceOf } from './attack.ts';

/** The user that the policy of the workload `user` wants, and another one. */
export const USER = 65_533;
export const OTHER_USER = 65_532;
export const CONTAINER = 'a'.repeat(64);
export const PYTHON = '/usr/bin/python3';

/** Each is a workload; `two` has a policy for each of two programs. */
export const WORKLOADS = ['victim', 'other', 'pinned', 'at-path', 'two', 'user', 'contained', 'metadata'] as const;
export type WorkloadName = (typeof WORKLOADS)[number];
/** Each workload has one, and `two` another for its second program. */
export const IDENTITIES = [...WORKLOADS, 'interpreter'] as const;
export type IdentityName = (typeof IDENTITIES)[number];

export interface Stage {
  readonly recording: Recording;
  readonly standIn: EntraStandIn;
  readonly clientIds: ReadonlyMap<IdentityName, string>;
  readonly port: number;
  readonly metadataPort: number;
  readonly tokenSocket: string;
  /** The program that asks, at the path and with the digest that policies want; a changed one; one elsewhere. */
  readonly ask: string;
  readonly changed: string;
  readonly elsewhere: string;
  readonly huge: string;
  readonly reusePid: string;
  /** A control group of a user's own making, named like a container. */
  readonly forgedCgroup: string;
  readonly realCgroup: string;
  readonly programs: string;
  stop(): Promise<void>;
}

/** Above what is hashed at once, below what is not hashed at all. */
const HUGE_BYTES = 400 * 1024 * 1024;

const digestOf = (path: string): string => execFileSync('sha256sum', ['-b', path], { encoding: 'utf8' }).slice(0, 64);

function compile(name: string, output: string): void {
  const flags = ['-O1', '-static', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter'];
  execFileSync('gcc', [...flags, '-o', output, join(import.meta.dirname, `programs/${name}.c`)]);
}

function makeCgroups(): { forged: string; real: string; remove(): void } {
  const root = cgroupRoot();
  if (root === undefined) throw new Error('there is no cgroup v2 here');
  const top = join(root, `sworn-attacks-${process.pid}.slice`);
  const made: string[] = [];
  const make = (path: string, owner: number): string => {
    mkdirSync(path);
    made.push(path);
    chownSync(path, owner, owner);
    return path;
  };
  make(top, 0);
  const real = make(join(top, `docker-${CONTAINER}.scope`), 0);
  make(join(top, 'handed.slice'), OTHER_USER);
  const forged = make(join(top, 'handed.slice', `docker-${CONTAINER}.scope`), OTHER_USER);
  const remove = (): void => {
    for (const path of made.reverse()) rmdirSync(path);
  };
  return { forged, real, remove };
}

export async function setStage(names: readonly string[]): Promise<Stage> {
  const tenant = randomUUID();
  const resources = names.map(resourceOf);
  const cgroups = makeCgroups();
  const identities = await Promise.all(
    IDENTITIES.map(async (name) => ({
      ...{ name, clientId: randomUUID(), objectId: randomUUID() },
      certificate: await createClientCertificate(name),
    })),
  );
  const standIn = await startEntraStandIn({
    tenants: [
      {
        tenantId: tenant,
        applications: identities.map(({ name, clientId, objectId, certificate }) => ({
          ...{ name, clientId, objectId, certificates: [certificate.certificatePem] },
        })),
        resources: resources.map((identifier) => ({ identifier, appId: randomUUID(), tokenVersion: 1 as const })),
      },
    ],
  });
  let recording: Recording | undefined;
  const stop = async (): Promise<void> => {
    await recording?.stop();
    await standIn.stop();
    cgroups.remove();
  };
  const place = { bin: '' };
  const at = (...path: string[]): string => join(place.bin, ...path);
  const config = (folder: string): object => {
    place.bin = join(folder, 'bin');
    chmodSync(folder, 0o711);
    mkdirSync(join(place.bin, 'elsewhere'), { recursive: true });
    // What others read is a copy: no program depends on the rights of the folder that this file is in.
    cpSync(join(import.meta.dirname, 'programs'), join(place.bin, 'programs'), { recursive: true });
    compile('ask', at('ask'));
    compile('reuse_pid', at('reuse_pid'));
    copyFileSync(at('ask'), at('elsewhere/ask'));
    copyFileSync(at('ask'), at('changed'));
    appendFileSync(at('changed'), 'changed');
    copyFileSync(at('ask'), at('replaced'));
    copyFileSync(at('ask'), at('huge'));
    execFileSync('truncate', ['-s', String(HUGE_BYTES), at('huge')]);
    copyFileSync(at('ask'), at('set-uid'));
    chownSync(at('set-uid'), USER, USER);
    chmodSync(at('set-uid'), 0o4755);
    writeFileSync(join(folder, 'entra-ca.pem'), standIn.caCertificatePem);
    for (const { name, certificate } of identities) {
      writeFileSync(join(folder, `${name}.pem`), certificate.certificatePem);
      writeFileSync(join(folder, `${name}.key`), certificate.keyPem, { mode: 0o600 });
    }
    const bound = (name: string, match: object, identity: IdentityName, more: object = {}): object => ({
      ...{ name, match, identity, resources, ...more },
    });
    const python = execFileSync('readlink', ['-f', PYTHON], { encoding: 'utf8' }).trim();
    return {
      broker: {
        ...{ port: 0, authority: standIn.authority, authority_ca_file: join(folder, 'entra-ca.pem') },
        imds: { enabled: true, port: 0 },
      },
      identities: identities.map(({ name, clientId, objectId }) => ({
        ...{ name, tenant, client_id: clientId, object_id: objectId },
        certificate: { key_file: join(folder, `${name}.key`), certificate_file: join(folder, `${name}.pem`) },
      })),
      workloads: WORKLOADS.map((name) => ({ name, identity: name, select: [{ run: ['root'] }] })),
      policies: [
        bound('victim', { workload: 'victim' }, 'victim'),
        bound('other', { workload: 'other' }, 'other'),
        bound('pinned', { workload: 'pinned', exe: at('ask'), exe_sha256: digestOf(at('ask')) }, 'pinned'),
        bound('pinned-huge', { workload: 'pinned', exe: at('huge'), exe_sha256: digestOf(at('huge')) }, 'pinned'),
        bound('at-path', { workload: 'at-path', exe: at('replaced') }, 'at-path'),
        bound('two-ask', { workload: 'two', exe: at('ask') }, 'two'),
        bound('two-python', { workload: 'two', exe: python }, 'interpreter'),
        bound('user', { workload: 'user', exe: at('ask'), uid: USER }, 'user'),
        bound('user-set-uid', { workload: 'user', exe: at('set-uid'), uid: USER }, 'user'),
        bound('contained', { workload: 'contained', container_id: CONTAINER }, 'contained'),
        bound('metadata', { workload: 'metadata' }, 'metadata', { interfaces: ['imds'] }),
      ],
    };
  };
  try {
    recording = await startRecording({ identities: ['victim'], collector: true, config });
    const { port } = (await recording.status()).broker as unknown as { port: number };
    const shown = await recording.run('metadata', ['printenv', 'AZURE_POD_IDENTITY_AUTHORITY_HOST']);
    return {
      ...{ recording, standIn, port, stop },
      clientIds: new Map(identities.map(({ name, clientId }) => [name, clientId])),
      metadataPort: Number(new URL(shown.stdout.trim()).port),
      tokenSocket: join(recording.folder, 'run/token.sock'),
      ...{ ask: at('ask'), changed: at('changed'), elsewhere: at('elsewhere/ask'), huge: at('huge') },
      ...{ reusePid: at('reuse_pid'), programs: at('programs') },
      ...{ forgedCgroup: cgroups.forged, realCgroup: cgroups.real },
    };
  } catch (error) {
    const logs = recording?.logs.map((file) => readFileSync(file, 'utf8').slice(-2000)).join('\n') ?? '';
    await stop();
    throw new Error(`the stage could not be set: ${(error as Error).message}\n${logs}`);
  }
}
