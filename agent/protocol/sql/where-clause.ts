// SPDX-License-Identifier: Apache-2.0

/** Tokens kept of each alternative: one that is always true is short. */
const TOKENS_MAX = 4;

/**
 * Sees whether a WHERE can be false for any row at all: `where true`, `where 1 = 1`, and an alternative of that kind
 * (`where id = 7 or 1 = 1`) bound nothing. Whatever is longer is taken for a condition.
 */
export class WhereClause {
  #isAlwaysTrue = false;
  /** Tokens since WHERE or the last OR at its level. */
  readonly #alternative: string[] = [];

  /** `isNested`: the token stands in parentheses. Literals come as they are written, quoted names as 'name'. */
  token(token: string, isNested: boolean): void {
    if (token === '(' || token === ')') return;
    if (token === 'or' && !isNested) {
      this.#endAlternative();
      return;
    }
    if (this.#alternative.length < TOKENS_MAX) this.#alternative.push(token);
  }

  /** Does it bound the statement? Asked at its end. */
  end(): boolean {
    this.#endAlternative();
    return !this.#isAlwaysTrue;
  }

  #endAlternative(): void {
    const [first = '', second = '', third = ''] = this.#alternative;
    const count = this.#alternative.length;
    if (count === 1 && first === 'true') this.#isAlwaysTrue = true;
    if (count === 2 && first === 'not' && second === 'false') this.#isAlwaysTrue = true;
    if (count === 3 && second === '=' && first === third && isLiteral(first)) this.#isAlwaysTrue = true;
    this.#alternative.length = 0;
  }
}

function isLiteral(token: string): boolean {
  return /^['0-9.$]/.test(token) || token === 'true' || token === 'false';
}
