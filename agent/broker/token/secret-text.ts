// SPDX-License-Identifier: Apache-2.0

import { inspect } from 'node:util';

/** A token that is held in memory. It shows itself to nobody who does not ask by name: not to a log, not to JSON. */
export class SecretText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
