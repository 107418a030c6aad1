// SPDX-License-Identifier: Apache-2.0

import type { TextEncoding } from '../bytes/byte-reader.ts';

/** Names and settings that a peer sends are kept up to this length: the server's own names have 63 bytes. */
export const NAME_LENGTH_MAX = 256;

/** Settings that appear with every exchange when the server reports them. */
const SHOWN_STATUS: Readonly<Record<string, string>> = {
  application_name: 'application_name',
  session_authorization: 'session_authorization',
};

/** What is known of a session and belongs to each of its exchanges. */
export class Session {
  user = '';
  database = '';
  encoding: TextEncoding = 'utf8';
  /** standard_conforming_strings is off: a backslash escapes in '…'. */
  backslashQuotes = false;
  #attributes: Readonly<Record<string, string>> = {};

  /** Attributes of every exchange. The object is replaced when they change, so it can be shared. */
  get attributes(): Readonly<Record<string, string>> {
    return this.#attributes;
  }

  setAttribute(key: string, value: string): void {
    const { [key]: _, ...others } = this.#attributes;
    this.#attributes = value === '' ? others : { ...others, [key]: value.slice(0, NAME_LENGTH_MAX) };
  }

  setUser(user: string, database: string): void {
    this.user = user;
    // The server takes the user's name when the client names no database.
    this.database = (database === '' ? user : database).slice(0, NAME_LENGTH_MAX);
    this.setAttribute('user', user);
    this.setAttribute('database', this.database);
  }

  /** The server reported a setting. */
  setStatus(name: string, value: string): void {
    const key = SHOWN_STATUS[name];
    // The user that logged in is shown as `user`; it is worth a word only when the session goes on as another.
    if (key !== undefined) this.setAttribute(key, name === 'session_authorization' && value === this.user ? '' : value);
    if (name === 'client_encoding') {
      this.encoding = value === 'LATIN1' ? 'latin1' : 'utf8';
      this.setAttribute('client_encoding', value === 'UTF8' ? '' : value);
    }
    if (name === 'standard_conforming_strings') this.backslashQuotes = value === 'off';
  }
}
