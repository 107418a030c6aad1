// SPDX-License-Identifier: Apache-2.0

/**
 * sftp, version 3: each operation an exchange; what is read and written through one handle is one exchange, given out when it
 * is closed.
 *
 * Bounds   REQUESTS_MAX without an answer, HANDLES_MAX open; the oldest is given out, status unknown
 * Source   draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL, section 4
 */
import { ByteReader } from '../bytes/byte-reader.ts';
import type { DecoderBounds, Payload, Side, Status } from '../decoder.ts';
import type { Draft } from './draft.ts';
import { type Budget, KeptBytes } from './kept-bytes.ts';
import { SftpPackets } from './sftp-packets.ts';

const NAMES: Readonly<Record<number, string>> = {
  3: 'open',
  4: 'close',
  5: 'read',
  6: 'write',
  7: 'lstat',
  8: 'fstat',
  9: 'setstat',
  10: 'fsetstat',
  11: 'opendir',
  12: 'readdir',
  13: 'remove',
  14: 'mkdir',
  15: 'rmdir',
  16: 'realpath',
  17: 'stat',
  18: 'rename',
  19: 'readlink',
  20: 'symlink',
};
/** Whose first string is a handle. */
const ON_HANDLES = new Set(['close', 'read', 'write', 'fstat', 'fsetstat', 'readdir']);
const ON_HANDLES_EXTENDED = new Set(['fstatvfs@openssh.com', 'fsync@openssh.com']);
const TWO_PATHS = new Set(['rename', 'symlink', 'posix-rename@openssh.com', 'hardlink@openssh.com']);
const ERRORS = [
  '',
  'EOF',
  'NO_SUCH_FILE',
  'PERMISSION_DENIED',
  'FAILURE',
  'BAD_MESSAGE',
  'NO_CONNECTION',
  'CONNECTION_LOST',
  'OP_UNSUPPORTED',
];

const [INIT, VERSION, STATUS, HANDLE, DATA, NAME, EXTENDED] = [1, 2, 101, 102, 103, 104, 200];
const REQUESTS_MAX = 4096;
const HANDLES_MAX = 256;
const PATH_MAX = 4096;
const MESSAGE_MAX = 1024;
const NO_BYTES = Buffer.alloc(0);

interface Request {
  readonly name: string;
  readonly handle: string;
  readonly path: string;
  readonly otherPath: string;
  readonly offset: number;
  readonly attributes: Record<string, string>;
  readonly at: number;
  readonly endAt: number;
}

/** A file or folder that is open. */
interface Open {
  readonly path: string;
  readonly isFolder: boolean;
  readonly flags: string;
  readonly read: KeptBytes;
  readonly written: KeptBytes;
  readonly next: { read: number; written: number };
  entries: number;
  error: readonly [code: string, message: string] | undefined;
  readonly at: number;
}

export interface SftpSink {
  give(draft: Draft): void;
  trouble(from: Side, reason: string): void;
}

export class Sftp {
  readonly #bounds: DecoderBounds;
  readonly #budget: Budget;
  readonly #sink: SftpSink;
  readonly #packets = { client: new SftpPackets(), server: new SftpPackets() };
  readonly #requests = new Map<number, Request>();
  readonly #open = new Map<string, Open>();
  #version = '';
  /** Bytes that were seen in this push and are not kept. */
  #cutBytes = 0;

  constructor(bounds: DecoderBounds, budget: Budget, sink: SftpSink) {
    this.#bounds = bounds;
    this.#budget = budget;
    this.#sink = sink;
  }

  get heldBytes(): number {
    let held = this.#packets.client.heldBytes + this.#packets.server.heldBytes;
    for (const { read, written } of this.#open.values()) held += read.heldBytes + written.heldBytes;
    return held;
  }

  /** Returns how many bytes of contents were not kept. */
  push(from: Side, bytes: Buffer, startAt: number, endAt: number): number {
    const packets = this.#packets[from];
    this.#cutBytes = 0;
    for (const packet of packets.push(bytes)) {
      if (from === 'client') this.#request(packet, startAt, endAt);
      else this.#reply(packet, startAt, endAt);
    }
    if (packets.isLost) this.#lost(from);
    return this.#cutBytes;
  }

  /** Messages of the connection are missing: packets cannot be told any more. */
  gap(): void {
    for (const side of ['client', 'server'] as const) this.#packets[side].lost();
    for (const { read, written } of this.#open.values()) {
      read.addHole();
      written.addHole();
    }
  }

  end(at: number): void {
    for (const request of this.#requests.values()) {
      if (request.name !== 'read' && request.name !== 'readdir') this.#give(request, 'unknown', at, {});
    }
    this.#requests.clear();
    for (const handle of [...this.#open.keys()]) this.#closed(handle, at, 'unknown');
  }

  #lost(from: Side): void {
    if (!this.#isTold[from]) this.#sink.trouble(from, 'sftp_damaged');
    this.#isTold[from] = true;
  }
  readonly #isTold = { client: false, server: false };

  #request(packet: Buffer, at: number, endAt: number): void {
    const reader = new ByteReader(packet, 1);
    const type = packet[0] as number;
    if (type === INIT) return;
    const id = reader.u32();
    let name = NAMES[type] ?? '';
    if (type === EXTENDED) name = reader.text(Math.min(reader.u32(), 64));
    if (name === '' || reader.short) {
      this.#sink.trouble('client', 'sftp_unknown_request');
      return;
    }
    // A question about the server's limits has no fields.
    const first = reader.remaining === 0 && type === EXTENDED ? NO_BYTES : reader.view(reader.u32());
    const onHandle = ON_HANDLES.has(name) || ON_HANDLES_EXTENDED.has(name);
    const handle = onHandle ? first.toString('latin1', 0, 256) : '';
    const path = onHandle ? (this.#open.get(handle)?.path ?? '') : textOf(first);
    const otherPath = TWO_PATHS.has(name) ? textOf(reader.view(reader.u32())) : '';
    const attributes: Record<string, string> = {};
    let offset = 0;
    if (name === 'read' || name === 'write') offset = Number(BigInt.asUintN(64, reader.i64()));
    if (name === 'open') attributes['flags'] = flagsOf(reader.u32());
    if (name === 'setstat' || name === 'fsetstat' || name === 'mkdir') Object.assign(attributes, statOf(reader));
    if (name === 'write') this.#write(handle, offset, reader.view(reader.u32()));
    if (reader.short) this.#sink.trouble('client', 'sftp_short_request');
    this.#requests.set(id, { name, handle, path, otherPath, offset, attributes, at, endAt });
    if (this.#requests.size <= REQUESTS_MAX) return;
    const [oldest] = this.#requests.keys();
    const request = this.#requests.get(oldest as number) as Request;
    this.#requests.delete(oldest as number);
    this.#give(request, 'unknown', endAt, {});
  }

  #reply(packet: Buffer, at: number, endAt: number): void {
    const reader = new ByteReader(packet, 1);
    const type = packet[0] as number;
    if (type === VERSION) {
      this.#version = String(reader.u32());
      return;
    }
    const id = reader.u32();
    const request = this.#requests.get(id);
    if (request === undefined) {
      this.#sink.trouble('server', 'sftp_reply_without_request');
      return;
    }
    this.#requests.delete(id);
    if (type === STATUS) {
      const code = reader.u32();
      this.#status(request, code, reader.text(Math.min(reader.u32(), MESSAGE_MAX)), at, endAt);
    } else if (type === HANDLE) this.#opened(request, reader.view(reader.u32()).toString('latin1', 0, 256), endAt);
    else if (type === DATA) this.#read(request, reader.view(reader.u32()));
    else if (type === NAME) this.#names(request, reader, at);
    else this.#give(request, 'ok', at, {});
  }

  #status({ ...request }: Request, code: number, message: string, at: number, endAt: number): void {
    const { name, handle } = request;
    const error = code === 0 ? undefined : ([`SSH_FX_${ERRORS[code] ?? code}`, message] as const);
    if (name === 'close') {
      if (this.#open.has(handle)) this.#closed(handle, endAt, error === undefined ? 'ok' : 'error', error);
      else this.#give(request, error === undefined ? 'ok' : 'error', at, {}, error);
      return;
    }
    const isPart = name === 'read' || name === 'write' || name === 'readdir';
    const open = isPart ? this.#open.get(handle) : undefined;
    // The end of a file is how reading ends.
    if (open !== undefined) {
      if (error !== undefined && code !== 1) open.error ??= error;
      return;
    }
    this.#give(request, error === undefined ? 'ok' : 'error', at, {}, error);
  }

  #opened(request: Request, handle: string, endAt: number): void {
    const { name, path, attributes, at } = request;
    if (this.#open.size >= HANDLES_MAX) this.#closed(this.#open.keys().next().value as string, endAt, 'unknown');
    const { requestBytesMax, responseBytesMax } = this.#bounds;
    this.#open.set(handle, {
      path,
      isFolder: name === 'opendir',
      flags: attributes['flags'] ?? '',
      read: new KeptBytes(responseBytesMax, this.#budget),
      written: new KeptBytes(requestBytesMax, this.#budget),
      next: { read: 0, written: 0 },
      entries: 0,
      error: undefined,
      at,
    });
  }

  #write(handle: string, offset: number, bytes: Buffer): void {
    const open = this.#open.get(handle);
    if (open === undefined) return;
    if (offset !== open.next.written) open.written.addHole();
    open.next.written = offset + bytes.length;
    this.#cutBytes += open.written.append(bytes);
  }

  #read({ handle, offset }: Request, bytes: Buffer): void {
    const open = this.#open.get(handle);
    if (open === undefined) return;
    if (offset !== open.next.read) open.read.addHole();
    open.next.read = offset + bytes.length;
    this.#cutBytes += open.read.append(bytes);
  }

  #names(request: Request, reader: ByteReader, at: number): void {
    const count = reader.u32();
    const open = request.name === 'readdir' ? this.#open.get(request.handle) : undefined;
    for (let i = 0; i < count && !reader.short; i++) {
      const name = textOf(reader.view(reader.u32()));
      reader.view(reader.u32());
      statOf(reader);
      if (reader.short) break;
      if (open === undefined) {
        this.#give(request, 'ok', at, { answer: name });
        return;
      }
      open.entries++;
      open.read.append(Buffer.from(`${name}\n`));
    }
    if (open === undefined) this.#give(request, 'ok', at, {});
  }

  /** What was done with a handle, when it is done. */
  #closed(handle: string, at: number, status: Status, error?: readonly [string, string]): void {
    const {
      path,
      isFolder,
      flags,
      read,
      written,
      entries,
      error: before,
      at: openedAt,
    } = this.#open.get(handle) as Open;
    this.#open.delete(handle);
    const isCut = read.isCut || written.isCut;
    const [bytesRead, bytesWritten] = [read.totalBytes, written.totalBytes];
    const verb = isFolder ? 'readdir' : bytesWritten > 0 || flags.includes('write') ? 'write' : 'read';
    const failed = before ?? error;
    this.#sink.give({
      ...this.#draft(verb, path, '', openedAt, openedAt),
      status: failed === undefined ? status : 'error',
      ...(failed && { errorCode: failed[0], errorMessage: failed[1] }),
      request: written.take(),
      response: read.take(),
      truncated: isCut,
      ...(isFolder && { rows: entries }),
      attributes: {
        path,
        flags,
        sftp_version: this.#version,
        ...(!isFolder && { bytes_read: String(bytesRead), bytes_written: String(bytesWritten) }),
      },
      responseAt: at,
      responseEndAt: at,
    });
  }

  #give(
    { name, path, otherPath, attributes, at, endAt }: Request,
    status: Status,
    responseAt: number,
    more: Readonly<Record<string, string>>,
    error?: readonly [string, string],
  ): void {
    this.#sink.give({
      ...this.#draft(name.replace('@openssh.com', ''), path, otherPath, at, endAt),
      status,
      ...(error && { errorCode: error[0], errorMessage: error[1] }),
      routine: name === 'limits@openssh.com',
      attributes: { path, other_path: otherPath, sftp_version: this.#version, ...attributes, ...more },
      responseAt,
      responseEndAt: responseAt,
    });
  }

  #draft(verb: string, path: string, otherPath: string, requestAt: number, requestEndAt: number): Draft {
    return {
      operation: `sftp ${verb}`,
      target: '',
      resource: path,
      statement: [verb, path, otherPath].filter((word) => word !== '').join(' '),
      statementShape: `sftp ${verb}`,
      status: 'ok',
      attributes: {},
      requestAt,
      requestEndAt,
    };
  }
}

export type { Payload };

function textOf(bytes: Buffer): string {
  return bytes.toString('utf8', 0, PATH_MAX);
}

function flagsOf(flags: number): string {
  const names = ['read', 'write', 'append', 'create', 'truncate', 'exclusive'];
  return names.filter((_, bit) => (flags & (1 << bit)) !== 0).join(',');
}

/** What of a file's attributes is there: each is announced by a bit. */
function statOf(reader: ByteReader): Record<string, string> {
  const flags = reader.u32();
  const stat: Record<string, string> = {};
  if (flags & 1) stat['size'] = BigInt.asUintN(64, reader.i64()).toString();
  if (flags & 2) stat['owner'] = `${reader.u32()}:${reader.u32()}`;
  if (flags & 4) stat['mode'] = (reader.u32() & 0o7777).toString(8).padStart(4, '0');
  if (flags & 8) stat['times'] = `${reader.u32()},${reader.u32()}`;
  if (flags & 0x80000000) {
    const count = reader.u32();
    for (let i = 0; i < count && !reader.short; i++) {
      reader.view(reader.u32());
      reader.view(reader.u32());
    }
  }
  return stat;
}
