// SPDX-License-Identifier: Apache-2.0

/** A verb that a statement runs. */
export interface Verb {
  readonly name: string;
  /** False for a DELETE or UPDATE until a WHERE is seen that is not always true. */
  bounded: boolean;
}

/** What a reader must not overlook comes first; see `Statement.operation`. */
export const CONSEQUENCE = ['DELETE', 'UPDATE', 'MERGE', 'INSERT'];
/** Verbs listed for one statement. */
const VERBS_MAX = 16;

export class VerbList {
  readonly #verbs: Verb[] = [];
  #unbounded = false;

  add(name: string): Verb {
    const verb: Verb = { name, bounded: name !== 'DELETE' && name !== 'UPDATE' };
    if (this.#verbs.length < VERBS_MAX || CONSEQUENCE.includes(name)) {
      if (this.#verbs.length >= VERBS_MAX) this.#verbs.pop();
      this.#verbs.push(verb);
    }
    return verb;
  }

  /** The clause of `verb` has ended. */
  close(verb: Verb): void {
    if (!verb.bounded) this.#unbounded = true;
  }

  get isEmpty(): boolean {
    return this.#verbs.length === 0;
  }

  get unbounded(): boolean {
    return this.#unbounded;
  }

  /** The most consequential verb, or `otherwise` when none of them changes data. */
  operation(otherwise: string): string {
    for (const name of CONSEQUENCE) if (this.#verbs.some((verb) => verb.name === name)) return name;
    return otherwise;
  }

  /** All verbs when they are several, in order of appearance and each once. */
  text(first: string): string {
    const names = new Set(first === '' ? [] : [first]);
    for (const verb of this.#verbs) names.add(verb.name);
    return names.size > 1 ? Array.from(names).join(', ') : '';
  }

  /** Take over what another list has: the verbs of a body that this statement runs. */
  include(other: VerbList): void {
    for (const verb of other.#verbs) this.add(verb.name);
    this.#unbounded ||= other.#unbounded;
  }

  clear(): void {
    this.#verbs.length = 0;
    this.#unbounded = false;
  }
}
