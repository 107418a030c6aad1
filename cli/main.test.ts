// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { COMMANDS } from './command-list.ts';
import { runSworn } from './testing/run-sworn.ts';

describe('sworn', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-cli-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const { name, summary } of COMMANDS) {
    it(`${name} --help explains itself with examples`, async () => {
      const { code, out, err } = await runSworn([name, '--help']);
      assert.deepEqual([code, err], [0, '']);
      assert.ok(out.startsWith(`Usage: sworn ${name} `));
      assert.ok(out.replaceAll(/\s+/g, ' ').includes(summary));
      assert.match(out, new RegExp(`\\nExamples:\\n  .*sworn ${name}`));
      assert.equal((await runSworn(['help', name])).out, out);
    });
  }

  it('lists its commands', async () => {
    const { code, out } = await runSworn(['--help']);
    assert.equal(code, 0);
    for (const { name, summary } of COMMANDS) assert.match(out, new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
  });

  it('says its version', async () => {
    assert.match((await runSworn(['--version'])).out, /^\d+\.\d+\.\d+\n$/);
  });

  const mistakes: [title: string, words: string[], reason: RegExp][] = [
    ['without a command', [], /Usage: sworn/],
    ['with a command that there is not', ['shw'], /unknown command 'shw'\n\(Did you mean show\?\)/],
    ['with an option that there is not', ['sessions', '--frobnicate'], /unknown option '--frobnicate'/],
    ['without an option that must be', ['run', '--', 'true'], /required option '--identity <name>'/],
    ['with a kind that there is not', ['show', 'last', '--kind', 'command,comand'], /It is one of: command, process/],
    ['with a count that is none', ['sessions', '--limit', 'many'], /number from 1 to 10000/],
    ['with a time that is none', ['sessions', '--since', 'yesterday-ish'], /Write 30m, 2h, 7d/],
    ['with a status that there is not', ['tail', '--status', 'good'], /Allowed choices are ok, error, unknown/],
    ['with a parameter that has no value', ['query', '--param', 'x', 'SELECT 1'], /written NAME=VALUE/],
    ['with two formats', ['query', '--json', '--csv', 'SELECT 1'], /cannot be had at once/],
    ['with an empty query', ['query', '  '], /there is no SQL/],
  ];
  for (const [title, words, reason] of mistakes) {
    it(`ends with 2 ${title}`, async () => {
      const { code, out, err } = await runSworn(words);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, reason);
    });
  }

  it('keeps what it compiled with its user, and never where others could write it', async () => {
    const home = join(folder, 'home');
    const temporary = join(folder, 'tmp');
    for (const path of [home, temporary]) mkdirSync(path);
    const environment = { HOME: home, TMPDIR: temporary };
    assert.equal((await runSworn(['--version'], { environment })).code, 0);
    assert.ok(existsSync(join(home, '.cache/sworn/compiled')));
    assert.deepEqual(readdirSync(temporary), []);
    // As a service: where systemd says.
    const cache = join(folder, 'cache');
    const service = { ...environment, HOME: '/nonexistent', CACHE_DIRECTORY: cache };
    assert.equal((await runSworn(['--version'], { environment: service })).code, 0);
    assert.ok(existsSync(join(cache, 'compiled')));
    // sudo with somebody else's home, or no home: without.
    for (const elsewhere of ['/proc/1', '/nonexistent']) {
      assert.equal((await runSworn(['--version'], { environment: { ...environment, HOME: elsewhere } })).code, 0);
    }
    assert.deepEqual(readdirSync(temporary), []);
  });
});

describe('a configuration', () => {
  let folder = '';
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sworn-cli-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const who of ['agent', 'collector'] as const) {
    it(`of the ${who} that is valid is said to be so`, async () => {
      const { code, out } = await runSworn([who, '--check', '--config', file('empty.yaml', '')]);
      assert.equal(code, 0);
      assert.equal(out.split(', with ')[0]?.trimEnd(), `${join(folder, 'empty.yaml')} is valid`);
    });

    it(`of the ${who} with mistakes is refused, each with its line`, async () => {
      const broken = file('broken.yaml', '# a comment\nlog_level: loud\nstate_dirr: /x\n');
      const { code, err } = await runSworn([who, '--check', '--config', broken]);
      assert.equal(code, 2);
      assert.match(err, /line 2.*log_level/);
      assert.match(err, /line 3.*state_dirr/);
    });

    it(`of the ${who} that is not there is missed by name`, async () => {
      const { code, err } = await runSworn([who, '--config', join(folder, 'none.yaml')]);
      assert.equal(code, 2);
      assert.match(err, /cannot be read: ENOENT.*none\.yaml/);
      assert.match(err, /--config/);
    });
  }

  it('of the collector is checked with its rules', async () => {
    const rules = join(folder, 'rules');
    mkdirSync(rules);
    const state = join(folder, 'state');
    const config = file('rules.yaml', `state_dir: ${state}\nrules: { folders: [${rules}] }\n`);
    const check = () => runSworn(['collector', '--check', '--config', config]);
    const rule = (selection: string) =>
      `title: t\nid: r\nlevel: low\nlogsource: { product: sworn }\ndetection:\n  s: { ${selection} }\n  condition: s\n`;
    writeFileSync(join(rules, 'mine.yml'), rule('operation: DROP'));
    const shipped = readdirSync(join(import.meta.dirname, '../collector/rule-pack')).filter(
      (name) => name.endsWith('.yml') && !name.endsWith('.samples.yml'),
    );
    assert.match((await check()).out, new RegExp(`is valid, with ${shipped.length + 1} rules\\n$`));
    writeFileSync(join(rules, 'mine.yml'), rule('operatoin: DROP'));
    const { code, err } = await check();
    assert.equal(code, 2);
    assert.match(err, /mine\.yml:6.*operatoin.*\(rule_invalid\)\n.*RULES\.md/);
    // The unit does not start it again after a 2.
    assert.deepEqual(await runSworn(['collector', '--config', config]), { code, err, signal: null, out: '' });
    rmSync(rules, { recursive: true });
    assert.match((await check()).err, /rules\.folders: .*ENOENT.*\(config_invalid\)/);
  });

  it('says what its text holds without acting on the terminal', async () => {
    const hostile = file('hostile.yaml', '"\\e[2Jx": 1\n');
    const { code, err } = await runSworn(['agent', '--check', '--config', hostile]);
    assert.equal(code, 2);
    assert.match(err, /\\x1b\[2Jx/);
    assert.ok(!err.includes('\u001b'));
  });
});

describe('certificates', () => {
  it('are issued once, and again only when told so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sworn-cli-'));
    try {
      const config = join(folder, 'collector.yaml');
      writeFileSync(config, `state_dir: ${join(folder, 'state')}\n`);
      const words = [
        'collector',
        '--config',
        config,
        'issue-certificate',
        '--agent',
        'web-1',
        '--out',
        join(folder, 'out'),
      ];
      const first = await runSworn(words);
      assert.equal(first.code, 0, first.err);
      assert.deepEqual(readdirSync(join(folder, 'out')).sort(), ['agent.key', 'agent.pem', 'collector-ca.pem']);
      const second = await runSworn(words);
      assert.equal(second.code, 1);
      assert.match(second.err, /exists already\n.*--force/);
      assert.equal((await runSworn([...words, '--force'])).code, 0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
