// SPDX-License-Identifier: Apache-2.0

import type { Statement } from '../sql/statement.ts';
import type { Column } from './columns.ts';
import type { ValueType } from './values.ts';

/** A statement that was prepared. */
export interface Prepared {
  readonly sql: Statement;
  readonly parameterCount: number;
  /** Types as they were bound last: a client need not send them again. */
  types: ValueType[];
  /** Values that came in pieces before the command that uses them. */
  longData: Map<number, Buffer>;
  columns: Column[];
}

const STATEMENTS_MAX = 4096;
const STATEMENT_BYTES = 256;

/** Prepared statements by their number. Beyond the bounds the oldest is forgotten: then its text is not known any more. */
export class PreparedTable {
  readonly #bytesMax: number;
  readonly #statements = new Map<number, Prepared>();
  heldBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(id: number): Prepared | undefined {
    return this.#statements.get(id);
  }

  add(id: number, prepared: Prepared): void {
    this.remove(id);
    this.#statements.set(id, prepared);
    this.heldBytes += sizeOf(prepared);
    while (this.#statements.size > STATEMENTS_MAX || this.heldBytes > this.#bytesMax) {
      const [oldest] = this.#statements.keys();
      if (oldest === undefined) return;
      this.remove(oldest);
    }
  }

  remove(id: number): void {
    const prepared = this.#statements.get(id);
    if (prepared === undefined) return;
    this.#statements.delete(id);
    this.heldBytes -= sizeOf(prepared);
    for (const value of prepared.longData.values()) this.heldBytes -= value.length;
  }

  /** A piece of a value; false when it is not kept. */
  addLongData(id: number, index: number, piece: Buffer): boolean {
    const prepared = this.#statements.get(id);
    if (prepared === undefined || this.heldBytes + piece.length > this.#bytesMax || index > 0xffff) return false;
    const before = prepared.longData.get(index);
    prepared.longData.set(index, before === undefined ? Buffer.from(piece) : Buffer.concat([before, piece]));
    this.heldBytes += piece.length;
    return true;
  }

  clearLongData(prepared: Prepared): void {
    for (const value of prepared.longData.values()) this.heldBytes -= value.length;
    prepared.longData.clear();
  }

  clear(): void {
    this.#statements.clear();
    this.heldBytes = 0;
  }
}

function sizeOf({ sql }: Prepared): number {
  return STATEMENT_BYTES + sql.text.length + sql.shape.length;
}
