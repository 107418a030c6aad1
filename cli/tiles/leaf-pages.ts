// SPDX-License-Identifier: Apache-2.0

/** The leaves of a log, from a collector: out of its rows, or out of tiles where retention has removed rows. */
import { HASH_BYTES } from '../../proto/log/merkle.ts';
import { TILE_WIDTH } from '../../proto/log/tile.ts';
import { type CollectorClient, piecesOf } from '../collector-client.ts';
import { CliError } from '../exit.ts';

/** Some megabytes of answer, and far below the rows that a query may have. */
const PAGE_LEAVES = 256 * TILE_WIDTH;
/** seq UInt64, leaf_bytes FixedString(32). */
const ROW_BYTES = 8 + HASH_BYTES;

const LEAVES_SQL = `SELECT seq, leaf_bytes FROM sworn.activities
  WHERE agent_id = {agent:String} AND seq > {from:UInt64} AND seq <= {to:UInt64} ORDER BY seq`;
const TILES_SQL = `SELECT toString(index) AS place, hex(hashes) AS hex FROM sworn.log_tiles
  WHERE agent_id = {agent:String} AND level = 0 AND index >= {from:UInt64} AND index <= {to:UInt64}
  ORDER BY index, length(hashes)`;

/**
 * Leaves [from, to), 0-based, a page at a time, 32 bytes each.
 *
 * Errors   CliError when one is missing, or stands twice with different leaves
 */
export async function* leafPages(
  client: CollectorClient,
  agentId: string,
  from: number,
  to: number,
): AsyncGenerator<Buffer> {
  for (let first = from; first < to; ) {
    const end = Math.min((Math.floor(first / PAGE_LEAVES) + 1) * PAGE_LEAVES, to);
    yield await pageOf(client, agentId, first, end);
    first = end;
  }
}

async function pageOf(client: CollectorClient, agentId: string, from: number, to: number): Promise<Buffer> {
  const leaves = Buffer.alloc((to - from) * HASH_BYTES);
  const isThere = new Uint8Array(to - from);
  const put = (index: number, leaf: Uint8Array): void => {
    const place = leaves.subarray((index - from) * HASH_BYTES, (index - from + 1) * HASH_BYTES);
    if (isThere[index - from] === 1 && !place.equals(leaf)) {
      const seq = index + 1;
      throw new CliError(`activity ${seq} of ${agentId} is stored twice, with different leaves`, verifyIt(agentId));
    }
    place.set(leaf);
    isThere[index - from] = 1;
  };
  const answer = await client.query(LEAVES_SQL, 'RowBinary', { agent: agentId, from, to });
  for await (const row of rowsOf(answer)) put(Number(row.readBigUInt64LE(0)) - 1, row.subarray(8));
  if (isThere.includes(0)) await fillFromTiles(client, agentId, from, to, isThere, put);
  const missing = isThere.indexOf(0);
  if (missing >= 0) {
    throw new CliError(`activity ${from + missing + 1} of ${agentId} is not stored`, verifyIt(agentId));
  }
  return leaves;
}

const verifyIt = (agentId: string): string => `What is wrong with the log says: sworn verify --agent ${agentId}`;

/** Whole rows, however the answer is cut into pieces. */
async function* rowsOf(answer: Response): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of piecesOf(answer)) {
    const bytes = Buffer.concat([rest, piece]);
    let at = 0;
    for (; at + ROW_BYTES <= bytes.length; at += ROW_BYTES) yield bytes.subarray(at, at + ROW_BYTES);
    rest = bytes.subarray(at);
  }
  if (rest.length > 0) throw new CliError('the answer of the collector ends within a row', 'Try again.');
}

async function fillFromTiles(
  client: CollectorClient,
  agentId: string,
  from: number,
  to: number,
  isThere: Uint8Array,
  put: (index: number, leaf: Uint8Array) => void,
): Promise<void> {
  const parameters = {
    agent: agentId,
    from: Math.floor(from / TILE_WIDTH),
    to: Math.floor((to - 1) / TILE_WIDTH),
  };
  for (const { place, hex } of await client.rows<{ place: string; hex: string }>(TILES_SQL, parameters)) {
    const hashes = Buffer.from(hex, 'hex');
    const first = Number(place) * TILE_WIDTH;
    for (let i = 0; i < hashes.length / HASH_BYTES; i++) {
      const index = first + i;
      if (index < from || index >= to || isThere[index - from] === 1) continue;
      put(index, hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
    }
  }
}
