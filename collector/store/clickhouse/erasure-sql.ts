// SPDX-License-Identifier: Apache-2.0

/**
 * Erasing as SQL: which rows, and what they become. Digests are computed in the database, so that no payload travels.
 *
 * Source   docs/RECORD.md, "Payload digest" and "Canonical encoding": salt || uvarint(detail) || uvarint(field) || value
 */
import type { ErasurePredicate, SeqRange } from '../../model/erasure.ts';
import { PAYLOAD_COLUMNS, type PayloadColumn } from '../../model/payload-columns.ts';

const NO_DIGEST = "toFixedString('', 32)";
const NO_DIGESTS = "CAST(map(), 'Map(String, FixedString(32))')";

export function textLiteral(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}

function listOf(texts: Iterable<string>): string {
  return [...texts].map(textLiteral).join(', ');
}

/** Unsigned LEB128 of a length up to 2^35 - 1. */
function uvarintSql(value: string): string {
  const byte = (at: number, isLast: boolean) => {
    const bits = at === 0 ? value : `bitShiftRight(${value}, ${7 * at})`;
    return isLast ? bits : `bitOr(bitAnd(${bits}, 127), 128)`;
  };
  const ofBytes = (count: number) =>
    `char(${Array.from({ length: count }, (_, at) => byte(at, at === count - 1)).join(', ')})`;
  const cases = [1, 2, 3, 4].map((count) => `${value} < ${2 ** (7 * count)}, ${ofBytes(count)}`);
  return `multiIf(${cases.join(', ')}, ${ofBytes(5)})`;
}

function delimitedSql(text: string): string {
  return `${uvarintSql(`length(${text})`)}, ${text}`;
}

function valueSql({ column, form }: PayloadColumn): string {
  switch (form) {
    case 'text':
    case 'digest':
      return column;
    case 'texts':
      return `arrayStringConcat(arrayMap(one -> concat(${delimitedSql('one')}), ${column}))`;
    case 'map': {
      const entries = `arrayZip(CAST(mapKeys(${column}), 'Array(String)'), mapValues(${column}))`;
      const pair = `concat(${delimitedSql('one.1')}, ${delimitedSql('one.2')})`;
      return `arrayStringConcat(arrayMap(one -> ${pair}, arraySort(one -> one.1, ${entries})))`;
    }
  }
}

/** One byte a number: all numbers of payload fields are below 128. */
function numbersSql({ detailNumber, fieldNumber }: PayloadColumn): string {
  return `unhex('${Buffer.of(detailNumber, fieldNumber).toString('hex')}')`;
}

function digestsSql(): string {
  const ofKind = (columns: readonly PayloadColumn[]) => {
    const entries = columns.map((one) => {
      // A row without a salt was sealed without one.
      const salt = "if(empty(salt_bytes), '', concat(salt_bytes, ''))";
      const digest = `SHA256(concat(${salt}, ${numbersSql(one)}, ${valueSql(one)}))`;
      return `${textLiteral(one.digestName)}, if(empty(${one.column}), ${NO_DIGEST}, ${digest})`;
    });
    return `mapFilter((name, digest) -> NOT empty(digest), map(${entries.join(', ')}))`;
  };
  const cases = [...PAYLOAD_COLUMNS].map(([kind, columns]) => `kind = '${kind}', ${ofKind(columns)}`);
  // A row without a leaf binds nothing: a digest of it would serve nobody but who wants to guess.
  return `multiIf(empty(leaf_bytes), ${NO_DIGESTS}, ${cases.join(', ')}, ${NO_DIGESTS})`;
}

const EMPTY: Readonly<Record<PayloadColumn['form'], string>> = {
  text: "''",
  digest: NO_DIGEST,
  texts: '[]',
  map: 'map()',
};

/** What an erased row becomes: `column = value, …` of an ALTER TABLE … UPDATE. All values are of the row as it was. */
export function erasedRowSql(tombstoneSeq: number): string {
  const columns = new Map([...PAYLOAD_COLUMNS.values()].flat().map(({ column, form }) => [column, form]));
  const type = (form: PayloadColumn['form']) => {
    if (form === 'texts') return "CAST([], 'Array(String)')";
    if (form === 'map') return "CAST(map(), 'Map(LowCardinality(String), String)')";
    return EMPTY[form];
  };
  return [
    `payload_digests = CAST(${digestsSql()}, 'Map(LowCardinality(String), FixedString(32))')`,
    `erasure_seq = ${tombstoneSeq}`,
    "salt_bytes = toFixedString('', 16)",
    ...[...columns].map(([column, form]) => `${column} = ${type(form)}`),
  ].join(', ');
}

function timeSql(milliseconds: number, precision: 3 | 9): string {
  return `toDateTime64('${(milliseconds / 1000).toFixed(3)}', ${precision}, 'UTC')`;
}

/** Conditions on a row by itself, whatever its kind. */
function headSql(predicate: ErasurePredicate): string[] {
  const { identity, session, agent, sinceMs, beforeMs, receivedBeforeMs, exceptIdentities } = predicate;
  const conditions: string[] = [];
  if (identity !== undefined) {
    conditions.push(
      `${textLiteral(identity)} IN (identity_id, identity_name, on_behalf_of_id, on_behalf_of_name)`,
      `${textLiteral(identity)} != ''`,
    );
  }
  if (session !== undefined) conditions.push(`session_id = ${textLiteral(session)}`);
  if (agent !== undefined) {
    const quoted = textLiteral(agent);
    conditions.push(`(agent_id = ${quoted} OR (kind = 'alert' AND matched_agent_id = ${quoted}))`);
  }
  if (sinceMs !== undefined) conditions.push(`time >= ${timeSql(sinceMs, 9)}`);
  if (beforeMs !== undefined) conditions.push(`time < ${timeSql(beforeMs, 9)}`);
  if (receivedBeforeMs !== undefined) conditions.push(`received_at < ${timeSql(receivedBeforeMs, 3)}`);
  if (exceptIdentities !== undefined && exceptIdentities.length > 0) {
    const list = listOf(exceptIdentities);
    conditions.push(
      ...['identity_id', 'identity_name', 'on_behalf_of_id', 'on_behalf_of_name'].map(
        (name) => `${name} NOT IN (${list})`,
      ),
    );
  }
  return conditions;
}

/** An activity of a collector's own that quotes another one. */
export interface QuotingAlert {
  readonly agentId: string;
  readonly seq: number;
}

/** Rows that match, among those that hold payload. `alerts` quote activities of the kinds that are named. */
export function matchingSql(predicate: ErasurePredicate, alerts: readonly QuotingAlert[]): string {
  const head = headSql(predicate);
  const kinds = [...PAYLOAD_COLUMNS.keys()].filter((kind) => predicate.kinds?.includes(kind) ?? true);
  const ofKind = `kind IN (${listOf(kinds.length === 0 ? [''] : kinds)})`;
  const quoting = alerts.map(({ agentId, seq }) => `(${textLiteral(agentId)}, ${seq})`).join(', ');
  const which = quoting === '' ? ofKind : `(${ofKind} OR (kind = 'alert' AND (agent_id, seq) IN (${quoting})))`;
  return [which, ...head].join(' AND ');
}

/** Asks for the alerts that quote activities of the kinds that are named; '' when kinds do not matter. */
export function quotingAlertsSql(predicate: ErasurePredicate): string {
  if (predicate.kinds === undefined || predicate.kinds.includes('alert')) return '';
  const quoted = "(SELECT matched_agent_id, matched_seq FROM sworn.activities WHERE kind = 'alert')";
  const conditions = [`kind IN (${listOf(predicate.kinds)})`, `(agent_id, seq) IN ${quoted}`, ...headSql(predicate)];
  return `SELECT agent_id, seq FROM sworn.activities WHERE kind = 'alert' AND (matched_agent_id, matched_seq) IN
    (SELECT agent_id, seq FROM sworn.activities WHERE ${conditions.join(' AND ')}) ORDER BY agent_id, seq`;
}

/** Only rows that were there when the tombstone was written. */
export function rangesSql(agents: ReadonlyMap<string, SeqRange>): string {
  const ids = listOf(agents.keys());
  const bound = (side: 'first' | 'last') =>
    `transform(toString(agent_id), [${ids}], [${[...agents.values()].map((one) => `toUInt64(${one[side]})`).join(', ')}], toUInt64(0))`;
  return `agent_id IN (${ids}) AND seq >= ${bound('first')} AND seq <= ${bound('last')}`;
}
