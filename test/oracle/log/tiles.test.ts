// SPDX-License-Identifier: Apache-2.0

/** What `sworn export tiles` writes of a real collector, read by the libraries that monitors of logs use. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it, type TestContext } from 'node:test';
import { runSworn } from '../../../cli/testing/run-sworn.ts';
import {
  removeFolder,
  startTestCollector,
  type TestCollector,
  temporaryFolder,
} from '../../../collector/testing/test-collector.ts';
import { inclusionProof, MerkleFrontier } from '../../../proto/log/merkle.ts';
import { tilePath, tilesOf } from '../../../proto/log/tile.ts';
import { startWitness } from '../../../witness/main.ts';
import { TestLog } from '../../../witness/testing/test-log.ts';
import { readWitnessConfig } from '../../../witness/witness-config.ts';
import { buildGoProgram, type GoProgram, whyNoGo } from './go-program.ts';
import { SealedAgent } from './sealed-agent.ts';

interface Exported {
  readonly ok: boolean;
  readonly logs: readonly { agent_id: string; folder: string; size: number; new_leaves: number; witnesses: number }[];
  readonly failures: readonly { agent_id: string; message: string }[];
}

describe('exported tiles', { skip: whyNoGo() }, () => {
  let go: GoProgram;
  let state: string;
  let collector: TestCollector;
  let cosigner: string;
  const agents: SealedAgent[] = [];
  const at = (name: string): string => join(state, name);

  before(async () => {
    go = buildGoProgram('reader');
    state = temporaryFolder();
    collector = await startTestCollector(at('collector'));
    cosigner = collector.status().seal.cosigner;
  });
  after(async () => {
    for (const agent of agents) agent.close();
    await collector?.stop();
    go?.remove();
    removeFolder(state);
  });

  async function connect(agentId: string): Promise<SealedAgent> {
    const agent = await SealedAgent.connect(collector, agentId);
    agents.push(agent);
    return agent;
  }

  const sworn = (...words: string[]) =>
    runSworn(['export', 'tiles', '--url', collector.apiUrl, ...words], {
      environment: { SWORN_TOKEN: collector.apiToken },
    });

  async function exported(agent: SealedAgent, folder: string): Promise<Exported['logs'][number]> {
    const { code, out, err } = await sworn('--agent', agent.agentId, '--json', folder);
    assert.equal(code, 0, err);
    return (JSON.parse(out) as Exported).logs[0] as Exported['logs'][number];
  }

  /** What the reader found right, after it was told what we claim. Undefined: it refused. */
  function read(agent: SealedAgent, folder: string, claims = claimsOf(agent)): Record<string, number> | undefined {
    writeFileSync(join(folder, 'claims.json'), claims);
    const { status, stdout } = spawnSync(go.path, [folder], { encoding: 'utf8' });
    rmSync(join(folder, 'claims.json'));
    return status === 0 ? (JSON.parse(stdout) as Record<string, number>) : undefined;
  }

  /** Proofs that we made, for the reader to judge. */
  function claimsOf(agent: SealedAgent): string {
    const { size, leaves, subtree, keyLine, origin } = agent.log;
    const base64 = (hashes: readonly Buffer[]): string[] => hashes.map((one) => one.toString('base64'));
    const oldSizes = [1, 2, 255, 256, 257, size - 1, size].filter((one) => one > 0 && one <= size);
    const roots = rootsAt(leaves, oldSizes);
    const claims = {
      ...{ origin, log: keyLine, witness: cosigner },
      inclusion: [0, 1, 255, 256, Math.floor(size / 2), size - 1]
        .filter((index) => index < size)
        .map((index) => ({
          ...{ index, size, leaf: (leaves[index] as Buffer).toString('base64') },
          proof: base64(inclusionProof(index, size, subtree)),
        })),
      consistency: oldSizes.map((oldSize) => ({
        ...{ oldSize, size, oldRoot: (roots.get(oldSize) as Buffer).toString('base64') },
        proof: base64(agent.log.proofFrom(oldSize)),
      })),
    };
    return JSON.stringify(claims);
  }

  /** In front of the collector: changes what it answers. */
  async function startLiar(t: TestContext, lie: (sql: string, answer: Buffer) => Buffer): Promise<string> {
    const server = createServer((request, response) => {
      void (async () => {
        const body = await buffer(request);
        const answer = await fetch(new URL(request.url as string, collector.apiUrl), {
          method: request.method as string,
          headers: { authorization: request.headers.authorization as string, 'content-type': 'application/json' },
          body,
        });
        const { sql } = JSON.parse(body.toString()) as { sql: string };
        response.writeHead(answer.status).end(lie(sql, Buffer.from(await answer.arrayBuffer())));
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('of some thousand activities are what others verify, and grow with the log', async () => {
    const agent = await connect('web-1');
    const folder = at('web-1');
    let size = 0;
    for (const next of [1, 255, 256, 257, 3001]) {
      await agent.deliver(next);
      const log = await exported(agent, folder);
      assert.deepEqual([log.size, log.new_leaves], [next, next - size]);
      size = next;
      const found = read(agent, folder);
      assert.deepEqual([found?.['leaves'], found?.['signatures']], [next, 2], `size ${next}`);
      for (const tile of tilesOf(next)) assert.ok(existsSync(join(folder, tilePath(tile))), tilePath(tile));
    }
    assert.equal((await exported(agent, folder)).new_leaves, 0);
    assert.deepEqual(readdirSync(folder).sort(), ['checkpoint', 'tile'], 'and nothing else');
    assert.deepEqual(globSync('tile/0/00?.p', { cwd: folder }), [], 'nor what is whole by now');
  });

  it('are refused by others when a byte of them is another', async () => {
    const [agent] = agents as [SealedAgent];
    const folder = at('web-1');
    const claims = claimsOf(agent);
    assert.ok(read(agent, folder, claims) !== undefined);
    // Unfinished tiles of checkpoints before this one are there too, and nobody needs them.
    const files = ['checkpoint', ...[...tilesOf(agent.log.size)].map(tilePath)].map((name) => join(folder, name));
    assert.equal(files.length, 14);
    for (const file of files) {
      const whole = readFileSync(file);
      const isNote = file.endsWith('checkpoint');
      for (let i = 0; i < whole.length; i += isNote ? 11 : 1 + Math.floor(whole.length / 3)) {
        // The last bits of padded base64 mean nothing.
        if (isNote && [0x3d, 0x0a].includes(whole[i + 1] ?? 0)) continue;
        const other = Buffer.from(whole);
        other[i] = (other[i] as number) ^ 0x01;
        writeFileSync(file, other);
        assert.equal(read(agent, folder, claims), undefined, `${file}, byte ${i}`);
      }
      writeFileSync(file, whole);
    }
    assert.ok(read(agent, folder) !== undefined);
  });

  it('of more activities than a tile of the second level has are what others verify', async () => {
    const agent = await connect('web-2');
    const folder = at('web-2');
    await agent.deliver(65_536);
    await exported(agent, folder);
    assert.equal(read(agent, folder)?.['leaves'], 65_536);
    await agent.deliver(70_112);
    assert.equal((await exported(agent, folder)).new_leaves, 4576);
    const found = read(agent, folder);
    assert.deepEqual([found?.['leaves'], found?.['inclusion'], found?.['consistency']], [70_112, 6, 7]);
    assert.equal(readFileSync(join(folder, 'tile/2/000.p/1')).length, 32);

    // The same, in one go.
    const once = at('web-2-once');
    await exported(agent, once);
    const files = (of: string): string[] => globSync('**', { cwd: of }).sort();
    assert.deepEqual(files(once), files(folder));
    for (const file of files(once).filter((one) => /\d$/.test(one) && !existsSync(join(once, one, '.')))) {
      assert.deepEqual(readFileSync(join(once, file)), readFileSync(join(folder, file)), file);
    }
  });

  it('are written for all logs, each in a folder of its own, the collector too', async () => {
    const { code, out, err } = await sworn('--all', '--json', at('all'));
    assert.equal(code, 0, err);
    const { ok, logs } = JSON.parse(out) as Exported;
    assert.ok(ok);
    const [web1, web2] = agents as [SealedAgent, SealedAgent];
    const sizes = new Map(logs.map(({ agent_id, size }) => [agent_id, size]));
    assert.deepEqual([sizes.get('web-1'), sizes.get('web-2')], [web1.log.size, web2.log.size]);
    assert.equal(read(web1, join(at('all'), 'web-1'))?.['leaves'], web1.log.size);
  });

  it('are not written over what they do not go on from', async () => {
    const [agent] = agents as [SealedAgent];
    const spoil = async (name: string, spoilt: (folder: string) => void): Promise<string> => {
      cpSync(at('web-1'), at(name), { recursive: true });
      spoilt(at(name));
      const before = globSync('**', { cwd: at(name) }).sort();
      const { code, err } = await sworn('--agent', agent.agentId, at(name));
      assert.equal(code, 1, name);
      assert.deepEqual(globSync('**', { cwd: at(name) }).sort(), before, 'and the folder is as it was');
      return err;
    };
    const edge = [...tilesOf(agent.log.size)].findLast(({ level }) => level === 0);
    assert.ok(edge !== undefined);
    const damaged = (folder: string): void =>
      writeFileSync(join(folder, tilePath(edge)), Buffer.alloc(32 * edge.width));
    assert.match(await spoil('damaged', damaged), /are not those of its checkpoint/);
    assert.match(await spoil('short', (folder) => writeFileSync(join(folder, tilePath(edge)), '')), /has 0 bytes/);
    assert.match(
      await spoil('other', (folder) => cpSync(join(at('web-2'), 'checkpoint'), join(folder, 'checkpoint'))),
      /is not one of web-1/,
    );
    const forked = agent.log.fork('other', agent.log.size + 1);
    const unsigned = (folder: string): void => writeFileSync(join(folder, 'checkpoint'), forked.note);
    assert.match(await spoil('unsigned', unsigned), /The collector has not cosigned it/);
  });

  it('are not written from leaves that do not make the signed root, whatever the collector says', async (t) => {
    const agent = await connect('web-3');
    await agent.deliver(650);
    await exported(agent, at('web-3-older'));
    await agent.deliver(700);
    let change: (rows: Buffer[]) => Buffer[] = (rows) => rows;
    let tiles: { place: string; hex: string }[] = [];
    let note: string | undefined;
    const url = await startLiar(t, (sql, answer) => {
      if (sql.includes('note') && note !== undefined) return Buffer.from(`${JSON.stringify({ note })}\n`);
      if (sql.includes('level = 0')) return Buffer.from(tiles.map((tile) => `${JSON.stringify(tile)}\n`).join(''));
      if (!sql.includes('leaf_bytes')) return answer;
      const rows = Array.from({ length: answer.length / 40 }, (_, i) => answer.subarray(i * 40, (i + 1) * 40));
      return Buffer.concat(change(rows));
    });
    const take = async (): Promise<{ code: number | null; err: string }> => {
      rmSync(at('web-3'), { recursive: true, force: true });
      return sworn('--url', url, '--agent', 'web-3', at('web-3'));
    };
    const other = (row: Buffer): Buffer => Buffer.from(row.map((byte, i) => (i === 20 ? byte ^ 1 : byte)));
    const lies: [(rows: Buffer[]) => Buffer[], RegExp][] = [
      [(rows) => rows.with(300, other(rows[300] as Buffer)), /do not make the root that was cosigned/],
      [(rows) => rows.toSpliced(300, 1), /activity 301 of web-3 is not stored/],
      [(rows) => rows.slice(0, -1), /activity 700 of web-3 is not stored/],
      [(rows) => rows.toSpliced(300, 0, other(rows[300] as Buffer)), /activity 301 of web-3 is stored twice/],
      [(rows) => [...rows.slice(0, -1), (rows.at(-1) as Buffer).subarray(0, 30)], /ends within a row/],
      [() => [], /activity 1 of web-3 is not stored/],
    ];
    for (const [lie, expected] of lies) {
      change = lie;
      const { code, err } = await take();
      assert.equal(code, 1);
      assert.match(err, expected);
      assert.ok(!existsSync(join(at('web-3'), 'checkpoint')));
      assert.deepEqual(globSync('**/[0-9]*', { cwd: at('web-3') }), [], 'and no tile is left behind');
    }
    // The same row twice is one activity; rows that retention has removed stand in tiles, the last of them cut.
    change = (rows) => rows.toSpliced(300, 0, rows[300] as Buffer);
    assert.equal((await take()).code, 0);
    change = (rows) => rows.slice(400);
    const hexOf = (from: number, to: number): string => Buffer.concat(agent.log.leaves.slice(from, to)).toString('hex');
    tiles = [
      { place: '0', hex: hexOf(0, 256) },
      { place: '1', hex: hexOf(256, 400) },
    ];
    assert.deepEqual(await take().then(({ code }) => code), 0);
    assert.equal(read(agent, at('web-3'))?.['leaves'], 700);
    tiles = [{ place: '0', hex: hexOf(1, 257) }, tiles[1] as (typeof tiles)[0]];
    assert.match((await take()).err, /do not make the root that was cosigned/);

    // An older checkpoint that is genuine, one of another log, and one that nobody signed.
    [tiles, change] = [[], (rows) => rows];
    await exported(agent, at('web-3'));
    const again = (): Promise<{ code: number | null; err: string }> =>
      sworn('--url', url, '--agent', 'web-3', at('web-3'));
    const noteIn = (name: string): string => readFileSync(join(at(name), 'checkpoint'), 'utf8');
    note = noteIn('web-3-older');
    assert.match((await again()).err, /has 700 leaves of web-3, and the collector 650: it was rolled back/);
    note = noteIn('web-1');
    assert.match((await again()).err, /is not to be trusted: sworn\/web-3 has not signed it/);
    note = noteIn('web-3').replace('\n700\n', '\n701\n');
    assert.match((await again()).err, /is not to be trusted: The signature of sworn\/web-3 is wrong/);
    note = undefined;
    assert.equal((await again()).code, 0);
  });

  it('are of one log, with keys that are its own', async () => {
    const key = (agents[0] as SealedAgent).log.keyLine;
    const wrong = await sworn('--agent', 'web-1', '--key', key.replace('web-1', 'web-3'), at('x'));
    assert.equal(wrong.code, 2, 'a key id that does not belong to its key');
    const stranger = new TestLog('sworn/web-1').keyLine;
    const { code, err } = await sworn('--agent', 'web-1', '--key', stranger, at('x'));
    assert.deepEqual([code, existsSync(at('x'))], [1, false]);
    assert.match(err, /signed as sworn\/web-1 by a key that is not the one known/);
    const missing = await sworn('--agent', 'nobody', at('x'));
    assert.deepEqual([missing.code, existsSync(at('x'))], [1, false]);
    assert.match(missing.err, /no checkpoint of nobody has been cosigned/);
    assert.equal((await sworn('--agent', 'web-3', '--all', at('x'))).code, 2);
  });

  it('carry the signatures of witnesses', async (t) => {
    const log = await connect('web-4');
    const witness = await startWitness(
      readWitnessConfig(
        JSON.stringify({
          ...{ name: 'witness.example.net', listen: '127.0.0.1:0', state_dir: at('witness') },
          logs: agents.map((agent) => agent.log.keyLine),
        }),
        'test',
      ),
      () => {},
    );
    t.after(() => witness.stop());
    for (const agent of agents) agent.close();
    agents.splice(0);
    await collector.stop();
    mkdirSync(at('anchor'));
    collector = await startTestCollector(at('collector'), {
      seal: {
        witnesses: [{ name: 'audit', url: witness.url, key: witness.keyLine }],
        witnesses_required: 1,
        anchors: [{ folder: at('anchor') }, { file: at('anchored') }],
      },
    });
    const agent = await SealedAgent.reconnect(collector, log);
    agents.push(agent);
    await agent.deliver(20);
    await agent.deliver(900);
    assert.equal((await exported(agent, at('web-4'))).size, 900);
    assert.equal(read(agent, at('web-4'))?.['leaves'], 900);
    const { out } = await sworn('--agent', 'web-4', '--json', at('web-4-again'));
    assert.equal((JSON.parse(out) as Exported).logs[0]?.witnesses, 1);
    const note = readFileSync(join(at('web-4'), 'checkpoint'), 'utf8');
    assert.equal(readFileSync(join(at('anchor'), 'sworn%2Fweb-4/900'), 'utf8'), note);
    assert.ok(readFileSync(at('anchored'), 'utf8').includes(note));
  });
});

function rootsAt(leaves: readonly Buffer[], sizes: readonly number[]): Map<number, Buffer> {
  const roots = new Map<number, Buffer>();
  const tree = new MerkleFrontier();
  for (const leaf of leaves) {
    tree.append(leaf);
    if (sizes.includes(tree.size)) roots.set(tree.size, tree.root());
  }
  return roots;
}
