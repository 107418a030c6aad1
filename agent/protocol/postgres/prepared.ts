// SPDX-License-Identifier: Apache-2.0

/**
 * Prepared statements and portals by name, as the server must have them. A name without an entry (prepared before the
 * connection was joined, or dropped here because too many were kept) gives a statement whose text is unknown.
 */
import type { Statement } from '../sql/statement.ts';
import { EMPTY_STATEMENT } from '../sql/statement.ts';
import type { Columns } from './columns.ts';
import { type BoundParameters, NO_PARAMETERS } from './parameters.ts';
import type { Request } from './request.ts';
import { NAME_LENGTH_MAX } from './session.ts';

/** Statements kept by name. Drivers keep a few hundred; pooled applications have been seen with some thousand. */
const STATEMENTS_MAX = 5000;
/** Portals kept by name: they live for a transaction, mostly one at a time. */
const PORTALS_MAX = 1000;
const OVERHEAD_BYTES = 128;

export interface PreparedStatement {
  readonly name: string;
  readonly sql: Statement;
  readonly isKnown: boolean;
  /** The text was longer than the bound of a request. */
  readonly isCut: boolean;
  /** Types of the parameters; empty until known. */
  typeOids: readonly number[];
  /** Of its result, once described; null when it gives no rows. */
  columns: Columns | null | undefined;
  /** The request that its Parse is part of, while others may join it. */
  request: Request | undefined;
  /** What the name stood for before, in case this Parse fails. */
  previous: PreparedStatement | undefined;
}

export interface Portal {
  readonly name: string;
  readonly prepared: PreparedStatement;
  readonly parameters: BoundParameters;
  /** Formats of the result's columns, as Bind has them; undefined when the Bind was not seen. */
  readonly resultFormats: readonly number[] | undefined;
  columns: Columns | null | undefined;
  request: Request | undefined;
}

export class PreparedTable {
  readonly #textLengthMax: number;
  readonly #statements = new Map<string, PreparedStatement>();
  readonly #portals = new Map<string, Portal>();
  #heldBytes = 0;

  constructor(textLengthMax: number) {
    this.#textLengthMax = textLengthMax;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  statement(name: string): PreparedStatement {
    return this.#statements.get(name) ?? unknownStatement(name);
  }

  hasStatement(name: string): boolean {
    return this.#statements.has(name);
  }

  add(statement: PreparedStatement): void {
    const { name } = statement;
    const previous = this.#statements.get(name);
    if (previous !== undefined) {
      previous.previous = undefined;
      this.remove(name);
      statement.previous = previous;
    }
    this.#statements.set(name, statement);
    this.#heldBytes += costOf(statement);
    if (this.#isFull) this.#makeRoom();
  }

  /** The Parse of `statement` failed or was not run. The server has dropped an unnamed one already then, a named one stays. */
  revert(statement: PreparedStatement): void {
    if (this.#statements.get(statement.name) !== statement) return;
    this.remove(statement.name);
    if (statement.name !== '' && statement.previous !== undefined) this.add(statement.previous);
  }

  remove(name: string): void {
    const statement = this.#statements.get(name);
    if (statement === undefined) return;
    this.#statements.delete(name);
    this.#heldBytes -= costOf(statement);
  }

  portal(name: string): Portal {
    return (
      this.#portals.get(name) ?? {
        name,
        prepared: unknownStatement(undefined),
        parameters: NO_PARAMETERS,
        resultFormats: undefined,
        columns: undefined,
        request: undefined,
      }
    );
  }

  addPortal(portal: Portal): void {
    this.removePortal(portal.name);
    this.#portals.set(portal.name, portal);
    this.#heldBytes += costOfPortal(portal);
    for (const name of this.#portals.keys()) {
      if (this.#portals.size <= PORTALS_MAX && this.#heldBytes <= this.#textLengthMax) return;
      if (this.#portals.size > 1) this.removePortal(name);
    }
  }

  removePortal(name: string): void {
    const portal = this.#portals.get(name);
    if (portal === undefined) return;
    this.#portals.delete(name);
    this.#heldBytes -= costOfPortal(portal);
  }

  /** Outside of a transaction no portal outlives it. */
  clearPortals(): void {
    if (this.#portals.size === 0) return;
    for (const portal of this.#portals.values()) this.#heldBytes -= costOfPortal(portal);
    this.#portals.clear();
  }

  clearStatements(): void {
    for (const statement of this.#statements.values()) this.#heldBytes -= costOf(statement);
    this.#statements.clear();
  }

  clear(): void {
    this.clearPortals();
    this.clearStatements();
  }

  get #isFull(): boolean {
    return this.#statements.size > STATEMENTS_MAX || this.#heldBytes > this.#textLengthMax;
  }

  /**
   * Portals go first, since they live for a transaction and statements for a session: one portal with large parameters must
   * not cost the texts of everything that runs after it. The newest statement stays in any case, for it is about to be run.
   */
  #makeRoom(): void {
    for (const name of this.#portals.keys()) {
      if (this.#heldBytes <= this.#textLengthMax) break;
      this.removePortal(name);
    }
    for (const name of this.#statements.keys()) {
      if (!this.#isFull || this.#statements.size === 1) return;
      this.remove(name);
    }
  }
}

function unknownStatement(name: string | undefined): PreparedStatement {
  return {
    name: (name ?? '').slice(0, NAME_LENGTH_MAX),
    sql: EMPTY_STATEMENT,
    isKnown: false,
    isCut: false,
    typeOids: [],
    columns: undefined,
    request: undefined,
    previous: undefined,
  };
}

function costOf(statement: PreparedStatement): number {
  return OVERHEAD_BYTES + statement.name.length + statement.sql.text.length + statement.sql.shape.length;
}

function costOfPortal(portal: Portal): number {
  const { json, deferred } = portal.parameters;
  return OVERHEAD_BYTES + portal.name.length + json.length + (deferred?.length ?? 0);
}
