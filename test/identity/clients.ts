// SPDX-License-Identifier: Apache-2.0

/** The clients of the matrix: how each is had, how it is run, and what it can be told. */
import { join } from 'node:path';
import { fromDebian, versionOf } from '../runtimes/toolbox.ts';
import { nodeRelease } from '../runtimes/tools.ts';
import { clients, goProgram, javaClassPath, npmPackage, pythonWith, rustProgram } from './tools.ts';

/** A client that is there. */
export interface Installed {
  /** Of the library. */
  readonly version: string;
  /** What it runs in: "Node 22.23.3". */
  readonly runtime: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** Besides App Service, which all know; 'imds' is for those whose address for it can be set. */
export type FurtherFlavour = 'imds' | 'imds-address' | 'arc' | 'workload-identity';

export interface Client {
  readonly name: string;
  /** For people. */
  readonly library: string;
  /** It has a chain of credentials that ends in managed identity. */
  readonly hasChain: boolean;
  readonly takesObjectId: boolean;
  readonly knows: readonly FurtherFlavour[];
  /** Of these it keeps to itself what the broker says of a refusal. */
  readonly silentOn?: readonly FurtherFlavour[];
  /** There it looks first whether anybody answers, without the header that a request for a token has. */
  readonly probesOn?: readonly FurtherFlavour[];
  /** There it takes no id of an identity. */
  readonly noSelectorOn?: readonly FurtherFlavour[];
  /** What it says in TLS is not read (docs/RUNTIMES.md). */
  readonly isUnread?: true;
  /** How many requests two questions for one token are. */
  readonly requests: number;
  /** Errors: ToolMissing. */
  readonly install: () => Installed;
}

const PYTHON_PACKAGES = ['azure-identity==1.27.0', 'msal==1.39.0', 'requests==2.34.2', 'aiohttp==3.14.5'];
const AZ_PACKAGES = ['azure-cli==2.91.0'];

function byNode(release: string, library: '@azure/identity' | '@azure/msal-node', version: string): () => Installed {
  return () => {
    const node = nodeRelease(release);
    const { folder, version: installed } = npmPackage(library, version);
    return {
      version: installed,
      runtime: `Node ${release}`,
      command: [node, join(clients, 'identity.mjs'), library === '@azure/msal-node' ? 'msal' : 'identity'],
      environment: { MATRIX_PACKAGES: folder },
    };
  };
}

function byPython(client: 'identity' | 'identity.aio' | 'msal'): () => Installed {
  return () => {
    const python = pythonWith('sdk', PYTHON_PACKAGES);
    const distribution = client === 'msal' ? 'msal' : 'azure-identity';
    return {
      version: pythonVersion(python, distribution),
      runtime: `Python ${versionOf([python, '--version'])}`,
      command: [python, join(clients, 'identity.py'), client],
    };
  };
}

function pythonVersion(python: string, distribution: string): string {
  return versionOf([python, '-c', `from importlib.metadata import version; print(version('${distribution}'))`]);
}

function byAz(): Installed {
  const python = pythonWith('az', AZ_PACKAGES);
  return {
    version: pythonVersion(python, 'azure-cli'),
    runtime: `Python ${versionOf([python, '--version'])}`,
    command: [python, join(clients, 'az.py')],
  };
}

function byGo(name: string, module: string): () => Installed {
  return () => {
    const program = goProgram(name);
    const about = ['go', 'version', '-m', program];
    const version = versionOf(['sh', '-c', `"$0" "$1" "$2" "$3" | grep -F "${module}"`, ...about]);
    return { version, runtime: `Go ${versionOf(['go', 'version', program])}, static, stripped`, command: [program] };
  };
}

function byJava(): Installed {
  const classPath = javaClassPath();
  const java = fromDebian('java', 'openjdk-17-jre-headless');
  return {
    version: '1.19.0',
    runtime: `Java ${versionOf([java, '--version'])}`,
    command: [java, '-XX:TieredStopAtLevel=1', '-cp', classPath, 'IdentityClient'],
  };
}

const byRust = (): Installed => ({ version: '1.0.0', runtime: 'Rust, stripped', command: [rustProgram()] });

const MANAGED = ['imds', 'imds-address', 'arc'] as const;
const EVERY = [...MANAGED, 'workload-identity'] as const;
/** MSAL for Go has the address of the metadata service written into it. Of Arc it expects a challenge, and reads nothing else. */
const BY_MSAL_GO = { knows: ['imds-address', 'arc'], silentOn: ['arc'] } as const;
const BY_GO = { ...BY_MSAL_GO, knows: [...BY_MSAL_GO.knows, 'workload-identity'] } as const;
const WITH_CHAIN = { hasChain: true, takesObjectId: true, knows: EVERY, requests: 1 } as const;
const WITHOUT_CHAIN = { ...WITH_CHAIN, hasChain: false, knows: MANAGED } as const;
const JS = '@azure/identity';
const MSAL_JS = '@azure/msal-node';
const GO = 'github.com/Azure/azure-sdk-for-go/sdk/azidentity';
const MSAL_GO = 'github.com/AzureAD/microsoft-authentication-library-for-go';

export const CLIENTS: readonly Client[] = [
  { name: 'js-identity-4', library: JS, ...WITH_CHAIN, install: byNode('26.10.0', JS, '4.14.1') },
  { name: 'js-identity-4-node-22', library: JS, ...WITH_CHAIN, install: byNode('22.23.3', JS, '4.14.1') },
  { name: 'js-identity-4-node-20', library: JS, ...WITH_CHAIN, install: byNode('20.20.2', JS, '4.13.1') },
  // Object ids came with 4.
  {
    ...{ name: 'js-identity-3-node-20', library: JS, ...WITH_CHAIN, takesObjectId: false, probesOn: ['imds-address'] },
    install: byNode('20.20.2', JS, '3.4.2'),
  },
  { name: 'js-msal-7', library: MSAL_JS, ...WITHOUT_CHAIN, install: byNode('26.10.0', MSAL_JS, '7.2.1') },
  {
    ...{ name: 'js-msal-3-node-20', library: MSAL_JS, ...WITHOUT_CHAIN, noSelectorOn: ['arc'] },
    install: byNode('20.20.2', MSAL_JS, '3.8.10'),
  },
  { name: 'python-identity', library: 'azure-identity', ...WITH_CHAIN, install: byPython('identity') },
  { name: 'python-identity-aio', library: 'azure-identity, asyncio', ...WITH_CHAIN, install: byPython('identity.aio') },
  { name: 'python-msal', library: 'msal', ...WITHOUT_CHAIN, install: byPython('msal') },
  { name: 'go-identity', library: 'azidentity', ...WITH_CHAIN, ...BY_GO, install: byGo('azidentity', GO) },
  { name: 'go-msal', library: 'msal for Go', ...WITHOUT_CHAIN, ...BY_MSAL_GO, install: byGo('msal', MSAL_GO) },
  { name: 'java-identity', library: 'azure-identity', ...WITH_CHAIN, isUnread: true, install: byJava },
  { name: 'rust-identity', library: 'azure_identity', ...WITHOUT_CHAIN, knows: ['imds-address'], install: byRust },
  // It logs in and asks in two processes, and keeps no token between them.
  { name: 'az', library: 'az CLI', ...WITHOUT_CHAIN, knows: EVERY, requests: 2, install: byAz },
];
