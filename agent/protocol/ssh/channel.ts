// SPDX-License-Identifier: Apache-2.0

/**
 * One channel: what was asked for in it, what was said, how it ended. It becomes an exchange when it is closed; of sftp each
 * operation does before.
 *
 * The request is what the client side sent, the response what the server side sent, whoever opened it.
 *
 * Source   RFC 4254, sections 5 to 7
 */
import type { ByteReader } from '../bytes/byte-reader.ts';
import type { CarriedPlace, DecoderBounds, DecoderSink, Side, Status } from '../decoder.ts';
import { Terminal } from '../terminal.ts';
import { meaningOf } from './command-resource.ts';
import type { ConnectionFacts } from './connection-facts.ts';
import { type Draft, exchangeOf, type WireBytes } from './draft.ts';
import { type Budget, KeptBytes } from './kept-bytes.ts';
import { ScpFiles } from './scp.ts';
import { Sftp } from './sftp.ts';

export interface ChannelAbout {
  readonly name: string;
  readonly type: string;
  readonly opener: Side;
  /** The opener's number for it. */
  readonly id: number;
  /** Of a forward: where it goes to. */
  readonly resource: string;
  readonly place: CarriedPlace | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly openedAt: number;
}

const TEXT_MAX = 64 * 1024;
const ENVIRONMENT_MAX = 64;
const REQUESTS_AWAITED_MAX = 64;
/** Kept of each side of a forward, in case that nobody understands what is said in it. */
const FORWARDED_BYTES_MAX = 256 * 1024;

export class Channel {
  readonly about: ChannelAbout;
  /** The other end's number, when it has one. */
  peerId: number | undefined;
  readonly wire: WireBytes = { client: 0, server: 0 };
  readonly closed = { client: false, server: false };
  readonly #facts: ConnectionFacts;
  readonly #sink: DecoderSink;
  readonly #streams: Readonly<Record<'client' | 'server' | 'stderr', KeptBytes>>;
  readonly #bounds: DecoderBounds;
  readonly #budget: Budget;
  /** A connection goes through it. */
  readonly #carries: boolean;
  #isCarrying = false;
  readonly #attributes: Record<string, string> = {};
  readonly #environment: Record<string, string> = {};
  /** Requests of the client whose answers are awaited. */
  #awaited: string[] = [];
  #operation = '';
  #statement = '';
  #resource = '';
  #size: { readonly columns: number; readonly rows: number } | undefined;
  #terminal: Terminal | undefined;
  #sftp: Sftp | undefined;
  #scp: { readonly from: Side; readonly files: ScpFiles } | undefined;
  #exit: { readonly code: string; readonly message: string; readonly isOk: boolean } | undefined;
  #refused = '';
  #isBroken = false;
  #lastAt: Record<Side, number | undefined> = { client: undefined, server: undefined };
  #firstReplyAt: number | undefined;
  #terminalBytes = { typed: 0, shown: 0 };

  constructor(about: ChannelAbout, bounds: DecoderBounds, budget: Budget, facts: ConnectionFacts, sink: DecoderSink) {
    this.about = about;
    this.#bounds = bounds;
    this.#budget = budget;
    this.#facts = facts;
    this.#sink = sink;
    this.#resource = about.resource;
    this.#carries = about.place !== undefined;
    const keptMax = this.#carries ? FORWARDED_BYTES_MAX : Number.POSITIVE_INFINITY;
    this.#streams = {
      client: new KeptBytes(Math.min(keptMax, bounds.requestBytesMax), budget),
      server: new KeptBytes(Math.min(keptMax, bounds.responseBytesMax), budget),
      stderr: new KeptBytes(Math.min(TEXT_MAX, bounds.responseBytesMax), budget),
    };
  }

  get heldBytes(): number {
    const { client, server, stderr } = this.#streams;
    const inside = (this.#sftp?.heldBytes ?? 0) + (this.#terminal?.heldBytes ?? 0) + (this.#scp?.files.heldBytes ?? 0);
    return client.heldBytes + server.heldBytes + stderr.heldBytes + inside;
  }

  /** A message of the channel came, whatever it says. */
  note(from: Side, wireBytes: number, startAt: number, endAt: number): void {
    this.wire[from] += wireBytes;
    this.#lastAt[from] = endAt;
    if (from !== this.about.opener) this.#firstReplyAt ??= startAt;
  }

  /** Returns how many of the bytes are not kept. */
  data(from: Side, bytes: Buffer, startAt: number, endAt: number): number {
    if (this.#sftp !== undefined) return this.#sftp.push(from, bytes, startAt, endAt);
    if (this.#terminal !== undefined) {
      const kind = from === 'client' ? 'typed' : 'shown';
      this.#terminalBytes[kind] += bytes.length;
      this.#terminal.add(kind, bytes, endAt);
      return 0;
    }
    if (this.#carries) {
      this.#carry(from, bytes, startAt);
      this.#streams[from].append(bytes);
      return 0;
    }
    if (this.#scp?.from === from) this.#scp.files.push(bytes);
    return this.#streams[from].append(bytes);
  }

  /** What a program says as its errors; as much is kept as stands in an attribute. */
  errorData(from: Side, bytes: Buffer, endAt: number): number {
    if (this.#terminal === undefined) return this.#streams.stderr.append(bytes);
    return this.data(from, bytes, endAt, endAt);
  }

  /** SSH_MSG_CHANNEL_REQUEST, behind the channel's number; false when it is not whole. */
  request(from: Side, reader: ByteReader, endAt: number): boolean {
    const name = reader.text(Math.min(reader.u32(), 256));
    const wantsReply = reader.u8() !== 0;
    if (wantsReply && this.#awaited.length < REQUESTS_AWAITED_MAX) this.#awaited.push(name);
    switch (name) {
      case 'exec':
        this.#begin('exec', reader.text(reader.u32()));
        break;
      case 'shell':
        this.#begin('shell', '');
        break;
      case 'subsystem':
        this.#begin('subsystem', reader.text(reader.u32()));
        break;
      case 'pty-req':
        this.#attributes['terminal'] = reader.text(Math.min(reader.u32(), 256));
        this.#resize(reader, endAt);
        break;
      case 'window-change':
        this.#resize(reader, endAt);
        break;
      case 'env': {
        const key = reader.text(reader.u32());
        const value = reader.text(reader.u32());
        if (Object.keys(this.#environment).length < ENVIRONMENT_MAX)
          this.#environment[key.slice(0, 256)] = value.slice(0, 4096);
        break;
      }
      case 'exit-status': {
        const code = reader.u32();
        this.#exit = { code: String(code), message: `exit status ${code}`, isOk: code === 0 };
        this.#attributes['exit_status'] = String(code);
        break;
      }
      case 'exit-signal': {
        const signal = reader.text(reader.u32());
        reader.u8();
        const message = reader.text(Math.min(reader.u32(), 1024));
        this.#exit = { code: `SIG${signal}`, message: message || `killed by SIG${signal}`, isOk: false };
        this.#attributes['exit_signal'] = signal;
        break;
      }
      case 'signal':
        this.#attributes['signal_sent'] = reader.text(reader.u32());
        break;
      case 'auth-agent-req@openssh.com':
        this.#attributes['agent_forwarding'] = 'true';
        break;
      case 'x11-req':
        this.#attributes['x11_forwarding'] = 'true';
        break;
      default:
        break;
    }
    return !reader.short && from !== undefined;
  }

  /** SSH_MSG_CHANNEL_SUCCESS or FAILURE. */
  answered(isGranted: boolean): void {
    const name = this.#awaited.shift();
    if (isGranted || name === undefined) return;
    if (name === 'exec' || name === 'shell' || name === 'subsystem') this.#refused = name;
    else this.#attributes['refused'] = [this.#attributes['refused'], name].filter(Boolean).join(',');
  }

  /** SSH_MSG_CHANNEL_OPEN_FAILURE. */
  notOpened(code: string, message: string): void {
    this.#exit = { code, message, isOk: false };
  }

  /** Messages were lost: what is kept may have holes. */
  gap(from: Side, missingBytes: number, at: number): void {
    this.#isBroken = true;
    if (this.#isCarrying) this.#sink.carried({ kind: 'gap', id: this.about.name, from, missingBytes, at });
    this.#streams[from].addHole();
    this.#scp?.files.lost();
    this.#sftp?.gap();
  }

  /** It is over; `isWhole`: both ends closed it. */
  end(isWhole: boolean, at: number): void {
    this.#sftp?.end(at);
    this.#terminal?.flush();
    if (this.#isCarrying) this.#sink.carried({ kind: 'closed', id: this.about.name, at });
    const { client, server, stderr } = this.#streams;
    const { type, id, attributes, openedAt, opener } = this.about;
    const errorText = stderr.take();
    const files = this.#scp?.files.files ?? [];
    const isCut = client.isCut || server.isCut || errorText.bytes.length < errorText.totalBytes;
    const { responseAt, ...labels } = this.#labels(openedAt, opener);
    const draft: Draft = {
      operation: this.#operation || OPERATIONS[type] || 'channel',
      target: this.#facts.user,
      resource: this.#resource,
      statement: this.#statement,
      statementShape: [this.#operation || type, this.#operation === 'exec' ? this.#resource : ''].join(' ').trim(),
      parameters: files.length === 0 ? '' : JSON.stringify(files),
      request: client.take(),
      response: server.take(),
      status: this.#status(isWhole),
      ...this.#error(),
      truncated: isCut || this.#isBroken,
      attributes: {
        ...this.#facts.attributes,
        ...attributes,
        ...this.#attributes,
        channel: String(id),
        channel_type: type,
        stderr: errorText.totalBytes === 0 ? '' : Buffer.from(errorText.bytes).toString(),
        ...(errorText.totalBytes > 0 && { stderr_bytes: String(errorText.totalBytes) }),
        ...(Object.keys(this.#environment).length > 0 && { environment: JSON.stringify(this.#environment) }),
        ...(this.#terminal && {
          typed_bytes: String(this.#terminalBytes.typed),
          shown_bytes: String(this.#terminalBytes.shown),
        }),
      },
      ...labels,
      ...(responseAt !== undefined && { responseAt }),
    };
    const exchange = exchangeOf(draft, this.wire);
    this.#sink.exchange(this.#isCarrying ? { ...exchange, carries: this.about.name } : exchange);
  }

  #carry(from: Side, bytes: Buffer, at: number): void {
    const { name: id, place } = this.about;
    if (!this.#isCarrying && place !== undefined) this.#sink.carried({ kind: 'opened', id, place, at });
    this.#isCarrying = true;
    this.#sink.carried({ kind: 'bytes', id, from, bytes: Buffer.from(bytes), at });
  }

  #labels(openedAt: number, opener: Side): Pick<Draft, 'requestAt' | 'requestEndAt' | 'responseAt' | 'responseEndAt'> {
    const other = opener === 'client' ? 'server' : 'client';
    return {
      requestAt: openedAt,
      requestEndAt: this.#lastAt[opener] ?? openedAt,
      responseAt: this.#firstReplyAt,
      responseEndAt: this.#lastAt[other],
    };
  }

  #status(isWhole: boolean): Status {
    if (this.#refused !== '' || this.#exit?.isOk === false) return 'error';
    if (this.#exit !== undefined) return 'ok';
    // A forward has no exit; a program that was not seen to end has no outcome.
    return isWhole && (this.about.type !== 'session' || this.#sftp !== undefined) ? 'ok' : 'unknown';
  }

  #error(): { errorCode?: string; errorMessage?: string } {
    if (this.#refused !== '') return { errorCode: 'request_refused', errorMessage: `${this.#refused} was refused` };
    if (this.#exit === undefined || this.#exit.isOk) return {};
    return { errorCode: this.#exit.code, errorMessage: this.#exit.message };
  }

  #begin(operation: string, statement: string): void {
    this.#operation = operation;
    this.#statement = statement.slice(0, this.#bounds.requestBytesMax);
    if (operation === 'subsystem') this.#resource = statement.slice(0, 256);
    if (operation === 'exec') {
      const { resource, tool, scp } = meaningOf(statement);
      this.#resource = resource;
      if (tool !== '') this.#attributes['tool'] = tool;
      if (scp !== undefined) this.#scp = { from: scp === 'to-server' ? 'client' : 'server', files: new ScpFiles() };
    }
    // Without a terminal of its own, or by the subsystem's name.
    if ((operation === 'subsystem' && statement === 'sftp') || /(?:^|\/)sftp-server(?:\s|$)/.test(statement)) {
      this.#sftp = new Sftp(this.#bounds, this.#budget, {
        give: (draft) => this.#giveInner(draft),
        trouble: (from, reason) => this.#sink.trouble(from, reason, 0),
      });
    } else if (this.#size !== undefined && this.#terminal === undefined) {
      this.#terminal = new Terminal(this.about.name, (stretch) => this.#sink.terminal(stretch), this.#size);
    }
  }

  #giveInner(draft: Draft): void {
    const attributes = { ...this.#facts.attributes, channel: String(this.about.id), ...draft.attributes };
    this.#sink.exchange(exchangeOf({ ...draft, target: this.#facts.user, attributes }, this.wire));
  }

  #resize(reader: ByteReader, at: number): void {
    const [columns, rows] = [reader.u32(), reader.u32()];
    if (reader.short) return;
    this.#size = { columns, rows };
    this.#attributes['window'] = `${columns}x${rows}`;
    this.#terminal?.resize(columns, rows, at);
  }
}

const OPERATIONS: Readonly<Record<string, string>> = {
  session: 'session',
  'direct-tcpip': 'forward',
  'forwarded-tcpip': 'forward',
  'direct-streamlocal@openssh.com': 'forward',
  'forwarded-streamlocal@openssh.com': 'forward',
  'auth-agent@openssh.com': 'agent',
  x11: 'x11',
};
