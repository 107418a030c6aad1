// SPDX-License-Identifier: Apache-2.0

/** Names kept for one statement. A statement that names more is machine-made; the first ones say what it is about. */
const NAMES_MAX = 32;
const NAME_LENGTH_MAX = 256;

/**
 * Collects the names that a statement touches while its tokens go by. The scan says when a name may begin (`expect`); the
 * list takes `schema.table` from the tokens that follow, and drops what turns out to be a function's call.
 */
export class ResourceList {
  readonly #names = new Set<string>();
  readonly #hidden = new Set<string>();
  /** A name may begin with the next token. */
  expecting = false;
  /** A name that is followed by a parenthesis is a call and no table; not so behind INTO or TABLE. */
  #callsPossible = false;
  #name = '';
  #dotted = false;

  expect(callsPossible: boolean): void {
    this.flush();
    this.expecting = true;
    this.#callsPossible = callsPossible;
  }

  /** Names of WITH queries are no tables. */
  hide(name: string): void {
    this.#hidden.add(name);
  }

  /** Offer a name token. Returns true when it was taken as (a part of) a name. */
  take(name: string): boolean {
    if (!this.expecting && !this.#dotted) return false;
    const longer = this.#dotted ? `${this.#name}.${name}` : name;
    this.#name = longer.slice(0, NAME_LENGTH_MAX + 1);
    this.expecting = false;
    this.#dotted = false;
    return true;
  }

  /** Offer any other token; it ends the name that was begun. */
  other(token: string): void {
    if (token === '.' && this.#name !== '') {
      this.#dotted = true;
      return;
    }
    if (token === '(' && this.#callsPossible && this.#name !== '') this.#name = '';
    this.flush();
  }

  flush(): void {
    const name = this.#name;
    this.expecting = false;
    this.#dotted = false;
    if (name === '') return;
    this.#name = '';
    if (this.#names.size < NAMES_MAX && name.length <= NAME_LENGTH_MAX && !this.#hidden.has(name))
      this.#names.add(name);
  }

  /** Take over what another list has. */
  include(other: ResourceList): void {
    other.flush();
    for (const name of other.#names) if (this.#names.size < NAMES_MAX) this.#names.add(name);
  }

  text(): string {
    this.flush();
    return Array.from(this.#names).join(', ');
  }

  clear(): void {
    this.flush();
    this.#names.clear();
    this.#hidden.clear();
  }
}
