// SPDX-License-Identifier: Apache-2.0

import type { Request } from './request.ts';

const CONTROL = /^(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PREPARE TRANSACTION)/;
const IDLE = 0x49;

/**
 * Statements between two ReadyForQuery run in one transaction, unless they say otherwise. When a later one fails, the
 * earlier ones are undone, though each was answered as done; the failure is marked with how many they are.
 */
export class ImplicitTransaction {
  #isImplicit = false;
  #completed = 0;

  ready(state: number): void {
    this.#isImplicit = state === IDLE;
    this.#completed = 0;
  }

  /** Replies were lost. */
  unknown(): void {
    this.#isImplicit = false;
  }

  completed(verb: string): void {
    if (CONTROL.test(verb)) this.#isImplicit = false;
    this.#completed++;
  }

  failed(request: Request): void {
    if (this.#isImplicit && this.#completed > 0) request.setAttribute('undone_statements', String(this.#completed));
    this.#completed = 0;
  }
}
