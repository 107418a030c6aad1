// SPDX-License-Identifier: Apache-2.0

/** Bundles out of a real engine: what holds, what does not and how it is named, by the command's check and by the page's. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SealedRecord as AgentRecord } from '../../collector/testing/sealed-record.ts';
import { leafOf } from '../../proto/leaf.ts';
import { openPage, runPage } from '../testing/bundle-page-run.ts';
import {
  AGENT,
  type BundleStage,
  HOSTILE_STATEMENT,
  manifestOf,
  SESSION,
  startBundleStage,
  writeManifest,
} from '../testing/bundle-stage.ts';
import { COLLECTOR } from '../testing/sealed-record.ts';
import { activityFromJson } from './activity-json.ts';
import { isFault, type Problem } from './audit-finding.ts';
import { type BundleReport, readBundle } from './bundle-read.ts';

interface LooseLine {
  seq: number;
  first: number;
  host: string;
  leaf: string;
  hash: string;
  activity: Record<string, unknown> & { seq: string; sessionId: string; command: Record<string, unknown> };
  payload_digests?: Record<string, string>;
}

type Loose = { manifest: ReturnType<typeof manifestOf>; lines: LooseLine[] };

const brief = ({ kind, agent_id, first_seq, last_seq }: Problem): string =>
  `${kind} ${agent_id}:${first_seq}-${last_seq}`;
const faultsOf = (problems: readonly Problem[]): string[] => problems.filter(isFault).map(brief).sort();

/** The leaf that belongs to a line as it stands now. */
function reseal(line: LooseLine): void {
  const digests = new Map(
    Object.entries(line.payload_digests ?? {}).map(([name, one]) => [name, Buffer.from(one, 'base64')]),
  );
  line.leaf = leafOf(activityFromJson(line.activity), AGENT, line.host, digests).toString('base64');
}

const at = (lines: LooseLine[], seq: number): LooseLine => lines.find((line) => line.seq === seq)!;

/** What is done to the lines of the agent's log; its session is 301 to 321, a loss at 1022, and 1023 to 1043. */
const TAMPERING: readonly { readonly name: string; readonly does: (loose: Loose) => void; readonly named: string[] }[] =
  [
    { name: 'nothing', does: () => {}, named: [] },
    {
      name: 'an altered field',
      does: ({ lines }) => {
        at(lines, 310).activity.command['target'] = 'elsewhere';
      },
      named: ['altered a-1:310-310'],
    },
    {
      name: 'an altered payload',
      does: ({ lines }) => {
        at(lines, 311).activity.command['statement'] = 'SELECT 1';
      },
      named: ['altered a-1:311-311'],
    },
    {
      name: 'a payload that became another by its digest',
      does: ({ lines }) => {
        const line = at(lines, 311);
        delete line.activity.command['statement'];
        line.payload_digests = { 'command.statement': Buffer.alloc(32, 7).toString('base64') };
      },
      named: ['altered a-1:311-311'],
    },
    {
      name: 'a field that no leaf binds',
      does: ({ lines }) => {
        at(lines, 310).activity.command['note'] = 'trust me';
      },
      named: ['altered a-1:310-310'],
    },
    {
      name: 'another host',
      does: ({ lines }) => {
        at(lines, 310).host = 'other';
      },
      named: ['altered a-1:310-310'],
    },
    {
      name: 'an altered activity with its leaf',
      does: ({ lines }) => {
        at(lines, 310).activity.command['target'] = 'elsewhere';
        reseal(at(lines, 310));
      },
      named: ['rewritten a-1:301-1043'],
    },
    {
      name: 'an altered hash',
      does: ({ lines }) => {
        lines.find(({ hash }) => hash !== undefined)!.hash = Buffer.alloc(32, 1).toString('base64');
      },
      named: ['rewritten a-1:301-1043'],
    },
    {
      name: 'a removed activity',
      does: ({ lines }) => {
        lines.splice(lines.indexOf(at(lines, 310)), 1);
      },
      named: ['removed a-1:310-310'],
    },
    {
      name: 'an activity that became a hash',
      does: ({ lines }) => {
        const line = at(lines, 310);
        lines[lines.indexOf(line)] = { first: 310, last: 310, hash: line.leaf } as unknown as LooseLine;
      },
      named: ['removed a-1:301-1043'],
    },
    {
      name: 'an inserted activity',
      does: ({ lines }) => {
        const line = structuredClone(at(lines, 310));
        line.activity.command['target'] = 'elsewhere';
        reseal(line);
        lines.splice(lines.indexOf(at(lines, 310)), 0, line);
      },
      named: ['inserted a-1:310-310'],
    },
    {
      name: 'an activity behind the end',
      does: ({ lines }) => {
        const line = structuredClone(at(lines, 310));
        line.seq = 2_000;
        line.activity.seq = '2000';
        reseal(line);
        lines.push(line);
      },
      named: ['inserted a-1:2000-2000'],
    },
    {
      name: 'two activities in each other’s place',
      does: ({ lines }) => {
        const [a, b] = [at(lines, 310), at(lines, 315)];
        [a.activity, b.activity] = [b.activity, a.activity];
        [a.leaf, b.leaf] = [b.leaf, a.leaf];
      },
      named: ['swapped a-1:310-310', 'swapped a-1:315-315'],
    },
    {
      name: 'two lines in each other’s place',
      does: ({ lines }) => {
        const place = lines.indexOf(at(lines, 310));
        [lines[place], lines[place + 1]] = [lines[place + 1]!, lines[place]!];
      },
      named: ['swapped a-1:310-310'],
    },
    {
      name: 'two lines in each other’s place, with hashes between them',
      does: ({ lines }) => {
        const shown = lines.flatMap((line, place) => (line.hash === undefined ? [place] : []));
        const first = shown.findIndex((place, index) => index > 0 && place > shown[index - 1]! + 1);
        const [a, b] = [shown[first - 1]!, shown[first]!];
        [lines[a], lines[b]] = [lines[b]!, lines[a]!];
      },
      named: ['swapped a-1:321-321', 'swapped a-1:322-1021'],
    },
    {
      name: 'two hashes in each other’s place',
      does: ({ lines }) => {
        const place = lines.findIndex(({ hash }, index) => hash !== undefined && lines[index + 1]?.hash !== undefined);
        [lines[place], lines[place + 1]] = [lines[place + 1]!, lines[place]!];
      },
      named: ['swapped a-1:1-256'],
    },
    {
      name: 'a line that is there twice',
      does: ({ lines }) => {
        lines.splice(lines.indexOf(at(lines, 315)), 0, structuredClone(at(lines, 310)));
      },
      named: ['replayed a-1:310-310'],
    },
    {
      name: 'an activity told again in the place of another',
      does: ({ lines }) => {
        const place = lines.indexOf(at(lines, 315));
        lines[place] = { ...structuredClone(at(lines, 310)), seq: 315 };
      },
      named: ['replayed a-1:315-315'],
    },
    {
      name: 'an activity of another session',
      does: ({ lines }) => {
        const line = at(lines, 315);
        line.activity.sessionId = 's-other';
        reseal(line);
      },
      named: ['replayed a-1:315-315'],
    },
    {
      name: 'a cut tail',
      does: ({ lines }) => {
        lines.splice(lines.indexOf(at(lines, 1040)));
      },
      named: ['cut_tail a-1:1040-1093'],
    },
    {
      name: 'a cut tail, and a manifest that says so',
      does: ({ manifest, lines }) => {
        lines.splice(lines.indexOf(at(lines, 1040)));
        Object.assign(manifest.logs[0]!, { tree_size: 1039, last_seq: 1039 });
        Object.assign(manifest.logs[0]!, { activities: lines.filter(({ seq }) => seq !== undefined).length });
      },
      named: ['wrong_root a-1:1039-1039'],
    },
    {
      name: 'a line that is none',
      does: ({ lines }) => {
        at(lines, 310).activity = 'x' as never;
      },
      named: ['altered a-1:310-310'],
    },
    {
      name: 'a lone surrogate',
      does: ({ lines }) => {
        at(lines, 310).activity.command['statement'] = '\ud800';
      },
      named: ['altered a-1:310-310'],
    },
    {
      name: 'another root',
      does: ({ manifest }) => {
        const log = manifest.logs[0]!;
        const lines = log.checkpoint.split('\n');
        lines[2] = Buffer.alloc(32, 1).toString('base64');
        Object.assign(log, { checkpoint: lines.join('\n') });
      },
      named: ['bad_signature a-1:1093-1093'],
    },
    {
      name: 'a checkpoint of another log',
      does: ({ manifest }) => {
        Object.assign(manifest.logs[0]!, { checkpoint: manifest.logs[1]!.checkpoint });
      },
      named: ['bad_signature a-1:1093-1093'],
    },
    {
      name: 'another key of the agent',
      does: ({ manifest }) => {
        const key = manifest.keys.find(({ line }) => line.startsWith(`sworn/${AGENT}+`))!;
        Object.assign(key, { line: new AgentRecord(AGENT).keyLine });
      },
      named: ['key_changed a-1:1093-1093'],
    },
  ];

/** Changes a copy of a bundle, with a manifest that is right again, and the same data of its page. */
async function tampered(
  stage: BundleStage,
  original: string,
  name: string,
  does: (loose: Loose) => void,
): Promise<{ report: BundleReport; page: readonly Problem[] }> {
  const path = join(stage.folder, name.replaceAll(/\W/g, '_'));
  cpSync(original, path, { recursive: true });
  const page = openPage(join(path, 'index.html'));
  const loose: Loose = { manifest: manifestOf(path), lines: linesOf(readFileSync(join(path, 'log-1.jsonl'), 'utf8')) };
  does(loose);
  const text = loose.lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  writeFileSync(join(path, 'log-1.jsonl'), text);
  const bytes = Buffer.from(text);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  Object.assign(loose.manifest.files[0]!, { bytes: bytes.length, sha256 });
  writeManifest(path, loose.manifest);
  const logs = [text, ...page.logs.slice(1)];
  const { problems } = await runPage({ ...page, manifest: loose.manifest as never, logs });
  return { report: await readBundle(path, []), page: problems };
}

const linesOf = (text: string): LooseLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LooseLine);

describe('a bundle', () => {
  let stage: BundleStage;
  const ends: (() => Promise<void>)[] = [];
  before(async () => {
    stage = await startBundleStage({ after: (end) => void ends.push(end) });
  });
  after(async () => {
    for (const end of ends) await end();
  });

  it('names what was done to it, in the command and in the page alike', async () => {
    const original = await stage.bundle('original');
    for (const { name, does, named } of TAMPERING) {
      const { report, page } = await tampered(stage, original, name, does);
      assert.deepEqual(faultsOf(report.integrity.problems), named, name);
      assert.deepEqual(faultsOf(page), named, `${name}, in the page`);
      assert.equal(report.ok, named.length === 0);
    }
  });

  it('holds its files against the manifest', async () => {
    const original = await stage.bundle('untouched');
    const copyOf = (name: string): string => {
      cpSync(original, join(stage.folder, name), { recursive: true });
      return join(stage.folder, name);
    };
    const messages = async (path: string) => {
      const { ok, integrity } = await readBundle(path, []);
      assert.equal(ok, false);
      return integrity.problems.map(({ kind, message }) => `${kind}: ${message}`).join('\n');
    };
    const changed = copyOf('changed');
    writeFileSync(
      join(changed, 'index.html'),
      readFileSync(join(changed, 'index.html'), 'utf8').replace('</body>', ' </body>'),
    );
    assert.match(await messages(changed), /^altered: index\.html is not the file that the manifest names\.$/);
    const missing = copyOf('missing');
    rmSync(join(missing, 'log-2.jsonl'));
    assert.match(await messages(missing), /^removed: log-2\.jsonl is missing\.$/);
    const more = copyOf('more');
    writeFileSync(join(more, 'readme\u001b.txt'), 'x');
    assert.match(await messages(more), /^inserted: The manifest does not know the file "readme\\u001b\.txt"\.$/);
    const cut = copyOf('cut');
    truncateSync(join(cut, 'log-1.jsonl'), statSync(join(cut, 'log-1.jsonl')).size - 400);
    assert.match(await messages(cut), /altered: log-1\.jsonl is not the file/);
    const unlisted = copyOf('unlisted');
    const manifest = manifestOf(unlisted);
    writeManifest(unlisted, { ...manifest, files: manifest.files.slice(1) });
    assert.match(await messages(unlisted), /removed: The manifest does not list log-1\.jsonl\./);
    const twice = copyOf('twice');
    writeManifest(twice, { ...manifest, logs: [manifest.logs[0], manifest.logs[0]] });
    await assert.rejects(readBundle(twice, []), /names a file or a log twice/);
    writeManifest(twice, { ...manifest, logs: [{ ...manifest.logs[0], file: '../../etc/passwd' }] });
    await assert.rejects(readBundle(twice, []), /no name of a file/);
  });

  it('says whether all of the session is there', async () => {
    const whole = await readBundle(await stage.bundle('whole'), []);
    assert.equal(whole.membership.ok, true);
    assert.match(whole.membership.message, /^All 40 commands that its end counts are here\. 700 activities between/);
    assert.deepEqual(
      whole.completeness.losses.map(({ reason, events, bytes }) => [reason, events, bytes]),
      [['ring_full', 7, 9]],
    );
    const open = await readBundle(await stage.bundle('open', { withOthers: true }), []);
    assert.deepEqual([open.ok, open.membership.ok, open.membership.hidden], [true, true, 0]);
    assert.match(open.membership.message, /Nothing between its start and its end is left out/);
    // Of others, no payload.
    const others = linesOf(readFileSync(join(stage.folder, 'open/log-1.jsonl'), 'utf8')).filter(
      ({ activity }) => activity?.sessionId === 's-other',
    );
    assert.equal(others.length, 700);
    assert.ok(
      others.every(({ activity }) => activity.command?.['statement'] === undefined && activity['salt'] === undefined),
    );
    // Whoever leaves a command out, and makes the manifest anew, is told by the session's own end.
    const { report } = await tampered(stage, join(stage.folder, 'whole'), 'left out', ({ manifest, lines }) => {
      const line = at(lines, 310);
      lines[lines.indexOf(line)] = { first: 310, last: 310, hash: line.leaf } as unknown as LooseLine;
      Object.assign(manifest.logs[0]!, { activities: manifest.logs[0]!.activities - 1 });
    });
    assert.deepEqual([report.ok, report.membership.ok], [true, false]);
    assert.match(report.membership.message, /counts 40 commands, and 39 are here/);
  });

  it('verifies without payload, and does not have it', async () => {
    const path = await stage.bundle('dark', { withoutPayload: true });
    const { ok, integrity } = await readBundle(path, []);
    assert.equal(ok, true);
    assert.equal(integrity.logs[0]?.without_payload, 42);
    for (const file of ['log-1.jsonl', 'log-2.jsonl', 'index.html']) {
      const text = readFileSync(join(path, file), 'utf8');
      for (const word of ['SELECT id', 'document.title=\\"taken', '"salt"'])
        assert.ok(!text.includes(word), `${file}: ${word}`);
    }
    const page = await runPage(openPage(join(path, 'index.html')));
    assert.deepEqual([page.ok, page.problems], [true, []]);
  });

  it('shows that payload was erased, and holds', async (t) => {
    const stage = await startBundleStage(t);
    await stage.change.run(
      `ALTER TABLE sworn.activities UPDATE erasure_seq = 2,
         payload_digests = map('command.statement', unhex(repeat('00', 32))) WHERE agent_id = '${AGENT}' AND seq = 310`,
    );
    // A digest beside payload that is still there counts for nothing.
    const { ok, integrity } = await readBundle(await stage.bundle('erased'), []);
    assert.equal(ok, true);
    assert.deepEqual(integrity.problems.map(brief), ['erased a-1:310-310']);
    const page = await runPage(openPage(join(stage.folder, 'erased/index.html')));
    assert.deepEqual(page.problems.map(brief), ['erased a-1:310-310']);
  });

  it('takes whole tiles and hashes of rows that are gone for what is not shown', async (t) => {
    const stage = await startBundleStage(t);
    await stage.record.tile(AGENT, 1, 0);
    await stage.record.tile(AGENT, 0, 1);
    await stage.record.tile(AGENT, 0, 3);
    await stage.record.tile(AGENT, 0, 4);
    await stage.change.run(
      `ALTER TABLE sworn.activities DELETE WHERE agent_id = '${AGENT}' AND seq BETWEEN 400 AND 1000 AND session_id = 's-other'`,
    );
    await stage.change.run(`ALTER TABLE sworn.activities DELETE WHERE agent_id = '${AGENT}' AND seq > 1050`);
    const tail = stage.bundle('tail');
    await assert.doesNotReject(tail);
    assert.equal((await readBundle(await tail, [])).ok, true);
    await stage.change.run(`ALTER TABLE sworn.log_tiles DELETE WHERE agent_id = '${AGENT}' AND level = 0`);
    await assert.rejects(stage.bundle('gone'), /cannot be proved: it is not what was sealed/);
  });

  it('is not made of what was changed, or is not sealed yet', async (t) => {
    const stage = await startBundleStage(t);
    await stage.change.run(
      `ALTER TABLE sworn.activities UPDATE leaf_bytes = unhex(repeat('ab', 32)) WHERE agent_id = '${AGENT}' AND seq = 700`,
    );
    await assert.rejects(stage.bundle('neighbour'), /cannot be proved/);
    await stage.change.run(
      `ALTER TABLE sworn.activities UPDATE target = 'x' WHERE agent_id = '${AGENT}' AND seq = 310`,
    );
    await assert.rejects(stage.bundle('own'), /a-1:310 cannot be proved/);
    await stage.change.run(`ALTER TABLE sworn.checkpoints DELETE WHERE agent_id = '${AGENT}' AND size > 1030`);
    await assert.rejects(stage.bundle('unsealed'), /no checkpoint covers a-1:1043 yet/);
  });

  it('asks for the keys that one knows', async () => {
    const path = await stage.bundle('keys');
    const page = openPage(join(path, 'index.html'));
    const known = stage.record.collectorKey;
    const stranger = new AgentRecord(COLLECTOR).keyLine;
    for (const [line, expected] of [
      [known, []],
      [stranger, [`key_changed ${COLLECTOR}:2-2`]],
      [new AgentRecord(AGENT).keyLine, [`key_changed ${AGENT}:1093-1093`]],
    ] as const) {
      const { integrity, keys } = await readBundle(path, [{ line, trust: 'given' }]);
      assert.deepEqual(faultsOf(integrity.problems), expected);
      assert.ok(keys.some(({ trust }) => trust === 'given'));
      assert.deepEqual(faultsOf((await runPage(page, [line])).problems), expected);
    }
  });

  it('has a page that says what it left to the files beside it', async () => {
    const path = await stage.bundle('large', { pageBytesMax: 30_000 });
    assert.equal((await readBundle(path, [])).ok, true);
    const page = openPage(join(path, 'index.html'));
    const counts = page.manifest.logs[0]!.page!;
    assert.ok(counts.left_out > 0 && counts.payload_left_out > 0, JSON.stringify(counts));
    const { ok, seqs, problems, membership } = await runPage(page);
    assert.deepEqual([ok, problems, membership.ok], [true, [], false]);
    assert.equal(seqs.filter((seq) => seq > 2).length, 43 - counts.left_out);
    assert.match(membership.message, /stand only in the files beside this page/);
  });

  it('has a page that nothing recorded gets out of', async () => {
    const { html, script, logs } = openPage(join(await stage.bundle('hostile'), 'index.html'));
    // Four scripts are ours: two logs, the manifest, and the one that runs.
    assert.deepEqual(
      [html.match(/<script/g)?.length, html.match(/<\/script/g)?.length, html.includes('<img')],
      [4, 4, false],
    );
    assert.ok(logs[0]!.includes('\\u003c/script>'));
    const statement = linesOf(logs[0]!).find(({ seq }) => seq === 305)?.activity.command['statement'];
    assert.equal(statement, HOSTILE_STATEMENT);
    const digest = createHash('sha256').update(script).digest('base64');
    assert.match(html, /content="default-src 'none'; script-src 'sha256-/);
    assert.ok(html.includes(`script-src 'sha256-${digest}'; style-src 'sha256-`));
    assert.ok(!/unsafe-|https?:/.test(html.slice(0, html.indexOf('</head>'))));
  });

  it('has a page that says when it cannot check signatures', async () => {
    const page = openPage(join(await stage.bundle('old'), 'index.html'));
    const none = new DOMException('no such algorithm', 'NotSupportedError');
    const old = { subtle: { importKey: () => Promise.reject(none) } };
    for (const crypto of [old, undefined]) {
      const report = await runPage(page, [], crypto ?? {});
      assert.deepEqual([report.ok, report.unchecked, report.problems], [true, true, []]);
    }
    assert.equal((await runPage(page)).unchecked, false);
    assert.equal(existsSync(join(stage.folder, 'old/manifest.json')), true);
    assert.equal(page.manifest.session_id, SESSION);
  });
});
