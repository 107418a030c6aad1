// SPDX-License-Identifier: Apache-2.0

/**
 * Everything that the demo needs, started for real: a collector, an agent, a stand-in for Entra, a PostgreSQL server and an
 * HTTP service, both in TLS, and an sshd. All on loopback, all in one folder that is gone afterwards.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority } from '../../test/entra-stand-in/certificates.ts';
import { type PostgresServer, startPostgres } from '../../test/oracle/postgres/postgres-server.ts';
import { ToolMissing } from '../../test/runtimes/toolbox.ts';
import { type Sshd, startSshd } from '../../test/ssh/sshd.ts';
import { freePorts } from '../testing/free-ports.ts';
import { type Program, type ProgramOptions, startProgram } from './program.ts';
import { atTerminal, SHELL, SHELL_ENVIRONMENT } from './shell-session.ts';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'bin/node');
const sworn = join(root, 'bin/sworn');
const START_MS = 60_000;
const GRAPH = 'https://graph.microsoft.com';

/** The identities, and what acts for them. */
export const WORKLOADS = [
  {
    name: 'invoices',
    identity: 'invoice-agent',
    role: 'invoice_agent',
    command: [process.execPath, join(root, 'deploy/demo/agents/invoice-agent.mjs')],
  },
  {
    name: 'reports',
    identity: 'report-agent',
    role: 'report_agent',
    command: ['/usr/bin/python3', join(root, 'deploy/demo/agents/report_agent.py')],
  },
  {
    name: 'operations',
    identity: 'ops-agent',
    role: 'ops_agent',
    command: [process.execPath, join(root, 'deploy/demo/agents/ops-agent.mjs')],
  },
] as const;

export interface Stage {
  readonly folder: string;
  readonly apiUrl: string;
  readonly tokenFile: string;
  readonly agentId: string;
  readonly agentSocket: string;
  readonly agentConfig: string;
  readonly collectorConfig: string;
  readonly postgres: PostgresServer;
  readonly serviceLog: string;
  /** What the tool server wrote down, and the one at the terminal. */
  readonly toolLog: string;
  readonly shellLog: string;
  /** Undefined where there is none to be had: Debian's package is fetched at the first run. */
  readonly ssh: Sshd | undefined;
  /** Alerts that came to the webhook, as they were sent. */
  readonly webhookCalls: readonly { readonly headers: Record<string, unknown>; readonly body: string }[];
  /** Runs the workloads to their end, at the same time. */
  runWorkloads(): Promise<void>;
  stop(): Promise<void>;
}

export async function setStage(say: (what: string) => void): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-demo-'));
  const teardown: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (let step = teardown.pop(); step !== undefined; step = teardown.pop()) await step();
  };
  try {
    return await build(folder, teardown, stop, say);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function build(
  folder: string,
  teardown: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
  say: (what: string) => void,
): Promise<Stage> {
  const at = (...names: string[]): string => join(folder, ...names);
  mkdirSync(at('log'));
  const start = (name: string, command: readonly string[], options: Partial<ProgramOptions> = {}): Program => {
    const program = startProgram({ name, command, logFile: at('log', `${name}.log`), ...options });
    teardown.push(() => program.stop());
    return program;
  };

  const authority = await createCertificateAuthority('Authority of the demo');
  const certificate = await authority.issueServerCertificate(['localhost']);
  writeFileSync(at('ca.pem'), authority.certificatePem);
  writeFileSync(at('service.pem'), certificate.certificatePem);
  writeFileSync(at('service.key'), certificate.keyPem, { mode: 0o600 });

  say('PostgreSQL server');
  const postgres = await startPostgres({ identity: certificate });
  teardown.push(() => postgres.stop());
  const roles = WORKLOADS.map(({ role }) => `CREATE ROLE ${role} LOGIN; GRANT ALL ON SCHEMA public TO ${role};`);
  execFileSync('psql', ['-q', '-c', roles.join(' ')], { env: { ...process.env, ...postgres.environment } });

  say('HTTP service');
  const serviceLog = at('service.jsonl');
  writeFileSync(serviceLog, '');
  const serviceArgs = [serviceLog, at('service.pem'), at('service.key')];
  const service = start('http-service', [node, join(root, 'deploy/demo/http-service.ts'), ...serviceArgs]);
  const servicePort = await service.line((line) => /^\d+$/.test(line), START_MS);

  say('SSH server');
  const ssh = await startSshd().catch((error: unknown) => {
    if (!(error instanceof ToolMissing)) throw error;
    say(`rest without an SSH server: ${error.message}`);
    return undefined;
  });
  teardown.push(() => ssh?.stop());
  const shellLog = at('shell.told');

  say('stand-in for Entra');
  const tenant = randomUUID();
  const identities = WORKLOADS.map(({ identity }) => ({
    ...makeKey(folder, identity),
    clientId: randomUUID(),
    objectId: randomUUID(),
  }));
  const entraConfig = {
    tenants: [
      {
        tenantId: tenant,
        applications: identities.map(({ name, clientId, objectId, certificateFile }) => ({
          name,
          clientId,
          objectId,
          certificateFiles: [certificateFile],
        })),
        resources: [{ identifier: GRAPH, appId: '00000003-0000-0000-c000-000000000000', tokenVersion: 1 }],
      },
    ],
  };
  writeFileSync(at('entra.json'), JSON.stringify(entraConfig));
  const entraArgs = ['--config', at('entra.json'), '--ca-file', at('entra-ca.pem')];
  const entra = start('entra-stand-in', [node, join(root, 'test/entra-stand-in/main.ts'), ...entraArgs]);
  const entraSaid = JSON.parse(await entra.line((line) => line.startsWith('{'), START_MS)) as { authority: string };

  say('webhook that takes alerts');
  const webhook = await startWebhook();
  teardown.push(() => webhook.stop());

  say('collector with ClickHouse');
  const [ingestPort, apiPort, brokerPort] = await freePorts(3);
  const collectorConfig = at('collector.yaml');
  writeFileSync(at('webhook.secret'), randomUUID(), { mode: 0o600 });
  writeFileSync(
    collectorConfig,
    JSON.stringify({
      state_dir: at('collector'),
      ingest: { listen: `127.0.0.1:${ingestPort}` },
      api: { listen: `127.0.0.1:${apiPort}` },
      alerts: { webhooks: [{ name: 'demo', url: webhook.url, secret_file: at('webhook.secret') }] },
    }),
  );
  const collector = start('collector', [sworn, 'collector', '--config', collectorConfig]);
  await collector.line((line) => line.includes('the collector is ready'), START_MS);

  say('agent');
  const agentId = `demo-${randomUUID().slice(0, 8)}`;
  execFileSync(
    sworn,
    ['collector', '--config', collectorConfig, 'issue-certificate', '--agent', agentId, '--out', at('certificate')],
    { stdio: 'ignore' },
  );
  const agentConfig = at('agent.yaml');
  writeFileSync(
    agentConfig,
    JSON.stringify({
      state_dir: at('agent'),
      run_dir: at('run'),
      collector: {
        address: `localhost:${ingestPort}`,
        ca_file: at('certificate/collector-ca.pem'),
        certificate_file: at('certificate/agent.pem'),
        key_file: at('certificate/agent.key'),
      },
      identities: identities.map(({ name, clientId, objectId, keyFile, certificateFile }) => ({
        name,
        tenant,
        client_id: clientId,
        object_id: objectId,
        certificate: { key_file: keyFile, certificate_file: certificateFile },
      })),
      workloads: WORKLOADS.map(({ name, identity }) => ({
        name,
        identity,
        select: [{ run: ['root'] }],
        resources: [GRAPH],
      })),
      // Sooner than by default, for those who wait for it.
      seal: { checkpoint_seconds: 1 },
      broker: { port: brokerPort, authority: entraSaid.authority, authority_ca_file: at('entra-ca.pem') },
    }),
  );
  const agent = start('agent', [sworn, 'agent', '--config', agentConfig]);
  await agent.line((line) => line.includes('the agent records'), START_MS);

  const agentSocket = at('run/agent.sock');
  return {
    folder,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    tokenFile: at('collector/api-token'),
    agentId,
    agentSocket,
    agentConfig,
    collectorConfig,
    postgres,
    serviceLog,
    toolLog: at('tools.jsonl'),
    shellLog,
    ssh,
    webhookCalls: webhook.calls,
    async runWorkloads() {
      const environment = {
        ...postgres.environment,
        PGHOST: 'localhost',
        PGSSLMODE: 'verify-full',
        PGSSLROOTCERT: at('ca.pem'),
        INVOICE_API: `https://localhost:${servicePort}`,
        // Whom programs trust: Node, OpenSSL under Python, curl.
        NODE_EXTRA_CA_CERTS: at('ca.pem'),
        SSL_CERT_FILE: at('ca.pem'),
        CURL_CA_BUNDLE: at('ca.pem'),
        TOOL_SERVER: join(root, 'deploy/demo/agents/tool_server.py'),
        TOOL_LOG: at('tools.jsonl'),
        ...(ssh && { SSH_CONFIG: ssh.config }),
      };
      const run = async (name: string, role: string, command: readonly string[]): Promise<void> => {
        const its = { ...environment, ...SHELL_ENVIRONMENT, PGUSER: role, PATH: `${process.env['PATH']}:${root}/bin` };
        const code = await start(`workload-${name}`, command, { environment: its, quiet: true }).ended;
        if (code === 0) return;
        const said = readFileSync(at('log', `workload-${name}.log`), 'utf8');
        throw new Error(`the workload ${name} ended with exit code ${code}:\n${said}`);
      };
      const recorded = (identity: string, command: readonly string[]): readonly string[] => [
        sworn,
        'run',
        '--socket',
        agentSocket,
        '--identity',
        identity,
        '--',
        ...command,
      ];
      await Promise.all([
        ...WORKLOADS.map(({ name, identity, role, command }) => run(name, role, recorded(identity, command))),
        run('shell', 'ops_agent', atTerminal(shellLog, recorded('ops-agent', SHELL))),
      ]);
    },
    stop,
  };
}

function makeKey(folder: string, name: string): { name: string; keyFile: string; certificateFile: string } {
  const keyFile = join(folder, `${name}.key`);
  const certificateFile = join(folder, `${name}.pem`);
  const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', ...subject, '-keyout', keyFile, '-out', certificateFile],
    { stdio: 'ignore' },
  );
  return { name, keyFile, certificateFile };
}

async function startWebhook() {
  const { createServer: createHttpServer } = await import('node:http');
  const calls: { headers: Record<string, unknown>; body: string }[] = [];
  const server = createHttpServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      calls.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    calls,
    stop: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
