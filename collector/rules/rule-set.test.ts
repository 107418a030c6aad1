// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import type { ActivityProperties } from '../model/activity.ts';
import { fromBigInt, kindOf } from '../model/activity.ts';
import { makeActivity } from '../testing/activity-maker.ts';
import { asReceived } from '../testing/full-activities.ts';
import { foldCase, LinearRegExpError, linearRegExp, TEXT_CHARACTERS_MAX } from './linear-regexp.ts';
import { parseRules } from './parse-rule.ts';
import { RULE_PACK_FOLDER, RuleSet, readRules } from './rule-set.ts';

const SENDER = { agentId: 'agent-1', host: 'host-1' };
const SILENT = { onError: (_rule: unknown, error: unknown) => assert.fail(String(error)), onCut: () => {} };

function ruleText(detection: string, logsource = 'category: command'): string {
  const indented = detection.replaceAll(/^/gm, '  ');
  return `title: t\nid: r-1\nlevel: high\nlogsource:\n  product: sworn\n  ${logsource}\ndetection:\n${indented}\n`;
}

function matches(detection: string, activity: ActivityProperties, logsource?: string): boolean {
  const rules = new RuleSet(parseRules(ruleText(detection, logsource), 'test.yml'), SILENT);
  const received = asReceived({ seq: 1, ...activity });
  return rules.matches(kindOf(received)!, received, SENDER).length === 1;
}

const one = (field: string) => `s:\n  ${field}\ncondition: s`;
const command = (fields: object): ActivityProperties => ({ identityName: 'Invoice Agent', command: fields });

describe('a selection', () => {
  const cases: [title: string, detection: string, activity: ActivityProperties, expected: boolean][] = [
    ['equal text, whatever its case', one('operation: delete'), command({ operation: 'DELETE' }), true],
    ['text that is longer', one('operation: DELETE'), command({ operation: 'DELETES' }), false],
    ['text of the same case when cased', one('operation|cased: DELETE'), command({ operation: 'DELETE' }), true],
    ['text of another case when cased', one('operation|cased: delete'), command({ operation: 'DELETE' }), false],
    ['any of a list', one('operation: [UPDATE, DELETE]'), command({ operation: 'DELETE' }), true],
    ['none of a list', one('operation: [UPDATE, INSERT]'), command({ operation: 'DELETE' }), false],
    ['a number in a text field', one('error_code: 42501'), command({ errorCode: '42501' }), true],
    ['a number field', one('rows: 5'), command({ rows: 5 }), true],
    ['a true field', one('truncated: true'), command({ truncated: true }), true],
    ['the host', one('host: host-1'), command({}), true],
    ['a shared field', one('identity_name: invoice agent'), command({}), true],
    ['a word of an enum', one('status: error'), command({ status: 2 }), true],
    ['a wildcard', one('statement: delete * from*'), command({ statement: 'DELETE ALL FROM x' }), true],
    [
      'a wildcard that is not there',
      one('statement: delete * from'),
      command({ statement: 'DELETE ALL FROM x' }),
      false,
    ],
    ['one character', one('statement: a?c'), command({ statement: 'abc' }), true],
    ['one character, which is missing', one('statement: a?c'), command({ statement: 'ac' }), false],
    ['an escaped star', one('statement: a\\*c'), command({ statement: 'a*c' }), true],
    ['an escaped star is no wildcard', one('statement: a\\*c'), command({ statement: 'abc' }), false],
    ['segments in order', one("statement: '*b*a*'"), command({ statement: 'xaxbx' }), false],
    ['segments that may not overlap', one("statement: 'aba*aba'"), command({ statement: 'ababa' }), false],
    ['contains', one('statement|contains: secret'), command({ statement: 'SELECT SECRETS' }), true],
    ['contains with a wildcard', one("statement|contains: 'a*z'"), command({ statement: '1a2z3' }), true],
    ['contains all', one('statement|contains|all: [alpha, beta]'), command({ statement: 'beta alpha' }), true],
    ['contains not all', one('statement|contains|all: [alpha, beta]'), command({ statement: 'alpha' }), false],
    ['startswith', one('statement|startswith: drop'), command({ statement: 'DROP TABLE x' }), true],
    ['startswith elsewhere', one('statement|startswith: table'), command({ statement: 'DROP TABLE x' }), false],
    ['endswith', one('statement|endswith: X'), command({ statement: 'DROP TABLE x' }), true],
    ['bytes as text', one('request|contains: hello'), command({ request: Buffer.from('say Hello') }), true],
    ['a regular expression', one("statement|re: '^DROP\\s+TABLE'"), command({ statement: 'DROP  TABLE' }), true],
    ['a regular expression minds case', one('statement|re: ^drop'), command({ statement: 'DROP' }), false],
    [
      'a regular expression without case',
      one("statement|re|i: '^dr[op]+\\s[t-v]able$'"),
      command({ statement: 'DROP TABLE' }),
      true,
    ],
    ['greater', one('rows|gt: 100'), command({ rows: 101 }), true],
    ['greater of a text number', one('error_code|gte: 500'), command({ errorCode: '503' }), true],
    ['greater of no number', one('error_code|gte: 500'), command({ errorCode: '' }), false],
    ['less', one('rows|lt: 100'), command({ rows: 100 }), false],
    ['less or equal', one('rows|lte: 100'), command({ rows: 100 }), true],
    [
      'a number beyond 2^53',
      one('request_bytes|gt: 9007199254740991'),
      command({ requestBytes: fromBigInt(1n << 60n) }),
      true,
    ],
    ['an absent number', one('rows|gte: 0'), command({}), false],
    ['exists', one('rows|exists: true'), command({ rows: 0 }), true],
    ['does not exist', one('rows|exists: false'), command({}), true],
    ['null', one('error_code: null'), command({ errorCode: '' }), true],
    ['null of what is there', one('error_code: null'), command({ errorCode: '1' }), false],
    ['an empty text', one("error_code: ''"), command({ errorCode: '' }), true],
    ['an attribute', one("attributes.unbounded: 'true'"), command({ attributes: { unbounded: 'true' } }), true],
    ['an attribute that is missing', one("attributes.unbounded: 'true'"), command({}), false],
    ['an attribute with the name of a method', one('attributes.constructor|exists: true'), command({}), false],
    ['no attribute', one('attributes.x|exists: false'), command({}), true],
    [
      'all fields of a map',
      's:\n  operation: A\n  target: B\ncondition: s',
      command({ operation: 'A', target: 'C' }),
      false,
    ],
    ['any map of a list', 's:\n  - operation: A\n  - target: B\ncondition: s', command({ target: 'B' }), true],
    ['a field that the kind does not have', one('argv|contains: x'), command({}), false],
  ];
  for (const [title, detection, activity, expected] of cases) {
    it(`${expected ? 'holds for' : 'does not hold for'} ${title}`, () => {
      assert.equal(matches(detection, activity), expected);
    });
  }

  it('looks at each item of a list of arguments', () => {
    const exec = { process: { argv: ['curl', '--upload-file', '/etc/passwd'] } };
    assert.ok(matches(one('argv: /etc/passwd'), exec, 'category: process'));
    assert.ok(!matches(one('argv: curl /etc/passwd'), exec, 'category: process'));
  });

  it('knows networks', () => {
    const to = (remoteAddress: string) => ({ connection: { remoteAddress } });
    assert.ok(matches(one('remote_address|cidr: 10.0.0.0/8'), to('10.1.2.3'), 'category: connection'));
    assert.ok(!matches(one('remote_address|cidr: 10.0.0.0/8'), to('11.1.2.3'), 'category: connection'));
    assert.ok(matches(one("remote_address|cidr: ['10.0.0.0/8', 'fd00::/8']"), to('fd00::1'), 'category: connection'));
    assert.ok(!matches(one('remote_address|cidr: 10.0.0.0/8'), to('/run/socket'), 'category: connection'));
  });

  it('is for its category and service only', () => {
    assert.ok(!matches(one('exe|exists: true'), { ...makeActivity(7) }, 'category: command'));
    assert.ok(matches(one('exe|exists: true'), { ...makeActivity(7) }, 'category: process'));
    assert.ok(matches(one('operation: GET'), command({ operation: 'GET', protocol: 'http' }), 'service: http'));
    assert.ok(!matches(one('operation: GET'), command({ operation: 'GET', protocol: 'redis' }), 'service: http'));
  });

  it('knows findings', () => {
    const finding = { kind: 'tls_unreadable', subject: '/usr/bin/x', bytes: 6, attributes: { reason: 'no_probe' } };
    for (const field of [
      'finding_kind: tls_unreadable',
      'subject|endswith: /x',
      'bytes|gt: 5',
      'attributes.reason: no_*',
    ])
      assert.ok(matches(one(field), { finding }, 'category: finding'), field);
    assert.ok(!matches(one('finding_kind: io_uring'), { finding }, 'category: finding'));
    assert.ok(!matches(one('host|exists: true'), { finding }, 'category: loss'));
  });

  it('never fires on an alert', () => {
    assert.ok(!matches(one('host|exists: true'), { alert: { alertId: 'x' } }, 'definition: any'));
  });
});

describe('a condition', () => {
  const holds = (condition: string, truths: string) => {
    const detection = ['a', 'b', 'c'].map((name) => `${name}:\n  target|contains: ${name}`).join('\n');
    return matches(
      `${detection}\n_hidden:\n  target: nothing\ncondition: ${condition}`,
      command({ target: `-${truths}-` }),
    );
  };
  const cases: [condition: string, truths: string, expected: boolean][] = [
    ['a', 'a', true],
    ['not a', 'a', false],
    ['a and b', 'a', false],
    ['a or b and c', 'a', true],
    ['(a or b) and c', 'a', false],
    ['a and not b', 'ab', false],
    ['not (a and b)', 'a', true],
    ['not not a', 'a', true],
    ['1 of them', 'c', true],
    ['any of them', '', false],
    ['all of them', 'abc', true],
    ['all of them', 'ab', false],
    ['1 of a* and b', 'ab', true],
  ];
  for (const [condition, truths, expected] of cases) {
    it(`"${condition}" is ${expected} for ${truths === '' ? 'nothing' : truths}`, () => {
      assert.equal(holds(condition, truths), expected);
    });
  }

  it('knows its words in any case, and its names exactly', () => {
    assert.ok(holds('a OR b', 'b'));
    assert.throws(() => holds('A or b', 'b'), /there is no selection "A"/);
  });
});

describe('a rule with a fault', () => {
  const fault = (text: string) => {
    try {
      parseRules(text, 'rules/x.yml');
    } catch (error) {
      return (error as Error).message;
    }
    return 'no fault';
  };
  const cases: [title: string, text: string, expected: RegExp][] = [
    ['that is not YAML', 'title: [', /^rules\/x\.yml:\d+: /],
    ['that is empty', '', /^rules\/x\.yml:1: the file is empty|rules\/x\.yml:1: a rule is a map/],
    ['without an id', 'title: t', /x\.yml:1: "id" must be a text/],
    [
      'with an unknown key',
      `${ruleText(one('host: x'))}severity: high\n`,
      /x\.yml:\d+: "severity" is not a key of a rule/,
    ],
    [
      'with an unknown level',
      ruleText(one('host: x')).replace('level: high', 'level: urgent'),
      /x\.yml:3: "level" must be one of/,
    ],
    [
      'for another product',
      ruleText(one('host: x')).replace('product: sworn', 'product: windows'),
      /x\.yml:\d: "logsource" must have product: sworn/,
    ],
    ['of an unknown category', ruleText(one('host: x'), 'category: file_event'), /x\.yml:6: "category" must be one of/],
    ['with an unknown field', ruleText(one('comand: x')), /x\.yml:9: comand: there is no field "comand"/],
    [
      'with an unknown modifier',
      ruleText(one('host|base64: x')),
      /x\.yml:9: host\|base64: the modifier "base64" is not supported/,
    ],
    ['with modifiers that do not go together', ruleText(one('host|contains|re: x')), /do not go together/],
    ['with a text where a number belongs', ruleText(one('rows|gt: many')), /needs a number/],
    ['with no network', ruleText(one('remote_address|cidr: 10.0.0.0/33')), /is not a network/],
    ['with a time', ruleText(one('time: x')), /cannot be matched/],
    ['with all attributes at once', ruleText(one('attributes: x')), /needs a key/],
    ['with bare words', ruleText('s:\n  - a word\ncondition: s'), /bare words are not supported/],
    ['with an empty selection', ruleText('s: {}\ncondition: s'), /"s" is empty/],
    ['without a condition', ruleText('s:\n  host: x'), /"condition" must be a text/],
    [
      'with a name that is not there',
      ruleText('s:\n  host: x\ncondition: s and t'),
      /x\.yml:10: condition: there is no selection "t"/,
    ],
    ['with a parenthesis too few', ruleText('s:\n  host: x\ncondition: (s'), /a closing parenthesis is missing/],
    ['with an aggregation', ruleText('s:\n  host: x\ncondition: s | count() > 5'), /aggregations/],
    ['with a count of selections', ruleText('s:\n  host: x\ncondition: 2 of s*'), /"2 of" is not supported/],
    [
      'with a very deep condition',
      ruleText(`s:\n  host: x\ncondition: ${'('.repeat(5000)}s${')'.repeat(5000)}`),
      /more than 64 levels/,
    ],
    ['with a regular expression that is none', ruleText(one("statement|re: '('")), /cannot be used/],
    ['with a regular expression that could hang', ruleText(one("statement|re: '(a{1,100}){1,100}'")), /linear time/],
    ['with a look-ahead', ruleText(one("statement|re: '(?=a)b'")), /linear time/],
  ];
  for (const [title, text, expected] of cases) {
    it(`${title} is refused with file, line and cause`, () => assert.match(fault(text), expected));
  }

  it('that has the id of another is refused', () => {
    const [rule] = parseRules(ruleText(one('host: x')), 'a.yml');
    assert.throws(
      () => new RuleSet([rule!, { ...rule!, file: 'b.yml' }], SILENT),
      /b\.yml:1: the id r-1 is also in a\.yml/,
    );
  });

  it('does not hide the others of its file', () => {
    assert.equal(
      parseRules(`${ruleText(one('host: x'))}---\n${ruleText(one('host: y')).replace('r-1', 'r-2')}`, 'x').length,
      2,
    );
  });
});

describe('regular expressions of rules', () => {
  it('take time that grows with the text, also where others take for ever', () => {
    const regex = linearRegExp('^(a+)+$', '');
    const startedAt = performance.now();
    assert.equal(regex.test(`${'a'.repeat(TEXT_CHARACTERS_MAX)}!`), false);
    assert.ok(performance.now() - startedAt < 1000);
  });

  it('see the first part of a text that is too long, and that is counted', () => {
    let cut = 0;
    const [rule] = parseRules(ruleText(one("statement|re: 'needle'")), 'x.yml');
    const rules = new RuleSet([rule!], {
      ...SILENT,
      onCut: () => {
        cut += 1;
      },
    });
    const long = asReceived({ seq: 1, command: { statement: `${'x'.repeat(TEXT_CHARACTERS_MAX)}needle` } });
    assert.equal(rules.matches('command', long, SENDER).length, 0);
    assert.equal(cut, 1);
  });

  it('fold case in literals, classes and ranges, and nowhere else', () => {
    assert.equal(foldCase('aB1'), '[aA][bB]1');
    assert.equal(foldCase('[a-c_x]'), '[a-cA-C_xX]');
    assert.equal(foldCase('\\bd\\x41\\w'), '\\b[dD]\\x41\\w');
    assert.equal(foldCase('(?<name>a|b)(?:c)'), '(?<name>[aA]|[bB])(?:[cC])');
    assert.ok(linearRegExp('^sel[e-f]ct\\s', 'i').test('SELECT x'));
  });

  it('are refused when they are very long', () => {
    assert.throws(() => linearRegExp('a'.repeat(2000), ''), LinearRegExpError);
  });
});

describe('matching', () => {
  it('of patterns with many wildcards on long texts stays quick', () => {
    const startedAt = performance.now();
    assert.ok(!matches(one(`statement: '*${'a?'.repeat(40)}b*'`), command({ statement: 'a'.repeat(200_000) })));
    assert.ok(performance.now() - startedAt < 2000);
  });
});

describe('the rule pack', () => {
  const rules = readRules(RULE_PACK_FOLDER);
  for (const file of readdirSync(RULE_PACK_FOLDER).filter((name) => name.endsWith('.samples.yml'))) {
    const ruleFile = join(RULE_PACK_FOLDER, file.replace('.samples.yml', '.yml'));
    const samples = parse(readFileSync(join(RULE_PACK_FOLDER, file), 'utf8')) as Record<
      'fires' | 'near_misses',
      (ActivityProperties & { name: string })[]
    >;
    const set = new RuleSet(
      rules.filter((rule) => rule.file === ruleFile),
      SILENT,
    );
    const fires = ({ name: _name, ...fields }: ActivityProperties & { name: string }) => {
      const activity = asReceived({ seq: 1, ...fields });
      return set.matches(kindOf(activity)!, activity, SENDER).length > 0;
    };
    for (const sample of samples.fires) it(`${file}: fires on ${sample.name}`, () => assert.ok(fires(sample)));
    for (const sample of samples.near_misses)
      it(`${file}: stays silent: ${sample.name}`, () => assert.ok(!fires(sample)));
  }

  it('has samples for every rule', () => {
    for (const { file } of rules) {
      const samples = parse(readFileSync(file.replace('.yml', '.samples.yml'), 'utf8')) as {
        fires: unknown[];
        near_misses: unknown[];
      };
      assert.ok(samples.fires.length > 0 && samples.near_misses.length > 0, file);
    }
  });
});
