// SPDX-License-Identifier: Apache-2.0

/** The server's messages: its greeting, what it says while a client logs in, and the answers to commands. */
import { writeJsonText } from '../bytes/json-text.ts';
import { readColumn } from './columns.ts';
import { Capability, Command, Marker, ServerStatus } from './constants.ts';
import { readChallenge, readGreeting } from './login.ts';
import { PacketReader } from './packet-reader.ts';
import type { PacketStream } from './packet-stream.ts';
import { Prepared } from './prepared.ts';
import { NAME_LENGTH_MAX, Request } from './request.ts';
import type { Talk } from './talk.ts';
import { binaryValue } from './values.ts';

const PROTOCOL = 10;
/** An EOF is shorter than any OK that begins alike, and a row that begins alike is longer than a packet. */
const EOF_BYTES_MAX = 5;
const PROGRESS = 0xffff;
const SCHEMA_CHANGED = 1;
const COLUMNS_MAX = 4096;

export class Server {
  readonly #talk: Talk;
  /** Set once, before the first message. */
  stream!: PacketStream;

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  message(bytes: Buffer, start: number, end: number, sequence: number, isWhole: boolean): void {
    const reader = new PacketReader(bytes, start, end);
    const talk = this.#talk;
    let request = talk.head;
    if (request === undefined) {
      request = this.#unasked(reader, sequence);
      if (request === undefined) return;
    }
    const { messageBytes, firstAt, lastAt } = this.stream;
    request.addResponse(messageBytes, firstAt, lastAt);
    const before = talk.response.droppedBytes;
    if (!isWhole) request.isTruncated = true;
    this.#answer(request, reader, bytes[start] ?? -1, isWhole);
    this.stream.cutBytes += Math.max(0, talk.response.droppedBytes - before);
  }

  /** The greeting, or an error that ends the connection. */
  #unasked(reader: PacketReader, sequence: number): Request | undefined {
    const talk = this.#talk;
    const marker = reader.bytes[reader.at];
    if (marker === Marker.error || (marker === PROTOCOL && sequence === 0 && !talk.isLoggedIn)) {
      const request = new Request(-1);
      request.operation = talk.isLoggedIn ? 'DISCONNECT' : 'LOGIN';
      request.awaited = 'login';
      talk.await(request);
      return request;
    }
    this.stream.disowned = 'no_request';
    return undefined;
  }

  #answer(request: Request, reader: PacketReader, marker: number, isWhole: boolean): void {
    const size = reader.remaining;
    if (marker === Marker.error) {
      this.#error(request, reader);
      return;
    }
    switch (request.awaited) {
      case 'login':
        this.#login(request, reader, marker);
        break;
      case 'text':
        this.#talk.response.append(reader.bytes, reader.at, reader.end);
        request.status = 'ok';
        this.#talk.finish(request);
        break;
      case 'prepared-parameters':
      case 'prepared-columns':
        this.#definition(request, reader, marker, size);
        break;
      case 'columns':
        this.#column(request, reader, marker, size);
        break;
      case 'rows':
        this.#row(request, reader, marker, isWhole);
        break;
      default:
        this.#first(request, reader, marker);
    }
  }

  #login(request: Request, reader: PacketReader, marker: number): void {
    const talk = this.#talk;
    if (marker === PROTOCOL && request.requestBytes === 0) {
      readGreeting(talk, request, reader);
      return;
    }
    reader.u8();
    if (marker !== Marker.ok) {
      readChallenge(talk, request, marker, reader);
      return;
    }
    request.attributes['auth_method'] = talk.plugin;
    request.attributes['authenticated'] = 'true';
    talk.isLoggedIn = true;
    this.#ok(request, reader);
    request.rows = undefined;
    request.target = talk.database;
    talk.finish(request);
    if (request.command === -1 && (talk.has(Capability.compress) || talk.has(Capability.zstd))) talk.onCompressed();
  }

  #first(request: Request, reader: PacketReader, marker: number): void {
    const talk = this.#talk;
    if (request.command === Command.prepare && marker === Marker.ok) {
      this.#preparedOk(request, reader);
    } else if (marker === Marker.ok) {
      reader.u8();
      this.#result(request, this.#ok(request, reader), true);
    } else if (marker === Marker.infile && request.command === Command.query) {
      reader.u8();
      request.attributes['local_file'] = reader.rest().slice(0, 4 * NAME_LENGTH_MAX);
      request.awaited = 'infile';
    } else if (marker === Marker.eof && reader.remaining <= EOF_BYTES_MAX) {
      // COM_SET_OPTION and COM_DEBUG.
      request.status = 'ok';
      talk.finish(request);
    } else {
      this.#resultSet(request, reader);
    }
  }

  #resultSet(request: Request, reader: PacketReader): void {
    const count = reader.lengthEncoded();
    if (count === undefined || count === 0 || count > COLUMNS_MAX) {
      this.stream.disowned = 'malformed';
      request.responseBytes -= this.stream.messageBytes;
      return;
    }
    // MariaDB may leave out the columns of a statement that it has told before.
    const isKnown = reader.remaining === 1 && reader.u8() === 0;
    request.columns = isKnown ? (request.prepared?.columns ?? []) : [];
    request.columnsLeft = isKnown ? 0 : count;
    request.awaited = isKnown ? 'rows' : 'columns';
    request.hasColumnsEnd = false;
    request.rows ??= 0;
    if (isKnown) this.#writeNames(request);
  }

  #column(request: Request, reader: PacketReader, marker: number, size: number): void {
    if (request.command === Command.fieldList && marker === Marker.eof && size <= EOF_BYTES_MAX + 4) {
      this.#writeNames(request);
      request.status = 'ok';
      request.rows = request.columns.length;
      this.#talk.finish(request);
      return;
    }
    if (request.columns.length < COLUMNS_MAX) request.columns.push(readColumn(reader));
    if (--request.columnsLeft > 0) return;
    request.awaited = 'rows';
    if (request.prepared !== undefined) this.#talk.prepared.keepColumns(request.prepared, request.columns);
    this.#writeNames(request);
  }

  #writeNames(request: Request): void {
    this.#talk.response.appendText(`${JSON.stringify(request.columns.map(({ name }) => name))}\n`);
  }

  #row(request: Request, reader: PacketReader, marker: number, isWhole: boolean): void {
    if (marker === Marker.eof && isWhole && reader.remaining < 0xffffff) {
      if (reader.remaining > EOF_BYTES_MAX) {
        reader.u8();
        this.#result(request, this.#ok(request, reader, true), false);
        return;
      }
      reader.skip(3);
      const status = reader.u16le();
      // The columns' end, which is told only where the rows' end is told alike.
      if (!request.hasColumnsEnd && request.command !== Command.fetch) {
        request.hasColumnsEnd = true;
        if ((status & ServerStatus.cursorExists) === 0) return;
        request.attributes['cursor'] = 'true';
      }
      this.#result(request, status, false);
      return;
    }
    request.rows = (request.rows ?? 0) + 1;
    if (request.isBinary) this.#binaryRow(request, reader);
    else this.#textRow(request, reader);
    if (!isWhole) this.#talk.response.addHole(this.stream.cutBytes);
  }

  #textRow(request: Request, reader: PacketReader): void {
    const { response } = this.#talk;
    response.appendText('[');
    const count = request.columns.length;
    for (let i = 0; reader.remaining > 0 && i < Math.max(count, 1) && !reader.short; i++) {
      if (i > 0) response.appendText(',');
      if (reader.bytes[reader.at] === Marker.infile) {
        reader.u8();
        response.appendText('null');
        continue;
      }
      const length = Math.min(reader.lengthEncoded() ?? 0, reader.remaining);
      this.#writeText(reader.bytes, reader.at, reader.at + length);
      reader.skip(length);
    }
    response.appendText(']\n');
  }

  #writeText(bytes: Buffer, start: number, end: number): void {
    const { response } = this.#talk;
    response.appendText('"');
    writeJsonText(response, bytes, start, end, 'utf8');
    response.appendText('"');
  }

  #binaryRow(request: Request, reader: PacketReader): void {
    const { response } = this.#talk;
    const { columns } = request;
    reader.u8();
    const nulls = reader.view((columns.length + 9) >> 3);
    response.appendText('[');
    for (let i = 0; i < columns.length && !reader.short; i++) {
      if (i > 0) response.appendText(',');
      const isNull = (((nulls[(i + 2) >> 3] as number) >> ((i + 2) & 7)) & 1) === 1;
      const value = isNull ? null : binaryValue(reader, columns[i] as (typeof columns)[number]);
      if (value === undefined || value === null) response.appendText('null');
      else if (typeof value === 'string') response.appendText(JSON.stringify(value));
      else this.#writeText(value, 0, value.length);
    }
    response.appendText(']\n');
  }

  // Outcomes

  /** A result is complete. `status` says whether another follows. */
  #result(request: Request, status: number, isOk: boolean): void {
    const talk = this.#talk;
    request.status = 'ok';
    request.results++;
    if ((status & ServerStatus.inTransaction) !== 0) request.attributes['transaction_state'] = 'in transaction';
    if ((status & ServerStatus.moreResults) === 0) {
      this.#complete(request);
      return;
    }
    request.awaited = 'first';
    // A CALL may give many results; its last is an OK.
    const isCall = request.sql.operation === 'CALL';
    if (request.part + 1 < request.parts.length && (isOk || !isCall)) {
      talk.give(request);
      request.nextPart();
    }
  }

  #complete(request: Request): void {
    const talk = this.#talk;
    if (request.results > 1) request.attributes['results'] = String(request.results);
    if (request.command === Command.initDb || (request.sql.operation === 'USE' && request.sql.resource !== '')) {
      talk.database = request.sql.resource.replace(/^[`"]|[`"]$/g, '');
    }
    talk.finish(request);
  }

  #error(request: Request, reader: PacketReader): void {
    const talk = this.#talk;
    reader.u8();
    const code = reader.u16le();
    if (code === PROGRESS) return;
    let sqlState = '';
    if (reader.bytes[reader.at] === 0x23 && reader.remaining >= 6) {
      reader.u8();
      sqlState = reader.text(5);
    }
    request.fail(sqlState === '' ? String(code) : sqlState, reader.rest());
    request.attributes['error_number'] = String(code);
    if (request.command === -1 && talk.plugin !== '') request.attributes['auth_method'] = talk.plugin;
    const behind = request.parts.length - request.part - 1;
    const message = request.errorMessage;
    for (let i = 0; i < behind; i++) {
      talk.give(request);
      request.nextPart();
      request.fail('', `not run: ${message}`);
      request.attributes['skipped'] = 'true';
    }
    talk.finish(request);
  }

  /** Behind the marker of an OK. Returns the server's status. */
  #ok(request: Request, reader: PacketReader, isBehindRows = false): number {
    const talk = this.#talk;
    const affected = reader.lengthEncoded() ?? 0;
    const insertId = reader.lengthEncoded() ?? 0;
    const status = reader.u16le();
    const warnings = reader.u16le();
    if (!isBehindRows && request.command !== -1) request.rows = (request.rows ?? 0) + affected;
    if (insertId > 0) request.attributes['last_insert_id'] = String(insertId);
    if (warnings > 0) request.attributes['warnings'] = String(warnings);
    request.status = 'ok';
    if (!talk.has(Capability.sessionTrack)) {
      const info = reader.rest();
      if (info !== '') request.attributes['info'] = info.slice(0, NAME_LENGTH_MAX);
      return status;
    }
    const info = reader.remaining > 0 ? reader.lengthEncodedText() : '';
    if (info !== '') request.attributes['info'] = info.slice(0, NAME_LENGTH_MAX);
    if ((status & ServerStatus.sessionChanged) !== 0) this.#sessionChanges(reader);
    return status;
  }

  #sessionChanges(reader: PacketReader): void {
    const end = Math.min(reader.end, (reader.lengthEncoded() ?? 0) + reader.at);
    while (reader.at < end && !reader.short) {
      const type = reader.u8();
      const length = reader.lengthEncoded() ?? 0;
      const next = reader.at + length;
      if (type === SCHEMA_CHANGED) this.#talk.database = reader.lengthEncodedText().slice(0, NAME_LENGTH_MAX);
      if (next > reader.at) reader.skip(next - reader.at);
    }
  }

  // Prepared statements

  #preparedOk(request: Request, reader: PacketReader): void {
    reader.u8();
    const id = reader.u32le();
    const columns = reader.u16le();
    const parameters = reader.u16le();
    this.#talk.prepared.add(new Prepared(id, request.sql, parameters));
    request.attributes['statement_id'] = String(id);
    request.attributes['parameter_count'] = String(parameters);
    request.status = 'ok';
    request.parametersLeft = parameters;
    request.columnsLeft = columns;
    if (parameters > 0) request.awaited = 'prepared-parameters';
    else if (columns > 0) request.awaited = 'prepared-columns';
    else this.#talk.finish(request);
  }

  /** A definition of a parameter or a column, or the EOF behind them, which newer clients do without. */
  #definition(request: Request, reader: PacketReader, marker: number, size: number): void {
    const isEof = marker === Marker.eof && size <= EOF_BYTES_MAX;
    const areEofs = this.#hasEofs;
    if (!isEof) {
      if (request.awaited === 'prepared-parameters') request.parametersLeft--;
      else {
        request.columnsLeft--;
        if (request.columns.length < COLUMNS_MAX) request.columns.push(readColumn(reader));
      }
      if (areEofs) return;
    }
    if (request.parametersLeft > 0) return;
    if (request.awaited === 'prepared-parameters' && request.columnsLeft > 0) request.awaited = 'prepared-columns';
    else if (request.columnsLeft <= 0) {
      const id = Number(request.attributes['statement_id']);
      const prepared = this.#talk.prepared.get(id);
      if (prepared !== undefined) this.#talk.prepared.keepColumns(prepared, request.columns);
      this.#talk.finish(request);
    }
  }

  /** Lists end with an EOF: the client has not said that it can do without. */
  get #hasEofs(): boolean {
    return !this.#talk.has(Capability.deprecateEof);
  }
}
