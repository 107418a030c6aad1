// SPDX-License-Identifier: Apache-2.0

import { commandName, extendsType } from './command-name.ts';
import type { Frame } from './frame.ts';
import { KIND_MODIFIERS, TYPE_MODIFIERS } from './keywords.ts';
import type { ResourceList } from './resource-list.ts';

/** First words of a command that are kept to name it. */
const WORDS_MAX = 8;

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/));

/** Commands whose next name is what they are about. */
const NAMING = setOf(
  `truncate lock vacuum analyze analyse cluster reindex refresh copy call listen notify unlisten set show reset execute
   deallocate`,
);
/** Of these and of DROP, GRANT and REVOKE: several names may follow. */
const LISTING = setOf('truncate lock vacuum analyze analyse drop grant revoke');
/** CREATE of these makes something of a table; the table stands behind ON, of a rule behind TO. */
const ON_A_TABLE = setOf('index trigger policy rule');

/**
 * A command that is no query: CREATE TABLE, GRANT, SET, COPY, … It is followed by its first words, which say what it does
 * and where the name is that it is about.
 */
export class Command {
  readonly #resources: ResourceList;
  readonly #words: string[] = [];
  /** The type of object that CREATE, ALTER, DROP or COMMENT is about, and whether it is complete. */
  #type = '';
  #isTypeDone = false;
  /** The name behind the first word: of PREPARE, EXECUTE, DEALLOCATE. */
  secondName = '';
  /** Where the statement of a PREPARE begins; -1 before. */
  preparedStart = -1;

  constructor(resources: ResourceList) {
    this.#resources = resources;
  }

  /** The first word; '' when the statement is a query. */
  get first(): string {
    return this.#words[0] ?? '';
  }

  get name(): string {
    return commandName(this.#words);
  }

  get isFunction(): boolean {
    return this.first === 'create' && (this.#type === 'function' || this.#type === 'procedure');
  }

  /** Only the first word was seen. */
  get isAtName(): boolean {
    return this.#words.length === 1;
  }

  /** A word of the lowest level. `end` is where it ends in the text. */
  word(frame: Frame, word: string, end: number): void {
    const words = this.#words;
    if (words.length < WORDS_MAX) words.push(word);
    const { first } = this;
    if (words.length === 1) {
      frame.verb = word;
      if (NAMING.has(word)) {
        this.#resources.expect(false);
        frame.inFrom = LISTING.has(word);
      }
    } else if (first === 'create' || first === 'alter' || first === 'drop' || first === 'comment') {
      this.#typeWord(word);
    } else if ((first === 'grant' || first === 'revoke') && word === 'on') {
      this.#resources.expect(false);
      frame.inFrom = true;
    }
    // The query of CREATE TABLE … AS, CREATE VIEW … AS, PREPARE … AS, DECLARE … FOR.
    if ((word === 'as' && (first === 'create' || first === 'prepare')) || (word === 'for' && first === 'declare')) {
      frame.head = true;
      frame.inFrom = false;
      if (first === 'prepare') this.preparedStart = end;
    }
  }

  /**
   * A name may stand here: `name`, written as `word` unless it is in quotes. Returns true when it is a word that only
   * says what kind of thing the name behind it is of.
   */
  beforeName(frame: Frame, name: string, word: string): boolean {
    // DEALLOCATE PREPARE p.
    if (this.#words.length <= 2 && this.secondName === '' && !KIND_MODIFIERS.has(word)) this.secondName = name;
    if (!this.#isTypeDone && this.#type !== '' && !extendsType(this.#type, word)) this.#endType(frame);
    const { first } = this;
    return this.#resources.expecting && KIND_MODIFIERS.has(word) && (NAMING.has(first) || LISTING.has(first));
  }

  /** Behind the options of VACUUM (…) comes the name. */
  afterParentheses(): void {
    if (this.isAtName && LISTING.has(this.first)) this.#resources.expect(false);
  }

  clear(): void {
    this.#words.length = 0;
    this.#type = '';
    this.#isTypeDone = false;
    this.secondName = '';
    this.preparedStart = -1;
  }

  #typeWord(word: string): void {
    if (this.#type === '') {
      if (!TYPE_MODIFIERS.has(word) && word !== 'on') this.#type = word;
    } else if (!this.#isTypeDone) {
      this.#type = `${this.#type} ${word}`;
    } else if (word === (this.#type === 'rule' ? 'to' : 'on') && ON_A_TABLE.has(this.#type) && this.first !== 'alter') {
      this.#resources.expect(false);
    }
  }

  #endType(frame: Frame): void {
    this.#isTypeDone = true;
    const isNamedLater = ON_A_TABLE.has(this.#type) && (this.first === 'create' || this.#type === 'rule');
    if (isNamedLater || this.#type === 'owned') return;
    this.#resources.expect(false);
    frame.inFrom = LISTING.has(this.first);
  }
}
