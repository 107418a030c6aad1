// SPDX-License-Identifier: Apache-2.0

/**
 * The condition of a rule: which of its named selections must hold.
 *
 * Grammar  or      := and ("or" and)*
 *          and     := not ("and" not)*
 *          not     := "not" not | "(" or ")" | quantity "of" names | name
 *          quantity := "1" | "any" | "all"      names := "them" | name with "*" at its end
 * Source   Sigma specification 2.0, "Condition"; counts over time (| count()) are correlation and are not here
 */
import type { Detection } from './rule.ts';

const TOKEN = /\s*([()|]|[^\s()|]+)/y;
const NESTING_MAX = 64;

export class ConditionError extends Error {}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const match = TOKEN.exec(text);
    if (match === null) return tokens;
    tokens.push(match[1]!);
  }
}

class ConditionParser {
  readonly #tokens: readonly string[];
  readonly #selections: ReadonlyMap<string, Detection>;
  #at = 0;
  #depth = 0;

  constructor(text: string, selections: ReadonlyMap<string, Detection>) {
    this.#tokens = tokensOf(text);
    this.#selections = selections;
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]?.toLowerCase();
  }

  parse(): Detection {
    if (this.#tokens.length === 0) throw new ConditionError('the condition is empty');
    const tree = this.#or();
    const rest = this.#tokens[this.#at];
    if (rest === '|') throw new ConditionError('aggregations (| …) are not supported');
    if (rest !== undefined) throw new ConditionError(`"${rest}" is not expected here`);
    return tree;
  }

  #or(): Detection {
    const of = [this.#and()];
    while (this.#peek() === 'or') {
      this.#at += 1;
      of.push(this.#and());
    }
    return of.length === 1 ? of[0]! : { kind: 'any', of };
  }

  #and(): Detection {
    const of = [this.#not()];
    while (this.#peek() === 'and') {
      this.#at += 1;
      of.push(this.#not());
    }
    return of.length === 1 ? of[0]! : { kind: 'all', of };
  }

  #not(): Detection {
    this.#depth += 1;
    if (this.#depth > NESTING_MAX) throw new ConditionError(`more than ${NESTING_MAX} levels`);
    try {
      return this.#operand();
    } finally {
      this.#depth -= 1;
    }
  }

  #operand(): Detection {
    const token = this.#peek();
    if (token === undefined) throw new ConditionError('the condition ends where a selection is expected');
    if (token === 'not') {
      this.#at += 1;
      return { kind: 'not', of: this.#not() };
    }
    if (token === '(') {
      this.#at += 1;
      const inner = this.#or();
      if (this.#peek() !== ')') throw new ConditionError('a closing parenthesis is missing');
      this.#at += 1;
      return inner;
    }
    const quantified = this.#tokens[this.#at + 1]?.toLowerCase() === 'of';
    return quantified ? this.#quantified() : this.#selection();
  }

  #quantified(): Detection {
    const quantity = this.#peek()!;
    if (quantity !== '1' && quantity !== 'any' && quantity !== 'all') {
      throw new ConditionError(`"${quantity} of" is not supported; use 1 of, any of, or all of`);
    }
    const names = this.#tokens[this.#at + 2];
    if (names === undefined) throw new ConditionError('"of" needs the names of selections, or them');
    this.#at += 3;
    const of = [...this.#selections].filter(([name]) => isMeant(name, names)).map(([, tree]) => tree);
    if (of.length === 0) throw new ConditionError(`no selection is named ${names}`);
    return { kind: quantity === 'all' ? 'all' : 'any', of };
  }

  #selection(): Detection {
    const name = this.#tokens[this.#at]!;
    const tree = this.#selections.get(name);
    if (tree === undefined) throw new ConditionError(`there is no selection "${name}"`);
    this.#at += 1;
    return tree;
  }
}

/** Names that begin with an underscore are left out of `them`, as Sigma has it. */
function isMeant(name: string, names: string): boolean {
  if (names.toLowerCase() === 'them') return !name.startsWith('_');
  return names.endsWith('*') ? name.startsWith(names.slice(0, -1)) : name === names;
}

/**
 * Errors   ConditionError with the cause
 */
export function parseCondition(text: string, selections: ReadonlyMap<string, Detection>): Detection {
  return new ConditionParser(text, selections).parse();
}
