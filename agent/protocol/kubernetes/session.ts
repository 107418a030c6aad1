// SPDX-License-Identifier: Apache-2.0

/**
 * One exec, attach or forwarded connection, whatever carried its channels: stdin and stdout are the payloads of its
 * exchange, stderr an attribute, the error channel tells how it ended.
 *
 * Bounds   stdin and stdout as payloads are; STDERR_BYTES_MAX of stderr and of the error channel
 */
import { PayloadWriter } from '../bytes/payload-writer.ts';
import type { DecoderBounds, DecoderSink, Exchange, Side } from '../decoder.ts';
import { Terminal } from '../terminal.ts';
import { outcomeOf } from './outcome.ts';
import type { StreamRequest } from './stream-request.ts';
import { TerminalSizes } from './terminal-sizes.ts';

export type Channel = 'stdin' | 'stdout' | 'stderr' | 'error' | 'resize';

/** 64 KiB: an attribute is read by people, and a program that says more says it again. */
export const STDERR_BYTES_MAX = 64 * 1024;

/** What an exchange says of the wire, and of what was not seen. */
export interface SessionEnd {
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Bytes of it were missed. */
  readonly isBroken: boolean;
  /** It went to its end, and would have said if something had been wrong. */
  readonly isWell?: boolean;
  /** The connection that was carried in it. */
  readonly carries?: string;
}

export class Session {
  readonly #request: StreamRequest;
  readonly #writers: Readonly<Record<Exclude<Channel, 'resize'>, PayloadWriter>>;
  readonly #sink: DecoderSink;
  readonly #terminal: Terminal | undefined;
  readonly #sizes = new TerminalSizes();
  #holeBytes = 0;
  #hasHole = false;
  readonly #seen: Record<Side, { first: number; last: number } | undefined> = { client: undefined, server: undefined };

  constructor(bounds: DecoderBounds, sink: DecoderSink, request: StreamRequest) {
    this.#request = request;
    this.#sink = sink;
    this.#writers = {
      stdin: new PayloadWriter(bounds.requestBytesMax),
      stdout: new PayloadWriter(bounds.responseBytesMax),
      stderr: new PayloadWriter(STDERR_BYTES_MAX),
      error: new PayloadWriter(STDERR_BYTES_MAX),
    };
    if (request.isTerminal) this.#terminal = new Terminal(request.resource, (stretch) => sink.terminal(stretch));
  }

  get heldBytes(): number {
    const { stdin, stdout, stderr, error } = this.#writers;
    const terminal = (this.#terminal?.heldBytes ?? 0) + this.#sizes.heldBytes;
    return stdin.heldBytes + stdout.heldBytes + stderr.heldBytes + error.heldBytes + terminal;
  }

  /** Something crossed the wire for it. */
  touch(from: Side, at: number): void {
    const seen = this.#seen[from];
    if (seen === undefined) this.#seen[from] = { first: at, last: at };
    else seen.last = at;
  }

  /** Returns how many of the bytes were not kept. */
  data(channel: Channel, bytes: Uint8Array, at: number): number {
    if (channel === 'resize') {
      if (this.#terminal === undefined) return 0;
      for (const { columns, rows } of this.#sizes.push(bytes)) this.#terminal.resize(columns, rows, at);
      return 0;
    }
    if (channel === 'stdin') this.#terminal?.add('typed', bytes, at);
    else if (channel !== 'error') this.#terminal?.add('shown', bytes, at);
    const writer = this.#writers[channel];
    const before = writer.droppedBytes;
    writer.append(bytes);
    writer.flush();
    return writer.droppedBytes - before;
  }

  /** Bytes of a channel that were never seen; of an unknown one when the frames themselves were missed. */
  hole(channel: Channel | undefined, missingBytes: number, from: Side): void {
    this.#hasHole = true;
    this.#holeBytes += missingBytes;
    if (channel !== undefined && channel !== 'resize') {
      this.#writers[channel].addHole(missingBytes);
      return;
    }
    for (const one of from === 'client' ? (['stdin'] as const) : (['stdout', 'stderr', 'error'] as const)) {
      this.#writers[one].addHole(0);
    }
  }

  end({ requestBytes, responseBytes, attributes, isBroken, isWell, carries }: SessionEnd): void {
    this.#terminal?.flush();
    this.#sizes.end();
    const { stdin, stdout, stderr, error } = this.#writers;
    const stderrBytes = stderr.writtenBytes;
    const [request, response, errors] = [stdin.take(), stdout.take(), stderr.take()];
    const { exitCode, ...said } = outcomeOf(error.take().bytes);
    const outcome =
      said.status === 'unknown' && isWell === true && !isBroken ? { ...said, status: 'ok' as const } : said;
    const isCut = [request, response, errors].some(({ bytes, totalBytes }) => bytes.length < totalBytes);
    const seen = this.#seen;
    const asked = seen.client ?? seen.server ?? { first: 0, last: 0 };
    const answered = seen.server ?? asked;
    const { operation, target, resource, statement, statementShape, parameters, credential } = this.#request;
    const exchange: Exchange = {
      ...{ protocol: 'kubernetes', operation, target, resource, statement, statementShape, parameters },
      ...{ request, response, ...outcome, requestBytes, responseBytes },
      truncated: isCut || this.#hasHole || isBroken,
      ...(credential && { credential }),
      ...(carries !== undefined && { carries }),
      attributes: {
        ...this.#request.attributes,
        ...attributes,
        ...(exitCode !== '' && { exit_code: exitCode }),
        ...(stderrBytes > 0 && {
          stderr: Buffer.from(errors.bytes).toString('utf8'),
          stderr_bytes: String(stderrBytes),
        }),
        ...((this.#hasHole || isBroken) && { incomplete: 'gap' }),
        ...(this.#holeBytes > 0 && { missing_bytes: String(this.#holeBytes) }),
      },
      requestAt: asked.first,
      requestEndAt: asked.last,
      responseAt: answered.first,
      responseEndAt: answered.last,
    };
    this.#sink.exchange(exchange);
  }
}
