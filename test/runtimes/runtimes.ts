// SPDX-License-Identifier: Apache-2.0

/** The clients of the matrix: how each is had, how it is run, and whether what it sends by TLS can be read. */
import { join } from 'node:path';
import { fromDebian, versionOf } from './toolbox.ts';
import {
  bunRelease,
  clients,
  denoRelease,
  goProgram,
  javaClasses,
  nodeRelease,
  pythonWith,
  rustProgram,
} from './tools.ts';

/** A process that asks for one thing and ends, or one that asks for several (README.md). */
export type Life = 'one' | 'several';

/** A client that is there. */
export interface Client {
  readonly version: string;
  readonly command: (life: Life) => readonly string[];
  /** Runs once before the row, as a workload, until the agent has placed a probe in the program. */
  readonly ahead?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Runtime {
  readonly name: string;
  readonly protocol: 'http' | 'postgresql';
  /** Which TLS it speaks by, for people; '' for none. */
  readonly library: string;
  /** 'unreadable' says why: it is then to be found, not read. */
  readonly expect: 'readable' | { readonly unreadable: string };
  /** Errors: ToolMissing. */
  readonly install: (authorityFile: string) => Client;
}

const PYTHON_PACKAGES = [
  'requests==2.34.2',
  'httpx==0.28.1',
  'psycopg[binary]==3.3.9',
  'psycopg2-binary==2.9.13',
  'asyncpg==0.31.0',
];

/** The last whose wheel brings OpenSSL 1.1, which many hosts still have in one place or another. */
const OLD_PYTHON_PACKAGES = ['psycopg2-binary==2.9.5'];

const NSS = { unreadable: 'NSS: no probe for its secrets' };
const JSSE = { unreadable: "JSSE: Java's own TLS, compiled while it runs; no place for a probe" };

function script(name: string, ...args: string[]): (life: Life) => string[] {
  return (life) => ['sh', join(clients, name), ...args, life];
}

function byProgram(client: string, program: string, packageName: string): Runtime['install'] {
  return () => ({
    version: versionOf([fromDebian(program, packageName), client === 's_client' ? 'version' : '--version']),
    command: script('https.sh', client),
  });
}

function byDebianPython(client: string, needs?: readonly [file: string, packageName: string]): Runtime['install'] {
  return () => {
    if (needs !== undefined) fromDebian(...needs);
    const python = fromDebian('python3', 'python3');
    return { version: versionOf([python, '--version']), command: pythonScript(python, 'https_clients.py', client) };
  };
}

function byPackage(file: string, module: string, isOld = false): Runtime['install'] {
  return () => {
    const python = isOld ? pythonWith('old', OLD_PYTHON_PACKAGES) : pythonWith('new', PYTHON_PACKAGES);
    const version = versionOf([python, '-c', `import ${module}; print(${module}.__version__)`]);
    return { version, command: pythonScript(python, file, module) };
  };
}

function pythonScript(python: string, file: string, client: string): Client['command'] {
  return (life) => [python, join(clients, file), client, life];
}

function byNode(release: string, client: 'https' | 'fetch'): Runtime['install'] {
  return (authorityFile) => {
    const node = nodeRelease(release);
    return {
      version: versionOf([node, '--version']),
      command: (life) => [node, join(clients, 'https.mjs'), client, life],
      environment: { NODE_EXTRA_CA_CERTS: authorityFile },
    };
  };
}

function byNodePostgres(release: string): Runtime['install'] {
  return () => {
    const node = nodeRelease(release);
    return { version: versionOf([node, '--version']), command: (life) => [node, join(clients, 'postgres.mjs'), life] };
  };
}

function byGo(name: string): Runtime['install'] {
  return () => {
    const program = goProgram(name);
    return { version: versionOf(['go', 'version', program]), command: (life) => [program, life] };
  };
}

function byRust(feature: string): Runtime['install'] {
  return () => {
    const program = rustProgram(feature);
    return { version: '0.12.9', command: (life) => [program, life] };
  };
}

function byJava(name: string, libraries: readonly string[] = []): Runtime['install'] {
  return () => {
    const java = fromDebian('java', 'openjdk-17-jre-headless');
    const classes = [javaClasses(), ...libraries].join(':');
    return { version: versionOf([java, '--version']), command: (life) => [java, '-cp', classes, name, life] };
  };
}

const psql: Runtime['install'] = () => ({
  version: versionOf([fromDebian('psql', 'postgresql-client'), '--version']),
  command: script('psql.sh'),
});

const git: Runtime['install'] = () => ({
  version: versionOf([fromDebian('git', 'git'), '--version']),
  command: script('git.sh'),
});

const bun: Runtime['install'] = (authorityFile) => {
  const program = bunRelease('1.4.5');
  return {
    version: versionOf([program, '--version']),
    command: (life) => [program, join(clients, 'https.mjs'), 'fetch', life],
    ahead: [program, '--version'],
    environment: { NODE_EXTRA_CA_CERTS: authorityFile },
  };
};

const deno: Runtime['install'] = (authorityFile) => {
  const program = denoRelease('2.9.6');
  return {
    version: versionOf([program, '--version']),
    command: (life) => [program, 'run', '--quiet', '-A', join(clients, 'https.mjs'), 'fetch', life],
    ahead: [program, '--version'],
    environment: { DENO_CERT: authorityFile, DENO_NO_UPDATE_CHECK: '1' },
  };
};

const jdbc: Runtime['install'] = () =>
  byJava('PostgresClient', [fromDebian('/usr/share/java/postgresql.jar', 'libpostgresql-jdbc-java')])('');

const READABLE = { protocol: 'http', expect: 'readable' } as const;
const READABLE_POSTGRES = { protocol: 'postgresql', expect: 'readable' } as const;
const UNREADABLE = { protocol: 'http' } as const;

export const RUNTIMES: readonly Runtime[] = [
  { name: 'curl', ...READABLE, library: "Debian's OpenSSL", install: byProgram('curl', 'curl', 'curl') },
  {
    name: 'openssl-s_client',
    ...READABLE,
    library: "Debian's OpenSSL",
    install: byProgram('s_client', 'openssl', 'openssl'),
  },
  { name: 'python-http.client', ...READABLE, library: "Debian's OpenSSL", install: byDebianPython('http.client') },
  { name: 'python-asyncio', ...READABLE, library: "Debian's OpenSSL, memory BIOs", install: byDebianPython('asyncio') },
  {
    name: 'python-requests',
    ...READABLE,
    library: "Debian's OpenSSL",
    install: byPackage('https_clients.py', 'requests'),
  },
  { name: 'python-httpx', ...READABLE, library: "Debian's OpenSSL", install: byPackage('https_clients.py', 'httpx') },
  { name: 'node-20-https', ...READABLE, library: 'OpenSSL linked into Node', install: byNode('20.20.2', 'https') },
  { name: 'node-22-https', ...READABLE, library: 'OpenSSL linked into Node', install: byNode('22.23.3', 'https') },
  { name: 'node-24-https', ...READABLE, library: 'OpenSSL linked into Node', install: byNode('24.21.0', 'https') },
  { name: 'node-26-https', ...READABLE, library: 'OpenSSL linked into Node', install: byNode('26.10.0', 'https') },
  { name: 'node-26-fetch', ...READABLE, library: 'OpenSSL linked into Node', install: byNode('26.10.0', 'fetch') },
  { name: 'go-net-http', ...READABLE, library: "Go's crypto/tls, static, stripped", install: byGo('https') },
  { name: 'rust-native-tls', ...READABLE, library: "Debian's OpenSSL", install: byRust('native') },
  { name: 'psql', ...READABLE_POSTGRES, library: "Debian's OpenSSL", install: psql },
  {
    name: 'psycopg-binary',
    ...READABLE_POSTGRES,
    library: 'OpenSSL of its wheel',
    install: byPackage('postgres_clients.py', 'psycopg'),
  },
  {
    name: 'psycopg2-binary',
    ...READABLE_POSTGRES,
    library: 'OpenSSL of its wheel',
    install: byPackage('postgres_clients.py', 'psycopg2'),
  },
  {
    name: 'asyncpg',
    ...READABLE_POSTGRES,
    library: "Debian's OpenSSL, memory BIOs",
    install: byPackage('postgres_clients.py', 'asyncpg'),
  },
  {
    name: 'node-postgres',
    ...READABLE_POSTGRES,
    library: 'OpenSSL linked into Node',
    install: byNodePostgres('26.10.0'),
  },
  { name: 'go-pgx', ...READABLE_POSTGRES, library: "Go's crypto/tls, static, stripped", install: byGo('postgres') },
  {
    name: 'psycopg2-binary-2.9.5',
    ...READABLE_POSTGRES,
    library: 'OpenSSL 1.1 of its wheel',
    install: byPackage('postgres_clients.py', 'psycopg2', true),
  },
  {
    name: 'wget',
    ...READABLE,
    library: "Debian's GnuTLS",
    install: byProgram('wget', 'wget', 'wget'),
  },
  { name: 'git', ...READABLE, library: "Debian's GnuTLS, by libcurl", install: git },
  {
    name: 'gnutls-cli',
    ...READABLE,
    library: "Debian's GnuTLS",
    install: byProgram('gnutls-cli', 'gnutls-cli', 'gnutls-bin'),
  },
  {
    name: 'libcurl-gnutls',
    ...READABLE,
    library: "Debian's GnuTLS",
    install: byDebianPython('libcurl-gnutls.so.4', [sharedLibrary('libcurl-gnutls.so.4'), 'libcurl3-gnutls']),
  },
  {
    name: 'libcurl-nss',
    ...UNREADABLE,
    expect: NSS,
    library: "Debian's NSS",
    install: byDebianPython('libcurl-nss.so.4', [sharedLibrary('libcurl-nss.so.4'), 'libcurl3-nss']),
  },
  {
    name: 'rust-rustls',
    ...READABLE,
    library: 'rustls, linked in, stripped',
    install: byRust('rustls'),
  },
  { name: 'bun', ...READABLE, library: 'BoringSSL linked into Bun', install: bun },
  { name: 'deno', ...READABLE, library: 'rustls with aws-lc linked into Deno', install: deno },
  { name: 'java-http', ...UNREADABLE, expect: JSSE, library: 'JSSE', install: byJava('HttpsClient') },
  { name: 'java-jdbc', protocol: 'postgresql', expect: JSSE, library: 'JSSE', install: jdbc },
];

function sharedLibrary(name: string): string {
  return join('/usr/lib', process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu', name);
}
