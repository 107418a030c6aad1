// SPDX-License-Identifier: Apache-2.0

/** The client's messages: its part of the login, then commands, and the data of files that the server asks for. */
import { endOfHead } from '../bytes/byte-reader.ts';
import { EMPTY_STATEMENT, type Statement } from '../sql/statement.ts';
import { Capability, COMMAND_NAMES, Command } from './constants.ts';
import { statementsOf } from './dialect.ts';
import { readChangeUser, readHandshakeResponse, readProof } from './login.ts';
import { PacketReader } from './packet-reader.ts';
import type { PacketStream } from './packet-stream.ts';
import { readParameters } from './parameters.ts';
import { NAME_LENGTH_MAX, Request } from './request.ts';
import type { Talk } from './talk.ts';

const SSL_REQUEST_BYTES = 32;
/** Behind these the server sends its log, and no replies. */
const REPLICATION: ReadonlySet<number> = new Set([Command.binlogDump, Command.binlogDumpGtid, Command.tableDump]);
const NO_REPLY: ReadonlySet<number> = new Set([Command.quit, Command.close, Command.longData]);

export class Client {
  readonly #talk: Talk;
  /** Set once, before the first message. */
  stream!: PacketStream;
  onTls: () => void = () => {};
  onReplication: () => void = () => {};
  /** A command arrived: the server's next byte answers it, or one before. */
  onCommand: () => void = () => {};

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  message(bytes: Buffer, start: number, end: number, sequence: number, isWhole: boolean): void {
    const reader = new PacketReader(bytes, start, end);
    const { head } = this.#talk;
    if (!this.#talk.isLoggedIn && sequence > 0) this.#loginMessage(reader, head, end - start);
    // Before the sequence number is asked, which comes round to 0 after 256 packets of a file.
    else if (head?.awaited === 'infile') this.#fileData(head, bytes, start, end, isWhole);
    else if (sequence === 0) this.#command(reader, isWhole);
    else this.stream.disowned = 'unexpected_message';
  }

  #join(request: Request): void {
    const { messageBytes, firstAt, lastAt } = this.stream;
    request.addRequest(messageBytes, firstAt, lastAt);
  }

  #loginMessage(reader: PacketReader, head: Request | undefined, size: number): void {
    const talk = this.#talk;
    let login = head;
    if (login === undefined) {
      // In TLS: the greeting came before.
      login = new Request(-1);
      login.operation = 'LOGIN';
      login.awaited = 'login';
      talk.await(login);
    }
    const isFirst = login.requestBytes === 0;
    this.#join(login);
    if (login.command === -1 && isFirst) {
      if (size === SSL_REQUEST_BYTES && (reader.bytes.readUInt32LE(reader.at) & Capability.ssl) !== 0) {
        this.onTls();
        return;
      }
      readHandshakeResponse(talk, login, reader, this.stream.lastAt);
    } else {
      readProof(talk, reader, this.stream.lastAt);
    }
  }

  #command(reader: PacketReader, isWhole: boolean): void {
    const talk = this.#talk;
    const command = reader.u8();
    const name = COMMAND_NAMES.get(command);
    if (name === undefined) {
      this.stream.disowned = 'unknown_command';
      return;
    }
    this.onCommand();
    talk.isLoggedIn = true;
    const request = new Request(command);
    request.operation = name;
    request.target = talk.database;
    request.isTruncated = !isWhole;
    this.#join(request);
    this.#read(request, command, reader);
    if (NO_REPLY.has(command)) {
      request.status = 'ok';
      request.awaited = 'nothing';
      talk.give(request);
    } else if (REPLICATION.has(command)) {
      this.onReplication();
      request.awaited = 'nothing';
      talk.give(request);
    } else {
      talk.await(request);
    }
  }

  #read(request: Request, command: number, reader: PacketReader): void {
    const talk = this.#talk;
    switch (command) {
      case Command.query:
        if (talk.has(Capability.queryAttributes)) this.#queryAttributes(request, reader);
        this.#statement(request, reader);
        break;
      case Command.prepare:
        this.#statement(request, reader, true);
        break;
      case Command.execute:
      case Command.bulkExecute:
        this.#execute(request, command, reader);
        break;
      case Command.close: {
        const id = reader.u32le();
        request.sql = talk.prepared.get(id)?.sql ?? EMPTY_STATEMENT;
        talk.prepared.remove(id);
        break;
      }
      case Command.longData:
        this.#longData(request, reader);
        break;
      case Command.fetch:
      case 0x1a:
        request.prepared = talk.prepared.get(reader.u32le());
        request.sql = request.prepared?.sql ?? EMPTY_STATEMENT;
        if (command === 0x1a && request.prepared !== undefined) talk.prepared.clearLongData(request.prepared);
        if (command === Command.fetch) {
          request.attributes['rows_max'] = String(reader.u32le());
          request.isBinary = true;
          request.columns = request.prepared?.columns ?? [];
          request.awaited = 'rows';
        }
        break;
      case Command.changeUser:
        request.awaited = 'login';
        readChangeUser(talk, request, reader, this.stream.lastAt);
        break;
      case Command.fieldList:
        request.sql = { ...EMPTY_STATEMENT, resource: reader.cString().slice(0, NAME_LENGTH_MAX) };
        request.awaited = 'columns';
        request.columnsLeft = Number.POSITIVE_INFINITY;
        break;
      case Command.statistics:
        request.awaited = 'text';
        break;
      case Command.initDb:
      case 0x05:
      case 0x06:
        request.sql = { ...EMPTY_STATEMENT, resource: reader.rest().slice(0, NAME_LENGTH_MAX) };
        break;
      case Command.processKill:
        request.sql = { ...EMPTY_STATEMENT, resource: String(reader.u32le()) };
        break;
      default:
    }
  }

  #statement(request: Request, reader: PacketReader, isPrepare = false): void {
    const { requestBytesMax } = this.#talk.bounds;
    const head = endOfHead(reader.bytes, reader.at, reader.end, requestBytesMax);
    this.stream.cutBytes += reader.end - head;
    if (head < reader.end) request.isTruncated = true;
    const text = reader.bytes.toString('utf8', reader.at, head);
    const found = statementsOf(text, !isPrepare && this.#talk.mayBeSeveral);
    const none: Statement = { ...EMPTY_STATEMENT, text, operation: request.isTruncated ? 'UNKNOWN' : 'EMPTY' };
    request.parts = found.length === 0 ? [none] : found;
    request.sql = request.parts[0] as Statement;
    if (!isPrepare) request.operation = '';
  }

  /** Attributes that the client gives to one query: counted, and passed over. */
  #queryAttributes(request: Request, reader: PacketReader): void {
    const count = reader.lengthEncoded() ?? 0;
    reader.lengthEncoded();
    if (count === 0) return;
    const { json } = readParameters(reader, { count, hasNames: true, lengthMax: this.#talk.bounds.requestBytesMax });
    request.attributes['query_attributes'] = json.slice(0, 4 * NAME_LENGTH_MAX);
  }

  #execute(request: Request, command: number, reader: PacketReader): void {
    const talk = this.#talk;
    const id = reader.u32le();
    const prepared = talk.prepared.get(id);
    request.isBinary = true;
    request.prepared = prepared;
    if (prepared === undefined) {
      request.attributes['statement_unknown'] = 'true';
      return;
    }
    request.sql = prepared.sql;
    request.operation = '';
    if (command === Command.bulkExecute) {
      request.attributes['parameters_unread'] = 'bulk';
      return;
    }
    reader.skip(5);
    const hasNames = talk.has(Capability.queryAttributes);
    const count = hasNames ? (reader.lengthEncoded() ?? 0) : prepared.parameterCount;
    if (count === 0) return;
    const lengthMax = Math.max(0, talk.bounds.requestBytesMax - prepared.sql.text.length);
    const { json, isCut, types } = readParameters(reader, { count, hasNames, lengthMax, prepared });
    if (types !== undefined) talk.prepared.keepTypes(prepared, types);
    request.parameters = json;
    request.isTruncated ||= isCut;
    talk.prepared.clearLongData(prepared);
  }

  #longData(request: Request, reader: PacketReader): void {
    const talk = this.#talk;
    const id = reader.u32le();
    const index = reader.u16le();
    request.sql = talk.prepared.get(id)?.sql ?? EMPTY_STATEMENT;
    request.attributes['parameter'] = String(index);
    const piece = reader.view(reader.remaining);
    if (!talk.prepared.addLongData(id, index, piece)) {
      request.isTruncated = true;
      this.stream.cutBytes += piece.length;
    }
  }

  #fileData(request: Request, bytes: Buffer, start: number, end: number, isWhole: boolean): void {
    const { file } = this.#talk;
    this.#join(request);
    const before = file.droppedBytes;
    file.append(bytes, start, end);
    this.stream.cutBytes += file.droppedBytes - before;
    // An empty message is the end of the file; one of which nothing was kept is not.
    if (end > start || !isWhole) return;
    request.request = file.take();
    request.awaited = 'first';
  }
}
