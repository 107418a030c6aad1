// SPDX-License-Identifier: Apache-2.0

/**
 * A host on which every interface of the broker and every kind of identity is in use: a real agent with its broker, a real
 * collector behind a copy of what crosses to it, stand-ins for Entra and for the host's metadata service, a service that gives
 * back what it is told, and PostgreSQL. All secrets that came to be are gathered: what workloads were told, and what crossed
 * between the broker and Entra.
 */
import { execFileSync } from 'node:child_process';
import { createPrivateKey, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Identity } from '../../agent/broker/policy/identity.ts';
import {
  ALICE,
  CLIENT,
  type EntraStage,
  GRAPH,
  openEntraStage,
  TENANT,
} from '../../agent/broker/testing/entra-stage.ts';
import { type PostgresServer, startPostgres } from '../oracle/postgres/postgres-server.ts';
import { type Recording, root, startRecording } from '../oracle/recording/recording.ts';
import { type HttpTap, tapHttp } from './http-tap.ts';
import { startWireCopy, type WireCopy } from './wire-copy.ts';

/** Names of identities of the stage; each is a workload, too. */
const ASKING = ['app', 'agent', 'agentUser', 'federated', 'managed', 'chained', 'host'] as const;
/** No policy names it. */
const THIEF = 'stray';
/** So many characters of a signature stand for all of it: what is cut off must not show either end. */
const END_LENGTH = 24;
const JWT = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g;

export interface TokenScene {
  readonly recording: Recording;
  readonly copy: WireCopy;
  readonly marker: string;
  /** How many tokens and assertions crossed between the broker and Entra. */
  readonly crossed: number;
  readonly secrets: ReadonlyMap<string, string>;
  stop(): Promise<void>;
}

/** Plays it all; the agent still runs. */
export async function playTokenScene(): Promise<TokenScene> {
  const folder = mkdtempSync(join(tmpdir(), 'sworn-token-secrets-'));
  const ends: (() => Promise<unknown> | unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) await end();
  };
  const kept = <T>(made: T, end: (made: T) => Promise<unknown> | unknown): T => {
    ends.push(() => end(made));
    return made;
  };
  try {
    const tap = kept(tapHttp(), (one) => one.stop());
    const stage = kept(await openEntraStage(), (one) => one.stop());
    writeFileSync(stage.tokenFile, await stage.cluster.sign('system:agent', Date.now()));
    const service = kept(await startEcho(), (one) => one.close());
    const hba = ['host all token_role 127.0.0.1/32 password', 'host all all 127.0.0.1/32 trust'];
    const postgres = kept(await startPostgres({ hba }), (one) => one.stop());
    const copy = kept(await startWireCopy(), (one) => one.stop());
    const recording = kept(await record(stage, copy), (one) => one.stop());
    const marker = `marker-${randomUUID()}`;
    const parts = { folder, tap, stage, service, postgres, recording, marker };
    const { secrets, crossed } = await play(parts);
    return { recording, copy, marker, crossed, secrets, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Parts {
  readonly folder: string;
  readonly tap: HttpTap;
  readonly stage: EntraStage;
  readonly service: Server;
  readonly postgres: PostgresServer;
  readonly recording: Recording;
  readonly marker: string;
}

async function play(parts: Parts): Promise<{ secrets: Map<string, string>; crossed: number }> {
  const { folder, tap, stage, service, postgres, recording, marker } = parts;
  const toldFile = join(folder, 'told');
  const person = stage.person(ALICE, CLIENT.app);
  const saml = stage.entra.issueSaml({ tenantId: TENANT, user: ALICE, audience: 'https://service.example/saml' });
  const environment = {
    ...postgres.environment,
    ...{ MARKER: marker, TOLD_FILE: toldFile, RESOURCE: GRAPH, SWORN: join(root, 'bin/sworn') },
    ...{ PERSON_TOKEN: person, SAML_RESPONSE: samlResponse(saml), APP_CLIENT: CLIENT.app },
    SERVICE: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
    HOST_METADATA: `${stage.host.origin}/metadata/identity/oauth2/token`,
    HOST_CLIENT: CLIENT.hostIdentity,
    ENTRA_TOKENS: `${stage.entra.authority}/${TENANT}/oauth2/v2.0/token`,
    ARC_PORT: String(portsIn(recording).arc),
  };
  const run = (workload: string, what: readonly string[], more: object = {}): Promise<unknown> =>
    recording.run(workload, ['python3', join(import.meta.dirname, 'token-workload.py'), ...what], {
      environment: { ...environment, ...more },
    });

  await run('app', ['use', 'imds', 'arc', 'unix', 'on_behalf', 'saml', 'past']);
  for (const name of ASKING.slice(1)) await run(name, ['get']);
  const [token = ''] = toldBy(toldFile, 'token');
  createRole(postgres, token);
  await run('app', ['login']);
  const exchanged = jwtsIn(tap.text()).filter((one) => audienceOf(one).includes('AzureADTokenExchange'));
  if (exchanged.length === 0) throw new Error('no token for the exchange crossed to Entra');
  await run(THIEF, ['steal'], { STOLEN: [token, ...exchanged].join(' ') });

  const secrets = new Map<string, string>();
  const add = (name: string, secret: string): void => {
    const [, , signature] = secret.split('.');
    const whole = signature ?? secret;
    secrets.set(`${name}, its beginning`, whole.slice(0, END_LENGTH));
    secrets.set(`${name}, its end`, whole.slice(-END_LENGTH));
  };
  const told = readFileSync(toldFile, 'utf8').trim().split('\n');
  for (const line of new Set(told)) {
    const [, name, secret] = /^(.*) (\S+)$/.exec(line) as unknown as [string, string, string];
    // Of a SAML response the signature is what cannot be guessed.
    if (!name.startsWith('SAML')) add(`${name} (${secrets.size})`, secret);
  }
  add('signature of the SAML assertion', (/<(?:\w+:)?SignatureValue>([^<]+)</.exec(saml)?.[1] ?? '').trim());
  const crossed = jwtsIn(tap.text());
  for (const [i, one] of crossed.entries()) add(`token or assertion ${i} at Entra`, one);
  for (const identity of Object.values(stage.identities)) for (const part of keyParts(identity)) secrets.set(...part);
  return { secrets, crossed: crossed.length };
}

function record(stage: EntraStage, copy: WireCopy): Promise<Recording> {
  return startRecording({
    identities: [...ASKING, THIEF],
    collector: true,
    config: (folder) => {
      const caFile = join(folder, 'entra-ca.pem');
      writeFileSync(caFile, stage.entra.caCertificatePem);
      const ready = () => JSON.parse(lineOf(join(folder, 'log/collector.log'), 'the collector is ready'));
      const ingest = () => (ready().ingest as string).replace('127.0.0.1', 'localhost');
      const asks = ASKING.map((name) => ({ name, identity: name, select: [{ run: ['root'] }] }));
      return {
        log_level: 'trace',
        collector: copy.target(folder, join(folder, 'certificate'), ingest),
        broker: {
          ...{ port: 0, authority: stage.entra.authority, authority_ca_file: caFile },
          ...{ host_metadata: stage.host.origin, imds: { enabled: true, port: 0 }, arc: { enabled: true, port: 0 } },
        },
        identities: Object.values(stage.identities).map(configured),
        workloads: [...asks, { name: THIEF, identity: THIEF, select: [{ run: ['root'] }] }],
        policies: ASKING.map((name) => ({
          ...{ name, match: { workload: name }, identity: name, resources: [GRAPH] },
          interfaces: ['app-service', 'imds', 'arc', 'unix'],
        })),
      };
    },
  });
}

/** An identity of the stage in the words of the agent's configuration. */
function configured(identity: Identity): object {
  const { name, tenant, clientId } = identity;
  const head = { name, tenant, client_id: clientId };
  if (identity.kind !== 'app') {
    const { kind } = identity;
    if (kind === 'host') return { ...head, kind, system_assigned: identity.systemAssigned === true };
    return { ...head, kind, blueprint: identity.blueprint, ...(kind === 'agent-user' && { user: identity.user }) };
  }
  const { credential } = identity;
  switch (credential.kind) {
    case 'certificate': {
      const { keyFile, certificateFile, sendChain = false } = credential;
      const certificate = { key_file: keyFile, certificate_file: certificateFile, send_chain: sendChain };
      return { ...head, certificate };
    }
    case 'federated':
      return { ...head, federated: { token_file: credential.tokenFile } };
    case 'managed-identity':
      return { ...head, managed_identity: { client_id: credential.clientId } };
    default:
      throw new Error(`no identity of the stage has a credential of the kind ${credential.kind}`);
  }
}

/** What of a private key nobody can make up, as its file has it and as others write it. */
function keyParts(identity: Identity): [string, string][] {
  if (identity.kind !== 'app' || identity.credential.kind !== 'certificate') return [];
  const pem = readFileSync(identity.credential.keyFile, 'utf8');
  const lines = pem.split('\n').filter((line) => line !== '' && !line.startsWith('-'));
  const { d = '', p = '' } = createPrivateKey(pem).export({ format: 'jwk' });
  const named = Object.entries({ 'tenth line': lines[9] as string, 'last line but one': lines.at(-2) as string, d, p });
  return named.map(([part, text]) => [`private key of ${identity.name}, ${part}`, text.slice(0, END_LENGTH)]);
}

export function jwtsIn(text: string): string[] {
  return [...new Set(text.match(JWT) ?? [])];
}

function audienceOf(jwt: string): string {
  const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] as string, 'base64url').toString('utf8'));
  return String((claims as { aud?: unknown }).aud);
}

function toldBy(file: string, name: string): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
}

function portsIn({ logs }: Recording): { arc: number } {
  return JSON.parse(lineOf(logs[0] as string, 'the broker listens')).ports;
}

function lineOf(file: string, words: string): string {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((one) => one.includes(words));
  if (line === undefined) throw new Error(`${file} does not say '${words}'`);
  return line;
}

function samlResponse(assertion: string): string {
  const response = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">${assertion}</samlp:Response>`;
  return Buffer.from(response).toString('base64');
}

function createRole({ environment }: PostgresServer, password: string): void {
  const sql = `CREATE ROLE token_role LOGIN PASSWORD '${password}'`;
  execFileSync('psql', ['-X', '-q'], { env: { ...process.env, ...environment }, input: sql });
}

/** Gives back what it was asked, headers and all, as services for trying out do. */
async function startEcho(): Promise<Server> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ url: request.url, headers: request.headers, body }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/**
 * Every file below a folder, by its path in it. ClickHouse merges its parts while they are read: what is gone in between is
 * in the part that it became, and in the table.
 */
export function contentsBelow(folder: string): Map<string, Buffer> {
  const contents = new Map<string, Buffer>();
  const visit = (path: string): void => {
    for (const entry of unlessGone(() => readdirSync(join(folder, path), { withFileTypes: true })) ?? []) {
      const name = join(path, entry.name);
      if (entry.isDirectory()) visit(name);
      else if (entry.isFile()) {
        const content = unlessGone(() => readFileSync(join(folder, name)));
        if (content !== undefined) contents.set(name, content);
      }
    }
  };
  visit('');
  return contents;
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
