// SPDX-License-Identifier: Apache-2.0

import type { Statement } from '../sql/statement.ts';
import type { Column } from './columns.ts';
import type { ValueType } from './values.ts';

const STATEMENTS_MAX = 4096;
const STATEMENT_BYTES = 256;
/** What a type costs, a column besides its name, a value in pieces besides its bytes. */
const TYPE_BYTES = 8;
const COLUMN_BYTES = 32;
const LONG_DATA_BYTES = 128;
/** Attributes of a query are bound like parameters, behind them. */
const ATTRIBUTES_MAX = 64;

/** A value that comes in pieces; its buffer grows by doubling, so that many small pieces cost no more than few large ones. */
interface LongData {
  bytes: Buffer;
  length: number;
}

/** A statement that was prepared. */
export class Prepared {
  readonly id: number;
  readonly sql: Statement;
  readonly parameterCount: number;
  /** Types as they were bound last: a client need not send them again. */
  types: readonly ValueType[] = [];
  /** Values that came in pieces before the command that uses them. */
  readonly longData = new Map<number, LongData>();
  columns: Column[] = [];

  constructor(id: number, sql: Statement, parameterCount: number) {
    this.id = id;
    this.sql = sql;
    this.parameterCount = parameterCount;
  }

  longDataOf(index: number): Buffer | undefined {
    const data = this.longData.get(index);
    return data?.bytes.subarray(0, data.length);
  }
}

/**
 * Prepared statements by their number. Beyond the bounds the oldest is forgotten: then its text is not known any more.
 * Types and columns have the same bound once more, so that they cost no statement its text.
 */
export class PreparedTable {
  readonly #bytesMax: number;
  readonly #statements = new Map<number, Prepared>();
  #statementBytes = 0;
  /** Statements of which types or columns are kept, the one set last at the end, and what these cost. */
  readonly #described = new Map<Prepared, number>();
  #describedBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get heldBytes(): number {
    return this.#statementBytes + this.#describedBytes;
  }

  get(id: number): Prepared | undefined {
    return this.#statements.get(id);
  }

  add(prepared: Prepared): void {
    this.remove(prepared.id);
    this.#statements.set(prepared.id, prepared);
    this.#statementBytes += sizeOf(prepared);
    while (this.#statements.size > STATEMENTS_MAX || this.#statementBytes > this.#bytesMax) {
      const [oldest] = this.#statements.keys();
      if (oldest === undefined) return;
      this.remove(oldest);
    }
  }

  remove(id: number): void {
    const prepared = this.#statements.get(id);
    if (prepared === undefined) return;
    this.#describe(prepared, [], []);
    this.clearLongData(prepared);
    this.#statements.delete(id);
    this.#statementBytes -= sizeOf(prepared);
  }

  keepTypes(prepared: Prepared, types: readonly ValueType[]): void {
    this.#describe(prepared, types.slice(0, prepared.parameterCount + ATTRIBUTES_MAX), prepared.columns);
  }

  keepColumns(prepared: Prepared, columns: Column[]): void {
    this.#describe(prepared, prepared.types, columns);
  }

  #describe(prepared: Prepared, types: readonly ValueType[], columns: Column[]): void {
    // One that was forgotten is counted nowhere.
    if (this.#statements.get(prepared.id) !== prepared) return;
    this.#describedBytes -= this.#described.get(prepared) ?? 0;
    this.#described.delete(prepared);
    prepared.types = types;
    prepared.columns = columns;
    const bytes = columns.reduce((sum, { name }) => sum + COLUMN_BYTES + name.length, TYPE_BYTES * types.length);
    if (bytes === 0) return;
    this.#described.set(prepared, bytes);
    this.#describedBytes += bytes;
    while (this.#describedBytes > this.#bytesMax) {
      const [oldest] = this.#described.keys();
      if (oldest === undefined) return;
      this.#describe(oldest, [], []);
    }
  }

  /** A piece of a value; false when it is not kept. */
  addLongData(id: number, index: number, piece: Buffer): boolean {
    const prepared = this.#statements.get(id);
    if (prepared === undefined || index >= prepared.parameterCount) return false;
    let data = prepared.longData.get(index);
    const bytes = piece.length + (data === undefined ? LONG_DATA_BYTES : 0);
    if (this.#statementBytes + bytes > this.#bytesMax) return false;
    data ??= { bytes: Buffer.alloc(0), length: 0 };
    const length = data.length + piece.length;
    if (length > data.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * data.bytes.length));
      data.bytes.copy(grown, 0, 0, data.length);
      data.bytes = grown;
    }
    piece.copy(data.bytes, data.length);
    data.length = length;
    prepared.longData.set(index, data);
    this.#statementBytes += bytes;
    return true;
  }

  clearLongData(prepared: Prepared): void {
    for (const { length } of prepared.longData.values()) this.#statementBytes -= LONG_DATA_BYTES + length;
    prepared.longData.clear();
  }

  clear(): void {
    this.#statements.clear();
    this.#described.clear();
    this.#statementBytes = 0;
    this.#describedBytes = 0;
  }
}

function sizeOf({ sql }: Prepared): number {
  return STATEMENT_BYTES + sql.text.length + sql.shape.length;
}
