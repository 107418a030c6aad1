// SPDX-License-Identifier: Apache-2.0

/**
 * A cluster of one kube-apiserver with etcd and its audit log, and a stand-in for a kubelet: on loopback, in a folder of its
 * own, gone after `stop`. Programs are those of build.sh.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Program, startProgram } from '../../deploy/demo/program.ts';
import { freePort } from '../../deploy/testing/free-ports.ts';
import { root } from '../oracle/recording/recording.ts';

const WAIT_MS_MAX = 120_000;

export interface AuditEvent {
  readonly auditID: string;
  readonly stage: string;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
}

export interface Cluster {
  readonly folder: string;
  readonly programs: string;
  /** For the clients that are recorded: the user `agent`. */
  readonly kubeconfig: string;
  /** All that was answered to `agent`. */
  events(): AuditEvent[];
  stop(): Promise<void>;
}

/** Where build.sh has put them. */
export function programsFolder(): string {
  return process.env['SWORN_KUBERNETES_PROGRAMS'] ?? join(root, '.setup/kubernetes');
}

export async function startCluster(): Promise<Cluster> {
  const programs = programsFolder();
  if (!existsSync(join(programs, 'kube-apiserver'))) {
    throw new TypeError(`${programs} has no kube-apiserver: test/kubernetes/build.sh builds it`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'sworn-kubernetes-'));
  const running: Program[] = [];
  const stop = async (): Promise<void> => {
    for (let one = running.pop(); one !== undefined; one = running.pop()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return await start(folder, programs, running, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  folder: string,
  programs: string,
  running: Program[],
  stop: () => Promise<void>,
): Promise<Cluster> {
  const at = (...names: string[]): string => join(folder, ...names);
  const run = (name: string, args: readonly string[]): Program => {
    const program = startProgram({
      name,
      command: [join(programs, name), ...args],
      folder,
      logFile: at(`${name}.log`),
    });
    running.push(program);
    return program;
  };
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
  execFileSync('openssl', ['genrsa', '-out', at('sa.key'), '2048'], { stdio: 'ignore' });
  writeFileSync(at('audit.yaml'), JSON.stringify(POLICY));
  writeFileSync(at('tokens.csv'), 'sworn-admin,admin,1,"system:masters"\nsworn-agent,agent,2,"system:masters"\n');
  run('etcd', [
    ...['--data-dir', at('etcd'), '--unsafe-no-fsync'],
    ...['--listen-client-urls', `http://127.0.0.1:${client}`, '--advertise-client-urls', `http://127.0.0.1:${client}`],
    ...['--listen-peer-urls', `http://127.0.0.1:${peer}`],
  ]);
  run('kube-apiserver', [
    ...[`--etcd-servers=http://127.0.0.1:${client}`, '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1'],
    ...[`--secure-port=${port}`, `--cert-dir=${at('certificates')}`, '--endpoint-reconciler-type=none'],
    ...['--service-account-issuer=https://kubernetes.default.svc', `--service-account-key-file=${at('sa.key')}`],
    ...[`--service-account-signing-key-file=${at('sa.key')}`, '--authorization-mode=RBAC', '--allow-privileged=true'],
    ...[`--audit-policy-file=${at('audit.yaml')}`, `--audit-log-path=${at('audit.log')}`, '--audit-log-mode=blocking'],
    ...[`--token-auth-file=${at('tokens.csv')}`, '--service-cluster-ip-range=10.0.0.0/24'],
    '--disable-admission-plugins=ServiceAccount',
  ]);
  const kubelet = run('kubelet-stand-in', ['127.0.0.1:0']);
  const kubeletPort = Number(await kubelet.line((line) => /^\d+$/.test(line), WAIT_MS_MAX));
  const server = `https://127.0.0.1:${port}`;
  const configOf = (user: string): string => {
    const file = at(`${user}.kubeconfig`);
    writeFileSync(file, JSON.stringify(kubeconfig(server, `sworn-${user}`)));
    return file;
  };
  const admin = configOf('admin');
  const kubectl = (args: readonly string[], input = ''): string =>
    execFileSync(join(programs, 'kubectl'), ['--kubeconfig', admin, '--cache-dir', at('cache'), ...args], {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  await untilReady(() => kubectl(['get', '--raw', '/readyz']));
  mkdirSync(at('home'));
  fillCluster(kubectl, kubeletPort);
  return {
    folder,
    programs,
    kubeconfig: configOf('agent'),
    events: () => eventsOf(readFileSync(at('audit.log'), 'utf8')),
    stop,
  };
}

const POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [{ level: 'RequestResponse' }],
};

function kubeconfig(server: string, token: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  };
}

/** A node where the stand-in is, and a pod that runs there as far as the API knows. */
function fillCluster(kubectl: (args: readonly string[], input?: string) => string, kubeletPort: number): void {
  const create = (path: string, object: object) =>
    kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(object));
  const patch = (what: readonly string[], status: object) =>
    kubectl(['patch', ...what, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
  create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  patch(['node', 'n1'], {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
  });
  const container = { name: 'main', image: 'none' };
  create('/api/v1/namespaces/default/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { nodeName: 'n1', containers: [container] },
  });
  patch(['pod', 'web'], {
    phase: 'Running',
    containerStatuses: [{ ...container, imageID: 'x', ready: true, restartCount: 0, state: { running: {} } }],
  });
}

function eventsOf(log: string): AuditEvent[] {
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ stage, user }) => stage === 'ResponseComplete' && user.username === 'agent');
}

async function untilReady(ask: () => string): Promise<void> {
  const until = Date.now() + WAIT_MS_MAX;
  for (;;) {
    try {
      ask();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(200);
    }
  }
}
