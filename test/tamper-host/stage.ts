// SPDX-License-Identifier: Apache-2.0

/** A collector and an agent of its own user, as the units run them, for acts against the agent. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../../deploy/demo/program.ts';
import { DaemonPair } from '../../deploy/testing/daemon-pair.ts';

/** Numbers that no account of this machine has. */
export const AGENT_UID = 61_990;
export const OTHER_UID = 61_991;
export const AGENT_ID = 'tampered';

const WAIT_MS_MAX = 60_000;
const project = join(import.meta.dirname, '../..');
/** As in deploy/systemd/sworn-agent.service. */
const CAPABILITIES = '+bpf,+perfmon,+net_admin,+sys_ptrace,+dac_read_search';

export interface ActResult {
  readonly act: string;
  readonly refused: boolean;
  readonly how: string;
}

export interface Told {
  readonly rule_id: string;
  readonly rule_title: string;
  readonly level: string;
  readonly summary: string;
}

export class Stage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sworn-tamper-'));
  readonly pair: DaemonPair;
  agent!: Program;
  collector!: Program;

  constructor() {
    chmodSync(this.#folder, 0o755);
    this.pair = new DaemonPair({
      sworn: join(project, 'bin/sworn'),
      folder: this.#folder,
      before: (who) => (who === 'agent' ? this.#asAgent() : []),
      change: (who, made) =>
        who === 'agent'
          ? { ...made, broker: { enabled: false }, tls: { enabled: false }, record: { heartbeat_seconds: 1 } }
          : { ...made, silence: { seconds: 1, grace_seconds: 0 } },
    });
  }

  async start(): Promise<void> {
    await this.pair.configure();
    this.collector = await this.pair.startCollector();
    this.pair.issueCertificate(AGENT_ID);
    for (const name of ['agent', 'run']) {
      mkdirSync(this.path(name), { mode: 0o755 });
      chownSync(this.path(name), AGENT_UID, AGENT_UID);
    }
    chmodSync(this.path('agent'), 0o700);
    execFileSync('sh', [
      '-c',
      `printf '%s\\n' ${AGENT_ID} > "$0" && chown ${AGENT_UID}:${AGENT_UID} "$0"`,
      this.path('agent/agent-id'),
    ]);
    execFileSync('chown', ['-R', `${AGENT_UID}:${AGENT_UID}`, this.path('certificate')]);
    await this.startAgent();
  }

  async startAgent(): Promise<void> {
    this.agent = await this.pair.startAgent();
    await this.untilDelivering();
  }

  async untilDelivering(): Promise<void> {
    await this.until('it delivers', async () => ((await this.delivery())?.stored_seq ?? 0) > 0);
  }

  /** What the agent says of its delivery. */
  async delivery(): Promise<{ stored_seq: number; error: { code: string } | null } | undefined> {
    const { out } = await this.pair.sworn('status', '--json', '--socket', this.pair.socket);
    return (JSON.parse(out) as { agent: { delivery: { stored_seq: number; error: { code: string } | null } } | null })
      .agent?.delivery;
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + WAIT_MS_MAX;
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`not in time: ${what}`);
      await sleep(100);
    }
  }

  get pid(): number {
    return this.agent.child.pid as number;
  }

  path(...names: string[]): string {
    return this.pair.path(...names);
  }

  /** What these acts came to, done by a process of that user without any right. */
  actsAs(uid: number): ActResult[] {
    const where = {
      pid: this.pid,
      state_dir: this.path('agent'),
      config: this.path('agent.yaml'),
      certificate_key: this.path('certificate/agent.key'),
      socket: this.pair.socket,
    };
    const user = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all'];
    // Not one of somebody's home, where others may not go.
    const python = ['/usr/bin/python3', join(import.meta.dirname, 'acts.py'), JSON.stringify(where)];
    const { stdout, stderr, status } = spawnSync('setpriv', [...user, ...python], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ActResult);
  }

  /** The alerts that name this rule, by id or by words of its title, when there are so many. */
  async alerts(rule: string, count = 1): Promise<Told[]> {
    return await this.#until(`alert ${rule}`, () => this.alertsNow(rule), count);
  }

  alertsNow(rule: string): Promise<Told[]> {
    const sql = `SELECT rule_id, rule_title, level, summary FROM sworn.alerts
                 WHERE rule_id = '${rule}' OR rule_title = '${rule}' ORDER BY seq`;
    return this.pair.rows<Told>(sql);
  }

  /** Links of its BPF programs to cgroups, by the ids that the kernel gave them. */
  cgroupLinks(): number[] {
    return readdirSync(`/proc/${this.pid}/fdinfo`).flatMap((fd) => {
      const info = readFileSync(`/proc/${this.pid}/fdinfo/${fd}`, 'utf8');
      const id = /^link_type:\s*cgroup\n(?:.*\n)*?link_id:\s*(\d+)/m.exec(info)?.[1];
      return id === undefined ? [] : [Number(id)];
    });
  }

  /** Losses of the recorder itself with this reason, when there is one. */
  losses(reason: string): Promise<{ reason: string; events: number }[]> {
    const sql = `SELECT reason, toUInt32(events) AS events FROM sworn.losses WHERE reason = '${reason}'`;
    return this.#until(`loss ${reason}`, () => this.pair.rows(sql), 1);
  }

  async #until<Row>(what: string, ask: () => Promise<Row[]>, count: number): Promise<Row[]> {
    for (const end = Date.now() + WAIT_MS_MAX; ; await sleep(200)) {
      const rows = await ask();
      if (rows.length >= count) return rows;
      if (Date.now() > end) throw new Error(`${what}: ${rows.length} of ${count}`);
    }
  }

  async stop(): Promise<void> {
    await this.pair.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #asAgent(): string[] {
    const caps = `-all,${CAPABILITIES}`;
    const user = [`--reuid=${AGENT_UID}`, `--regid=${AGENT_UID}`, '--clear-groups'];
    return [
      'setpriv',
      ...user,
      `--inh-caps=${caps}`,
      `--ambient-caps=${caps}`,
      `--bounding-set=${caps}`,
      '--no-new-privs',
    ];
  }
}
