// SPDX-License-Identifier: Apache-2.0

/**
 * The one question of the Azure CLI that libraries ask by starting it. Putting a program `az` that hands its words on into the
 * PATH of a workload is the operator's choice; nothing here does it.
 */
import { parseArgs } from 'node:util';
import { azOutput } from '../commands/token.ts';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { askToken } from '../token-socket.ts';

/** Errors: CliError for anything but `account get-access-token`. */
export async function azCredential(socket: string, words: readonly string[]): Promise<void> {
  const { resource, tenant } = readWords(words);
  const token = await askToken(socket, resource);
  if (tenant !== undefined && tenant.toLowerCase() !== token.tenant_id.toLowerCase()) {
    throw new CliError(`the identity of this workload is of tenant ${token.tenant_id}, not of the one asked for`);
  }
  await print(azOutput(token));
}

function readWords(words: readonly string[]): { resource: string; tenant: string | undefined } {
  const wrong = (reason: string): CliError =>
    new CliError(
      reason,
      'Known is: account get-access-token --resource ID [--tenant ID] [--output json]',
      EXIT.unusable,
    );
  const [group, action, ...rest] = words;
  if (group !== 'account' || action !== 'get-access-token') throw wrong('this is not the Azure CLI');
  const options = {
    resource: { type: 'string' },
    scope: { type: 'string' },
    tenant: { type: 'string', short: 't' },
    output: { type: 'string', short: 'o' },
  } as const;
  const { values } = attempt(() => parseArgs({ args: rest, options }), wrong);
  if (values.output !== undefined && values.output !== 'json') throw wrong('only JSON is printed');
  const resource = values.resource ?? values.scope?.replace(/\/\.default$/, '');
  if (resource === undefined || resource === '') throw wrong('there is neither --resource nor --scope');
  return { resource, tenant: values.tenant };
}

function attempt<T>(read: () => T, wrong: (reason: string) => CliError): T {
  try {
    return read();
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}
