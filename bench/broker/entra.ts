// SPDX-License-Identifier: Apache-2.0

/**
 * The stand-in for Entra in a process of its own, until SIGTERM.
 *
 *   node bench/broker/entra.ts FOLDER TENANT CLIENT RESOURCE    makes app.key and app.pem and writes entra-ca.pem there;
 *                                                               prints {"authority", "port"}
 *
 * It answers at once; from SIGUSR2 on 50 ms late, as something far away does.
 */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClientCertificate } from '../../test/entra-stand-in/certificates.ts';
import { startEntraStandIn } from '../../test/entra-stand-in/start-entra-stand-in.ts';

const LATE_MS = 50;

const [folder, tenantId, clientId, identifier] = process.argv.slice(2) as [string, string, string, string];
const { keyPem, certificatePem } = await createClientCertificate('bench');
writeFileSync(join(folder, 'app.key'), keyPem, { mode: 0o600 });
writeFileSync(join(folder, 'app.pem'), certificatePem);
const standIn = await startEntraStandIn({
  tenants: [
    {
      tenantId,
      applications: [{ clientId, objectId: randomUUID(), name: 'bench', certificates: [certificatePem] }],
      resources: [{ identifier, appId: randomUUID(), tokenVersion: 1 }],
    },
  ],
});
writeFileSync(join(folder, 'entra-ca.pem'), standIn.caCertificatePem);
process.on('SIGUSR2', () => {
  for (const place of ['token', 'keys'] as const) standIn.faults.add(place, { kind: 'delay', ms: LATE_MS }, 1e9);
});
process.once('SIGTERM', () => void standIn.stop().then(() => process.exit(0)));
console.log(JSON.stringify({ authority: standIn.authority, port: standIn.port }));
