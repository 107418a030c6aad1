// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { CliError, EXIT } from '../exit.ts';
import { print } from '../output.ts';
import { askToken, type IssuedToken, socketOption } from '../token-socket.ts';

const HELP = `
The token is that of the identity which the policy of this workload names; it cannot be chosen here. It is printed to
standard output, to a terminal too, as gh and az do it: pipe it where it is needed, and keep it nowhere. Ask again instead.

Formats:
  token    the token and nothing else
  json     all that the broker says of it
  header   Authorization: Bearer …, for curl -H @-
  az       as az account get-access-token prints it

Exit codes: 0 done, 1 the broker refused, 2 asked wrongly or no broker.

Examples:
  sworn token --resource https://graph.microsoft.com
  sworn token --resource https://graph.microsoft.com --format header | curl -sS -H @- https://graph.microsoft.com/v1.0/me
  sworn token --resource api://back-end --on-behalf-of user.jwt`;

const FORMATS: Readonly<Record<string, (token: IssuedToken) => string>> = {
  token: ({ access_token: token }) => token,
  json: (token) => JSON.stringify(token),
  header: ({ access_token: token }) => `Authorization: Bearer ${token}`,
  az: azOutput,
};

interface TokenOptions {
  readonly resource: string;
  readonly onBehalfOf?: string;
  readonly format: string;
  readonly socket: string;
}

export function defineToken(command: Command): void {
  command
    .requiredOption('--resource <id>', 'what the token is for: a scope without /.default')
    .option('--on-behalf-of <file>', 'a file with the token of the person to act for; - is standard input')
    .addOption(new Option('--format <name>', 'how it is printed').choices(Object.keys(FORMATS)).default('token'))
    .addOption(socketOption())
    .addHelpText('after', HELP)
    .action(async ({ resource, onBehalfOf, format, socket }: TokenOptions) => {
      const assertion = onBehalfOf === undefined ? undefined : readAssertion(onBehalfOf);
      const token = await askToken(socket, resource, assertion);
      await print((FORMATS[format] as (token: IssuedToken) => string)(token));
    });
}

/** What SDKs read that start the Azure CLI: `expires_on` where they know it, else the local time in `expiresOn`. */
export function azOutput(token: IssuedToken): string {
  const expiresOn = Number(token.expires_on);
  return JSON.stringify({
    accessToken: token.access_token,
    expiresOn: localTime(new Date(expiresOn * 1000)),
    expires_on: expiresOn,
    tenant: token.tenant_id,
    tokenType: token.token_type,
  });
}

function localTime(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.000000`;
}

/** Errors: CliError that says which file, and never what is in it. */
function readAssertion(file: string): string {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8').trim();
  } catch (error) {
    throw new CliError(`the token of the person cannot be read: ${(error as Error).message}`, '', EXIT.unusable);
  }
  if (text === '')
    throw new CliError(`there is nothing in ${file === '-' ? 'standard input' : file}`, '', EXIT.unusable);
  return text;
}
