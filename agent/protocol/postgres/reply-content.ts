// SPDX-License-Identifier: Apache-2.0

/**
 * What replies hold: rows, COPY data, the value of a function. It goes into the response of the request that is answered;
 * one reply comes at a time, so one writer serves the connection.
 */
import type { ByteReader } from '../bytes/byte-reader.ts';
import type { Conversation } from './conversation.ts';
import { Backend } from './messages.ts';
import type { Request } from './request.ts';
import { LongRow, type RowForm, writeGap, writeRow } from './rows.ts';

export class ReplyContent {
  readonly #talk: Conversation;
  #longRow: LongRow | undefined;
  #longOwner: Request | undefined;
  #droppedBefore = 0;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  get heldBytes(): number {
    return this.#longRow?.heldBytes ?? 0;
  }

  /** How rows for `request` look, as far as that was said. */
  formOf(request: Request): RowForm {
    const { portal } = request;
    if (portal === undefined) return { columns: request.columns, formats: request.columns?.formats };
    const columns = portal.columns ?? portal.prepared.columns ?? undefined;
    return { columns, formats: portal.resultFormats ?? portal.columns?.formats };
  }

  /** Make the response `request`'s, and write its first line: the names of the columns, null when they are not known. */
  beginRows(request: Request): void {
    if (this.#own(request)) this.#talk.response.appendText(this.formOf(request).columns?.line ?? 'null\n');
  }

  /** A DataRow of which `missingBytes` were lost. Returns how many bytes were above the bound, as the others do. */
  row(request: Request, bytes: Buffer, start: number, end: number, missingBytes: number): number {
    this.beginRows(request);
    request.seenRows++;
    const { response, session } = this.#talk;
    const before = response.droppedBytes;
    if (missingBytes > 0) writeGap(response, response.writtenBytes, missingBytes, end - start + missingBytes);
    else writeRow(response, this.formOf(request), session.encoding, bytes, start, end);
    return response.droppedBytes - before;
  }

  copyData(request: Request, bytes: Buffer, start: number, end: number, missingBytes: number): number {
    this.#own(request);
    const { response } = this.#talk;
    const before = response.droppedBytes;
    response.append(bytes, start, end);
    if (missingBytes > 0) response.addHole(missingBytes);
    return response.droppedBytes - before;
  }

  /** The body of a FunctionCallResponse is one value, as a row has it; its type is not told. */
  functionResult(request: Request, reader: ByteReader): void {
    this.#own(request);
    const body = Buffer.concat([Buffer.of(0, 1), reader.bytes.subarray(reader.at, reader.end)]);
    const form = { columns: undefined, formats: undefined };
    writeRow(this.#talk.response, form, this.#talk.session.encoding, body, 0, body.length);
    this.#talk.takePayloads(request);
  }

  /** Bytes of the reply were lost, rows perhaps among them. */
  gap(request: Request, missingBytes: number): void {
    const { response, responseOwner } = this.#talk;
    if (responseOwner !== request) return;
    if (request.copy === 'no') writeGap(response, response.writtenBytes, missingBytes, missingBytes);
    else response.addHole(missingBytes);
  }

  // Rows and COPY data that are too long to be collected

  beginLong(tag: number, bodyBytes: number, request: Request): void {
    const { response, session } = this.#talk;
    this.#longOwner = request;
    if (tag === Backend.dataRow) {
      this.beginRows(request);
      request.seenRows++;
      this.#longRow = new LongRow(response, this.formOf(request), session.encoding, bodyBytes);
    } else {
      this.#own(request);
    }
    this.#droppedBefore = response.droppedBytes;
  }

  longPart(bytes: Buffer, start: number, end: number): void {
    if (!this.#isStillWanted()) return;
    if (this.#longRow !== undefined) this.#longRow.part(bytes, start, end);
    else this.#talk.response.append(bytes, start, end);
  }

  /** Returns whose it was, if that still waits, and how many bytes were above the bound. */
  endLong(missingBytes: number): { owner: Request | undefined; droppedBytes: number } {
    const owner = this.#isStillWanted() ? this.#longOwner : undefined;
    const row = this.#longRow;
    this.#longOwner = undefined;
    this.#longRow = undefined;
    if (owner === undefined) return { owner, droppedBytes: 0 };
    const { response } = this.#talk;
    if (row !== undefined) row.end(missingBytes);
    else if (missingBytes > 0) response.addHole(missingBytes);
    return { owner, droppedBytes: response.droppedBytes - this.#droppedBefore };
  }

  abandonLong(): void {
    if (this.#isStillWanted()) this.#longRow?.end(1);
    this.#longRow = undefined;
    this.#longOwner = undefined;
  }

  /** The request may have been given out while its row came in. */
  #isStillWanted(): boolean {
    return this.#longOwner !== undefined && this.#talk.responseOwner === this.#longOwner;
  }

  /** Returns true when the response was not `request`'s already. */
  #own(request: Request): boolean {
    const talk = this.#talk;
    if (talk.responseOwner === request) return false;
    if (talk.responseOwner !== undefined) talk.takePayloads(talk.responseOwner);
    talk.responseOwner = request;
    return true;
  }
}
