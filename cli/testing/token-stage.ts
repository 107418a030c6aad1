// SPDX-License-Identifier: Apache-2.0

/** A real agent whose broker has a stand-in for Entra behind it: for the commands that ask for tokens. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClientCertificate } from '../../test/entra-stand-in/certificates.ts';
import { type EntraStandIn, startEntraStandIn } from '../../test/entra-stand-in/start-entra-stand-in.ts';
import { type Recording, startRecording } from '../../test/oracle/recording/recording.ts';

export const TENANT = randomUUID();
export const CLIENT = randomUUID();
export const OBJECT = randomUUID();
export const VAULT = 'https://vault.example';
/** The resources that kubectl and git ask for unless they are told otherwise. */
const AKS = '6dae42f8-4368-4678-94ff-3960e28e3630';
const DEVOPS = '499b84ac-1321-427f-aa17-267ca6975798';
export const PERSON = 'person@stand-in.example';

export interface TokenStage {
  readonly recording: Recording;
  readonly standIn: EntraStandIn;
  readonly socket: string;
  stop(): Promise<void>;
}

/** The workload `invoices` may have tokens; `metadata` by IMDS only; `idle` is recorded and may not. */
export async function openTokenStage(): Promise<TokenStage> {
  const certificate = await createClientCertificate('invoice-agent');
  const standIn = await startEntraStandIn({
    tenants: [
      {
        tenantId: TENANT,
        applications: [
          {
            ...{ clientId: CLIENT, objectId: OBJECT, name: 'invoice-agent' },
            certificates: [certificate.certificatePem],
            delegated: { [VAULT]: ['Invoices.Read'] },
          },
        ],
        resources: [VAULT, AKS, DEVOPS].map((identifier) => ({
          ...{ identifier, appId: identifier === VAULT ? randomUUID() : identifier, tokenVersion: 1 as const },
        })),
        users: [{ objectId: randomUUID(), upn: PERSON, name: 'A Person' }],
      },
    ],
  });
  const config = (folder: string): object => {
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('ca.pem'), standIn.caCertificatePem);
    writeFileSync(at('invoice-agent.pem'), certificate.certificatePem);
    writeFileSync(at('invoice-agent.key'), certificate.keyPem, { mode: 0o600 });
    return {
      broker: {
        port: 0,
        imds: { enabled: true, port: 0 },
        authority: standIn.authority,
        authority_ca_file: at('ca.pem'),
      },
      identities: [
        {
          ...{ name: 'invoice-agent', tenant: TENANT, client_id: CLIENT, object_id: OBJECT },
          certificate: { key_file: at('invoice-agent.key'), certificate_file: at('invoice-agent.pem') },
        },
        {
          ...{ name: 'metadata-agent', tenant: TENANT, client_id: CLIENT, object_id: OBJECT },
          certificate: { key_file: at('invoice-agent.key'), certificate_file: at('invoice-agent.pem') },
        },
        { name: 'idle-agent', tenant: TENANT, client_id: randomUUID() },
      ],
      workloads: [
        { name: 'invoices', identity: 'invoice-agent', select: [{ run: ['root'] }], resources: [VAULT, AKS, DEVOPS] },
        { name: 'metadata', identity: 'metadata-agent', select: [{ run: ['root'] }] },
        { name: 'idle', identity: 'idle-agent', select: [{ run: ['root'] }] },
      ],
      policies: [
        {
          ...{ name: 'metadata', match: { workload: 'metadata' }, identity: 'metadata-agent' },
          ...{ resources: [VAULT], interfaces: ['imds'] },
        },
      ],
    };
  };
  try {
    const recording = await startRecording({ identities: ['invoice-agent', 'metadata-agent', 'idle-agent'], config });
    return {
      recording,
      standIn,
      socket: join(recording.folder, 'run/token.sock'),
      async stop() {
        await recording.stop();
        await standIn.stop();
      },
    };
  } catch (error) {
    await standIn.stop();
    throw error;
  }
}
