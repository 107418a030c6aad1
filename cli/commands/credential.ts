// SPDX-License-Identifier: Apache-2.0

import { type Command, InvalidArgumentError } from 'commander';
import { DEFAULT_AGENT_CONFIG } from '../places.ts';
import { socketOption } from '../token-socket.ts';

const HELP = `
Each speaks the words of a program that fetches credentials by starting another one. They are for processes of workloads, as
sworn token is; the policy has to allow the resource. What is printed is a token: none of these keeps one.

Examples:
  sworn credential kubernetes                          in a kubeconfig: users[].user.exec.command: sworn, args as here
  git config --global credential.helper '!sworn credential git'
  sworn credential az account get-access-token --resource https://management.azure.com`;

interface CredentialOptions {
  readonly socket: string;
}

export function defineCredential(command: Command): void {
  command.usage('PROGRAM [options]').addHelpText('after', HELP);
  command
    .command('kubernetes')
    .description('an ExecCredential for kubectl and other clients of Kubernetes')
    .option(
      '--resource <id>',
      'of the cluster; left out, that of Azure Kubernetes Service, 6dae42f8-4368-4678-94ff-3960e28e3630',
    )
    .addOption(socketOption())
    .action(async ({ resource, socket }: CredentialOptions & { resource?: string }) => {
      const { kubernetesCredential } = await import('../credential/kubernetes.ts');
      await kubernetesCredential(socket, resource);
    });
  command
    .command('git')
    .description('a credential helper for git, for Azure DevOps')
    .option(
      '--host <name>',
      'a host to serve besides dev.azure.com and *.visualstudio.com; again for more',
      collect,
      [],
    )
    .option(
      '--resource <id>',
      'what the hosts take; left out, that of Azure DevOps, 499b84ac-1321-427f-aa17-267ca6975798',
    )
    .addOption(socketOption())
    .argument('<action>', 'get, store or erase: git adds it')
    .action(async (action: string, options: CredentialOptions & { host: readonly string[]; resource?: string }) => {
      const { gitCredential } = await import('../credential/git.ts');
      await gitCredential(action, options);
    });
  command
    .command('az')
    .description('answers az account get-access-token, for libraries that start the Azure CLI')
    .addOption(socketOption())
    .argument('<words...>', 'as az takes them')
    .allowUnknownOption()
    .action(async (words: readonly string[], { socket }: CredentialOptions) => {
      const { azCredential } = await import('../credential/az.ts');
      await azCredential(socket, words);
    });
  defineIssuer(command);
}

const ISSUER_HELP = `
With broker.workload_identity the broker is an issuer that applications in Entra trust: it signs a token file for each workload
whose policy allows workload-identity. Entra fetches two documents from below the issuer's URL, and you publish them there:

  sworn credential issuer openid-configuration > ISSUER/.well-known/openid-configuration
  sworn credential issuer jwks                 > ISSUER/.well-known/jwks.json

roll makes another key. It is in the key set at once, and signs some time later, so that the new key set can be published and
fetched before; the old one stays in it until its last file is over.`;

interface IssuerOptions {
  readonly config: string;
  readonly after: number;
}

function defineIssuer(command: Command): void {
  const issuer = command
    .command('issuer')
    .description('the documents to publish for workload-identity files, and the change of their key')
    .addHelpText('after', ISSUER_HELP);
  const sub = (name: string, description: string): Command =>
    issuer.command(name).description(description).option('--config <file>', 'of the agent', DEFAULT_AGENT_CONFIG);
  sub('openid-configuration', 'print what is published below .well-known').action(async ({ config }: IssuerOptions) => {
    const { printOpenIdConfiguration } = await import('../credential/issuer.ts');
    await printOpenIdConfiguration(config);
  });
  sub('jwks', 'print the public keys').action(async ({ config }: IssuerOptions) => {
    const { printKeySet } = await import('../credential/issuer.ts');
    await printKeySet(config);
  });
  sub('roll', 'make another key')
    .option('--after <minutes>', 'when it begins to sign', minutesIn, 60)
    .action(async ({ config, after }: IssuerOptions) => {
      const { rollKey } = await import('../credential/issuer.ts');
      await rollKey(config, after);
    });
}

function minutesIn(text: string): number {
  const minutes = Number(text);
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is no number of minutes.');
  return minutes;
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
