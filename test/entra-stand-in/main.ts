// SPDX-License-Identifier: Apache-2.0

/**
 * The stand-in for Entra as a program: `bin/node test/entra-stand-in/main.ts --config FILE [--ca-file FILE]`.
 *
 * The configuration is JSON: `{ "tenants": [...], "port"?: 0, "hostname"?: "localhost" }` as in `directory.ts`; an
 * application may name `certificateFiles` instead of carrying `certificates`. One line of JSON says where it listens;
 * SIGTERM or SIGINT ends it.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { StandInApplication, StandInTenant } from './directory.ts';
import { type EntraStandInOptions, startEntraStandIn } from './start-entra-stand-in.ts';

type ApplicationInFile = Omit<StandInApplication, 'certificates'> & {
  certificates?: readonly string[];
  certificateFiles?: readonly string[];
};
type TenantInFile = Omit<StandInTenant, 'applications'> & { applications: readonly ApplicationInFile[] };
type OptionsInFile = Omit<EntraStandInOptions, 'tenants'> & { tenants: readonly TenantInFile[] };

const { values } = parseArgs({ options: { config: { type: 'string' }, 'ca-file': { type: 'string' } } });
if (values.config === undefined) {
  process.stderr.write('usage: main.ts --config FILE [--ca-file FILE]\n');
  process.exit(2);
}

const inFile = JSON.parse(readFileSync(values.config, 'utf8')) as OptionsInFile;
const standIn = await startEntraStandIn({
  ...inFile,
  tenants: inFile.tenants.map((tenant) => ({
    ...tenant,
    applications: tenant.applications.map(({ certificateFiles = [], certificates = [], ...application }) => ({
      ...application,
      certificates: [...certificates, ...certificateFiles.map((file) => readFileSync(file, 'utf8'))],
    })),
  })),
});
// The certificate is public; its key never leaves the memory of this process.
if (values['ca-file'] !== undefined) writeFileSync(values['ca-file'], standIn.caCertificatePem);

process.stdout.write(
  `${JSON.stringify({
    standIn: 'entra',
    authority: standIn.authority,
    port: standIn.port,
    pid: process.pid,
    caCertificate: standIn.caCertificatePem,
    ...(values['ca-file'] === undefined ? {} : { caFile: values['ca-file'] }),
  })}\n`,
);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    standIn.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
