// SPDX-License-Identifier: Apache-2.0

/** deploy/install and deploy/uninstall, into a root of their own; and what they put there, at work. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { hostChecks } from '../agent/doctor/host-checks.ts';
import { type Config, DaemonPair } from './testing/daemon-pair.ts';

const deploy = import.meta.dirname;
const skip = process.getuid?.() === 0 ? false : 'only root can install';
const missing = hostChecks().find(({ state }) => state === 'fail');

let root = '';
const at = (path: string): string => join(root, path);

function runScript(name: 'install' | 'uninstall', ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(join(deploy, name), words, { encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
}
const install = (...words: string[]) => runScript('install', '--root', root, ...words);

describe('deploy/install', { skip }, () => {
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'sworn-install-'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('says what it would do and does nothing, when it is told so', () => {
    const { status, out } = install('--dry-run');
    assert.equal(status, 0);
    for (const word of ['/opt/sworn', 'agent.yaml', 'collector.yaml', 'sworn-agent.service', 'user: sworn'])
      assert.ok(out.includes(word), word);
    assert.deepEqual(readdirSync(root), []);
  });

  it('puts everything in its place', () => {
    const { status, err } = install();
    assert.deepEqual([status, err], [0, '']);
    assert.equal(execFileSync(at('opt/sworn/bin/sworn'), ['--version'], { encoding: 'utf8' }), '0.1.0\n');
    for (const name of ['sworn.slice', 'sworn-agent.service', 'sworn-collector.service'])
      assert.ok(existsSync(at(`etc/systemd/system/${name}`)), name);
    const open = execFileSync('find', [at('opt/sworn'), '-perm', '/022', '!', '-type', 'l']).toString();
    assert.equal(open, '');
    const tests = ['-name', '*.test.ts', '!', '-path', '*/node_modules/*'];
    assert.equal(execFileSync('find', [at('opt/sworn'), ...tests]).toString(), '');
    assert.ok(!existsSync(at('opt/sworn/node_modules/typescript')));
  });

  it('gives each user what is its own, and others nothing', () => {
    const group = (name: string): number =>
      Number(new RegExp(`^${name}:[^:]*:(\\d+)`, 'm').exec(readFileSync(at('etc/group'), 'utf8'))?.[1]);
    const seen = (path: string): unknown => {
      const { uid, gid, mode } = statSync(at(path));
      return [uid, gid, (mode & 0o777).toString(8)];
    };
    assert.deepEqual(seen('etc/sworn/agent.yaml'), [0, group('sworn'), '640']);
    assert.deepEqual(seen('etc/sworn/agent.key'), [0, group('sworn'), '640']);
    assert.deepEqual(seen('etc/sworn/collector.yaml'), [0, group('sworn-collector'), '640']);
    assert.deepEqual(seen('var/lib/sworn'), [0, 0, '755'], 'both users reach their folders');
    const collector = statSync(at('var/lib/sworn/collector'));
    assert.deepEqual([collector.gid, (collector.mode & 0o777).toString(8)], [group('sworn-collector'), '700']);
    assert.notEqual(statSync(at('var/lib/sworn/collector/trust/ca.key')).uid, 0);
  });

  it('makes agent and collector known to each other', () => {
    const { collector } = parse(readFileSync(at('etc/sworn/agent.yaml'), 'utf8')) as { collector: Config };
    assert.equal(collector['address'], 'localhost:7443');
    const verified = execFileSync('openssl', [
      ...['verify', '-CAfile', at('etc/sworn/collector-ca.pem'), at('etc/sworn/agent.pem')],
    ]);
    assert.match(verified.toString(), /OK/);
  });

  it('changes nothing the second time', () => {
    const files = (): string[] =>
      execFileSync('find', [root, '-printf', '%p %i %T@\\n'], { encoding: 'utf8' }).split('\n');
    const there = files();
    const { status, out } = install();
    assert.equal(status, 0);
    assert.match(out, /has this version already/);
    const known = new Set(there);
    assert.deepEqual(
      files().filter((file) => !known.has(file)),
      [],
    );
  });

  it('upgrades a configuration that nobody edited, and leaves the others as they are', () => {
    const edited = `${readFileSync(at('etc/sworn/collector.yaml'), 'utf8')}# mine\n`;
    writeFileSync(at('etc/sworn/collector.yaml'), edited);
    // As if an older version had written it.
    const older = '# older example\nlog_level: info\n';
    writeFileSync(at('etc/sworn/agent.yaml'), older);
    const sum = execFileSync('sha256sum', [at('etc/sworn/agent.yaml')])
      .toString()
      .slice(0, 64);
    appendFileSync(at('etc/sworn/.written-by-install'), `${sum}  /etc/sworn/agent.yaml\n`);
    const { status, out } = install();
    assert.equal(status, 0);
    assert.match(out, /collector\.yaml is yours, and stays as it is/);
    assert.equal(readFileSync(at('etc/sworn/collector.yaml'), 'utf8'), edited);
    assert.match(readFileSync(at('etc/sworn/agent.yaml'), 'utf8'), /address: localhost:7443/);
    assert.deepEqual(
      readdirSync(at('etc/sworn')).filter((name) => name.endsWith('.new')),
      [],
    );
  });

  it('puts configurations that are valid, beside a doctor that finds them', () => {
    const sworn = at('opt/sworn/bin/sworn');
    for (const who of ['agent', 'collector']) {
      const { status, stdout } = spawnSync(sworn, [who, '--check', '--config', at(`etc/sworn/${who}.yaml`)]);
      assert.equal(status, 0);
      assert.match(stdout.toString(), /is valid/);
    }
    const { status, stdout } = spawnSync(sworn, ['doctor', '--json']);
    const { usable } = JSON.parse(stdout.toString()) as { usable: boolean };
    assert.deepEqual([usable, status], missing === undefined ? [true, 0] : [false, 2]);
  });

  it('installs what runs and records', { skip: missing && `${missing.name}: ${missing.found}` }, async () => {
    const folder = at('run');
    mkdirSync(folder);
    const pair = new DaemonPair({ sworn: at('opt/sworn/bin/sworn'), folder, change: (who, made) => inRoot(who, made) });
    try {
      await pair.configure();
      await pair.startCollector();
      await pair.startAgent();
      const ran = await pair.sworn('run', '--socket', pair.socket, '--identity', 'invoice-agent', '--', 'uname', '-s');
      assert.deepEqual(ran, { code: 0, out: 'Linux\n', err: '' });
      await pair.sessionsEnded(1);
      const programs = await pair.rows("SELECT identity_name, argv FROM sworn.processes WHERE action = 'exec'");
      assert.deepEqual(programs, [{ identity_name: 'invoice-agent', argv: ['uname', '-s'] }]);
    } finally {
      await pair.stop();
    }
  });

  it('refuses what would go wrong, with exit code 2', () => {
    mkdirSync(at('srv/things'), { recursive: true });
    const refusals: [RegExp, string[]][] = [
      [/not an installation of Sworn/, ['--prefix', '/srv/things']],
      [/not an absolute path/, ['--prefix', 'opt/sworn']],
      [/belongs to others/, ['--prefix', '/usr']],
      [/a unit file would read differently/, ['--prefix', '/opt/my sworn']],
      [/there is no option --frobnicate/, ['--frobnicate']],
    ];
    for (const [reason, words] of refusals) {
      const { status, err } = install(...words);
      assert.equal(status, 2, words.join(' '));
      assert.match(err, reason);
    }
    assert.match(runScript('install', '--root', at('nowhere')).err, /is not a folder/);
  });
});

/** The installed configuration, below the root and on free ports. */
function inRoot(who: 'agent' | 'collector', made: Config): Config {
  const installed = parse(readFileSync(at(`etc/sworn/${who}.yaml`), 'utf8')) as Config;
  const state_dir = at(String(installed['state_dir']));
  if (who === 'collector') return { ...installed, state_dir, ingest: made['ingest'], api: made['api'] };
  const { address } = made['collector'] as { address: string };
  const files = Object.entries(installed['collector'] as Record<string, string>).map(([key, file]) => [key, at(file)]);
  return { ...installed, ...made, state_dir, collector: { ...Object.fromEntries(files), address } };
}

describe('deploy/install --agent', { skip }, () => {
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'sworn-install-'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('brings the agent alone, without ClickHouse', () => {
    const { status, err } = install('--agent', '--prefix', '/srv/sworn-agent');
    assert.deepEqual([status, err], [0, '']);
    assert.deepEqual(readdirSync(at('etc/systemd/system')).sort(), ['sworn-agent.service', 'sworn.slice']);
    assert.match(
      readFileSync(at('etc/systemd/system/sworn-agent.service'), 'utf8'),
      /^ExecStart=\/srv\/sworn-agent\//m,
    );
    assert.ok(!existsSync(at('srv/sworn-agent/node_modules/chdb')));
    assert.ok(!existsSync(at('etc/sworn/collector.yaml')));
    const { collector } = parse(readFileSync(at('etc/sworn/agent.yaml'), 'utf8')) as Config;
    assert.equal(collector, null);
  });

  it('exchanges the program for a newer one', () => {
    writeFileSync(at('srv/sworn-agent/.stamp'), 'of an older version\n');
    writeFileSync(at('srv/sworn-agent/cli/gone.ts'), '// not there any more in the newer one\n');
    assert.equal(install('--agent', '--prefix', '/srv/sworn-agent').status, 0);
    assert.deepEqual(readdirSync(at('srv')), ['sworn-agent']);
    assert.ok(!existsSync(at('srv/sworn-agent/cli/gone.ts')));
  });

  it('is taken away again: first the program, and only when told so what was recorded', () => {
    const uninstall = (...words: string[]) =>
      runScript('uninstall', '--root', root, '--prefix', '/srv/sworn-agent', ...words);
    mkdirSync(at('var/lib/sworn/agent'), { recursive: true });
    writeFileSync(at('var/lib/sworn/agent/journal'), 'the record');
    const { status, out } = uninstall('--dry-run', '--purge');
    assert.equal(status, 0);
    assert.match(out, /remove .*\/srv\/sworn-agent$/m);
    assert.ok(existsSync(at('srv/sworn-agent/bin/sworn')));

    assert.equal(uninstall().status, 0);
    assert.deepEqual([existsSync(at('srv/sworn-agent')), existsSync(at('usr/local/bin/sworn'))], [false, false]);
    assert.deepEqual(readdirSync(at('etc/systemd/system')), []);
    assert.equal(readFileSync(at('var/lib/sworn/agent/journal'), 'utf8'), 'the record');
    assert.ok(existsSync(at('etc/sworn/agent.yaml')));

    assert.equal(uninstall('--purge').status, 0);
    assert.deepEqual([existsSync(at('var/lib/sworn')), existsSync(at('etc/sworn'))], [false, false]);
  });
});

describe('deploy/install --witness', { skip }, () => {
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'sworn-install-'));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  it('brings the witness alone, which begins with what is installed', () => {
    const { status, err } = install('--witness');
    assert.deepEqual([status, err], [0, '']);
    assert.deepEqual(readdirSync(at('etc/systemd/system')).sort(), ['sworn-witness.service', 'sworn.slice']);
    assert.deepEqual(readdirSync(at('etc/sworn')).sort(), ['.written-by-install', 'witness.yaml']);
    assert.ok(!existsSync(at('opt/sworn/node_modules/chdb')));
    const example = readFileSync(at('etc/sworn/witness.yaml'), 'utf8');
    writeFileSync(at('witness.yaml'), example.replace(/^state_dir: /m, `$&${root}`));
    const told = execFileSync(at('opt/sworn/bin/sworn'), ['witness', '--key', '--config', at('witness.yaml')]);
    assert.match(told.toString(), /^witness\.example\.net\+[0-9a-f]{8}\+\S+\n$/);
    // What is there already is upgraded with it.
    assert.match(install('--agent', '--dry-run').out, /the witness is installed here too/);
  });

  it('is taken away again', () => {
    assert.equal(runScript('uninstall', '--root', root).status, 0);
    assert.deepEqual(readdirSync(at('etc/systemd/system')), []);
    assert.ok(existsSync(at('var/lib/sworn/witness/')), 'what it signed stays');
  });
});
