// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { TOKEN_INTERFACES } from '../broker/token-interface.ts';
import { ConfigError, readAgentConfig } from './read-config.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, 'agent.example.yaml'), 'utf8');
const GUID = '11111111-2222-3333-4444-555555555555';
const IDENTITY = `identities: [{ name: a, tenant: ${GUID}, client_id: ${GUID} }]`;

function faults(text: string): readonly string[] {
  try {
    readAgentConfig(text, 'agent.yaml');
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.code, 'CONFIG_INVALID');
    assert.ok(error.message.startsWith('agent.yaml is not a valid configuration:\n'));
    for (const problem of error.problems) assert.ok(error.message.includes(problem));
    return error.problems;
  }
  return [];
}

/** What stands in the comments of the example, as if it stood in the file. */
function uncommented(): string {
  const blocks = EXAMPLE.split('\n').filter((line) => /^# {3,}\S/.test(line));
  return blocks.map((line) => line.slice(4)).join('\n');
}

describe('configuration', () => {
  it('of an empty file is the example', () => {
    const example = readAgentConfig(EXAMPLE, 'x');
    for (const empty of ['', '# nothing\n', '{}', 'broker: {}\nrecord: {}\n']) {
      assert.deepEqual(readAgentConfig(empty, 'x'), example);
    }
  });

  it('of the example has every key written out', () => {
    const keys = (value: unknown): string[] =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, inner]) => [key, ...keys(inner)])
        : [];
    const found = keys(readAgentConfig(EXAMPLE, 'x'));
    assert.ok(found.length > 15);
    for (const key of found) assert.match(EXAMPLE, new RegExp(`^ *${key}:`, 'm'));
  });

  it('understands every commented part of the example', () => {
    const { collector, identities, workloads, policies } = readAgentConfig(uncommented(), 'x');
    assert.equal(collector?.address, 'collector.example.net:7443');
    assert.equal(identities[0]?.certificate?.key_file, '/etc/sworn/invoice-agent.key');
    assert.deepEqual(
      workloads[0]?.select.map((one) => Object.keys(one)[0]),
      ['unit', 'cgroup', 'exe', 'user', 'run'],
    );
    assert.equal(workloads[0]?.resources.length, 2);
    assert.equal(Object.keys(policies[0]?.match ?? {}).length, 8);
  });

  it('is not the same object twice: nobody changes the defaults of others', () => {
    assert.notEqual(readAgentConfig('', 'x').record, readAgentConfig('', 'x').record);
  });

  it('names line, key and what would be right, of all mistakes at once', () => {
    const text = [
      'state_dir: relative',
      'log_level: loud',
      'collector:',
      '  address: nowhere',
      '  ca_file: a',
      '  certificate_file: b',
      'record:',
      '  heartbeat_secnds: 5',
      '  heartbeat_seconds: 0',
      '  when_full: panic',
      'capture: { poll_ms: soon }',
      'broker:',
      '  authority: http://login.example.net',
    ].join('\n');
    assert.deepEqual(
      faults(text).toSorted(),
      [
        'line 10: record.when_full must be one of shed, block',
        'line 11: capture.poll_ms must be integer',
        'line 13: broker.authority must be an https origin',
        'line 1: state_dir must be an absolute path',
        'line 2: log_level must be one of trace, debug, info, warn, error',
        'line 4: collector lacks key_file',
        'line 4: collector.address must be host:port',
        'line 8: record.heartbeat_secnds is not known here',
        'line 9: record.heartbeat_seconds must be >= 1',
      ].toSorted(),
    );
  });

  it('names the place in a list', () => {
    const text = [
      'identities:',
      `  - { name: a, tenant: ${GUID}, client_id: ${GUID} }`,
      '  - name: b b',
      '    tenant: contoso',
      `    client_id: ${GUID}`,
      'workloads:',
      '  - name: w',
      '    identity: a',
      '    select:',
      '      - unit: x',
      '      - { exe: /bin/x, uid: 5 }',
      '      - {}',
      '      - binary: /bin/x',
    ].join('\n');
    const told = faults(text);
    for (const expected of [
      /^line 3: identities\[1\]\.name must be letters, digits/,
      /^line 4: identities\[1\]\.tenant must be a GUID like/,
      /^line 10: workloads\[0\]\.select\[0\]\.unit must be a unit name like x\.service/,
      /^line 11: workloads\[0\]\.select\[1\] must /,
      /^line 12: workloads\[0\]\.select\[2\] must /,
      /^line 13: workloads\[0\]\.select\[3\]\.binary is not known here/,
    ]) {
      assert.ok(
        told.some((one) => expected.test(one)),
        `${expected} in\n${told.join('\n')}`,
      );
    }
  });

  it('is refused when it contradicts itself, with the line', () => {
    const workload = (name: string, identity: string): string =>
      `  - { name: ${name}, identity: ${identity}, select: [{ uid: 5 }] }`;
    const text = [
      IDENTITY,
      'workloads:',
      workload('w', 'a'),
      workload('w', 'b'),
      'capture: { ring_bytes: 100000 }',
    ].join('\n');
    assert.deepEqual(faults(text), [
      'line 4: workloads[1].name is w, which is there twice',
      'line 4: workloads[1].identity is b, which is not among identities',
      'line 5: capture.ring_bytes must be a power of two',
    ]);
    const twice = `identities:\n  - &x { name: a, tenant: ${GUID}, client_id: ${GUID} }\n  - *x\n`;
    assert.match(faults(twice)[0] as string, /^line 3: identities\[1\]\.name is a, which is there twice/);
  });

  describe('of policies', () => {
    const policies = (...lines: string[]): readonly string[] =>
      faults(
        [
          IDENTITY,
          'workloads:',
          '  - { name: open, identity: a, select: [{ unit: open.service }], resources: ["https://x.example"] }',
          '  - { name: u, identity: a, select: [{ uid: 5 }, { unit: u.service }] }',
          '  - { name: v, identity: a, select: [{ unit: v.service }] }',
          'policies:',
          ...lines.map((line) => `  - { identity: a, resources: ["https://x.example"], ${line} }`),
        ].join('\n'),
      );

    it('is taken when each can be the only match', () => {
      assert.deepEqual(
        policies(
          'name: p, match: { workload: u, exe: /bin/a }, interfaces: [imds], advertised_seconds_max: 300',
          'name: q, match: { workload: u, exe: /bin/b }',
          'name: r, match: { unit: u.service, gid: 5 }',
          'name: s, match: { cgroup: /system.slice, uid: 5 }',
        ),
        [],
      );
    });

    it('is refused when it names what is not there, or the same twice', () => {
      assert.deepEqual(
        policies(
          'name: p, match: { workload: nowhere }',
          'name: open, match: { uid: 5 }',
          'name: r, match: { gid: 6, user: root, uid: 0 }',
        ),
        [
          'line 7: policies[0].match.workload is nowhere, which is not among workloads',
          'line 8: policies[1].name is open, which is there twice, or is the name of a workload with resources',
          'line 9: policies[2].match.uid is there beside user: name one of them',
        ],
      );
      const other = 'policies: [{ name: p, match: { uid: 5 }, identity: b, resources: ["https://x.example"] }]';
      const workloads = 'workloads: [{ name: w, identity: a, select: [{ uid: 5 }] }]';
      assert.deepEqual(faults([IDENTITY, workloads, other].join('\n')), [
        'line 3: policies[0].identity is b, which is not among identities',
      ]);
    });

    it('is refused when two want the same, or one can never be the only match', () => {
      assert.deepEqual(
        policies(
          'name: p, match: { workload: u, uid: 5 }',
          'name: q, match: { uid: 5, workload: u }',
          'name: r, match: { workload: open, exe: /bin/a }',
          'name: s, match: { workload: open }',
          'name: t, match: { cgroup: /system.slice/x, gid: 5 }',
          'name: v, match: { cgroup: /system.slice/, gid: 5 }',
        ),
        [
          'line 8: policies[1].match wants the same as policy p',
          'line 9: policies[2].match can never be the only match, since what it matches also matches the resources of workload open',
          'line 10: policies[3].match wants the same as the resources of workload open',
          'line 11: policies[4].match can never be the only match, since what it matches also matches policy v',
        ],
      );
    });

    it('is refused when no workload can meet it', () => {
      const told = policies(
        'name: p, match: { workload: v, unit: other.service }',
        'name: q, match: { workload: v, cgroup: /elsewhere }',
        'name: r, match: { workload: u, unit: other.service, uid: 6 }',
      );
      assert.deepEqual(
        told.map((fault) => fault.slice(0, 'line 7: policies[0].match cannot be met'.length)),
        [7, 8, 9].map((line, i) => `line ${line}: policies[${i}].match cannot be met`),
      );
      const alone = 'policies: [{ name: p, match: { uid: 5 }, identity: a, resources: ["https://x.example"] }]';
      assert.match(faults([IDENTITY, alone].join('\n'))[0] as string, /cannot be met: no workload/);
    });

    it('is refused when it says nothing, or in a form that cannot be', () => {
      const told = policies(
        'name: p, match: {}',
        'name: q, match: { exe_sha256: abc, container_id: x, unit: y, uid: -1 }',
        'name: r, match: { uid: 5 }, interfaces: [smoke], advertised_seconds_max: 299',
      );
      for (const expected of [
        /^line 7: policies\[0\]\.match must NOT have fewer/,
        /^line 8: policies\[1\]\.match\.exe_sha256 must be 64 hexadecimal digits/,
        /^line 8: policies\[1\]\.match\.container_id must be 64 hexadecimal digits/,
        /^line 8: policies\[1\]\.match\.unit must be a unit name/,
        /^line 8: policies\[1\]\.match\.uid must be >= 0/,
        /^line 9: policies\[2\]\.interfaces\[0\] must be one of app-service, imds, arc, unix/,
        /^line 9: policies\[2\]\.advertised_seconds_max must be >= 300/,
      ]) {
        assert.ok(
          told.some((one) => expected.test(one)),
          `${expected} in\n${told.join('\n')}`,
        );
      }
      // The broker's own list, held equal.
      assert.ok(told.some((one) => one.endsWith(`must be one of ${TOKEN_INTERFACES.join(', ')}`)));
    });
  });

  it('is refused when it is no YAML, says a thing twice, or is a list', () => {
    assert.match(faults('broker: [')[0] as string, /^line \d+: /);
    assert.match(faults('log_level: info\nlog_level: debug\n')[0] as string, /^line 2: /);
    assert.match(faults('a: 1\n---\nb: 2\n')[0] as string, /documents/);
    assert.deepEqual(faults('- a\n'), ['the file must be object']);
    assert.deepEqual(faults('hello'), ['the file must be object']);
  });

  it('is refused when an alias means nothing, or too much', () => {
    assert.match(faults('state_dir: *x')[0] as string, /alias/);
    const levels = Array.from({ length: 12 }, (_, i) =>
      i === 0
        ? 'a0: &a0 [x]'
        : `a${i}: &a${i} [${Array(12)
            .fill(`*a${i - 1}`)
            .join(', ')}]`,
    );
    assert.ok(faults(levels.join('\n')).length > 0);
  });

  it('takes what is at the bounds, and nothing beyond', () => {
    const is = (text: string): boolean => faults(text).length === 0;
    assert.ok(is('capture: { ring_bytes: 65536, poll_ms: 50, processes_max: 64 }'));
    assert.ok(!is('capture: { ring_bytes: 32768 }'));
    assert.ok(!is('capture: { poll_ms: 51 }'));
    assert.ok(is('broker: { port: 0 }'));
    assert.ok(!is('broker: { port: 65536 }'));
    assert.ok(is('record: { response_bytes_max: 0, request_bytes_max: 1024 }'));
    assert.ok(!is('record: { request_bytes_max: 1023 }'));
    for (const address of ['h:1', '[::1]:7443', '10.0.0.1:65535']) {
      assert.ok(is(`collector: { address: "${address}", ca_file: a, certificate_file: b, key_file: c }`), address);
    }
  });
});
