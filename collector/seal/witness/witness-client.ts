// SPDX-License-Identifier: Apache-2.0

/**
 * One witness, asked to cosign. What it answers is hostile until its signature is verified: bounded, and never more than
 * counted.
 *
 * Source   C2SP tlog-witness, add-checkpoint
 */
import { type Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import {
  ADD_CHECKPOINT_PATH,
  formatAddCheckpoint,
  parseSignatureLines,
  parseSize,
  SIZE_CONTENT_TYPE,
} from '../../../proto/log/add-checkpoint.ts';
import type { Checkpoint } from '../../../proto/log/checkpoint.ts';
import { NoteError, type NoteSignature, type NoteVerifier, openNote } from '../../../proto/log/note.ts';
import { describeError } from '../../model/error.ts';
import type { ConsistencyProver } from '../witnessing.ts';

/** Many signatures are some kilobytes. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** One conflict tells the size; another may be one that came between. More are no witness. */
const ATTEMPTS_MAX = 3;

export interface WitnessClientOptions {
  /** In our log and metrics. */
  readonly name: string;
  readonly url: string;
  readonly verifier: NoteVerifier;
  readonly agent: Agent;
  /** For all of a checkpoint, however many requests it takes. */
  readonly timeoutMs: number;
}

/**
 *   cosigned     with the signature
 *   unknown_log  it was not told of this log's key
 *   not_signed   it has another key for this log
 *   ahead        it has cosigned a larger tree of this log: what is stored here was rolled back
 *   other_root   it has cosigned another root at a size: two histories of this log exist
 *   not_grown    it does not take our proof: the history that it knows is not the beginning of ours
 *   no_proof     rows that the proof needs are missing here
 *   bad_answer   not what a witness answers, or not its signature
 *   unreachable  no connection, no answer in time, or one of its own failures
 *   busy         it has too much to do
 */
export type WitnessOutcome =
  | { readonly kind: 'cosigned'; readonly signature: NoteSignature; readonly timeS: number }
  | { readonly kind: WitnessFailure; readonly message: string };

export type WitnessFailure =
  | 'unknown_log'
  | 'not_signed'
  | 'ahead'
  | 'other_root'
  | 'not_grown'
  | 'no_proof'
  | 'bad_answer'
  | 'unreachable'
  | 'busy';

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface Shown {
  readonly checkpoint: Checkpoint;
  /** The text of the note. */
  readonly text: string;
  /** All of it. */
  readonly note: string;
}

export class WitnessClient {
  readonly name: string;
  readonly #options: WitnessClientOptions;
  readonly #address: URL;

  constructor(options: WitnessClientOptions) {
    this.name = options.name;
    this.#options = options;
    this.#address = new URL(ADD_CHECKPOINT_PATH, options.url.endsWith('/') ? options.url : `${options.url}/`);
  }

  /** Ask, from `oldSize` on, and again from where the witness says that it is. Never throws. */
  async cosign(shown: Shown, oldSize: number, prove: ConsistencyProver): Promise<WitnessOutcome> {
    const { size } = shown.checkpoint;
    const late = AbortSignal.timeout(this.#options.timeoutMs);
    let from = Math.min(oldSize, size);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      let proof: readonly Uint8Array[];
      try {
        proof = from === 0 || from === size ? [] : await prove(from);
      } catch (error) {
        return { kind: 'no_proof', message: describeError(error) };
      }
      let answer: Answer;
      try {
        answer = await this.#post(formatAddCheckpoint({ oldSize: from, proof, note: shown.note }), late);
      } catch (error) {
        return { kind: 'unreachable', message: describeError(error) };
      }
      if (answer.status === 409 && answer.contentType === SIZE_CONTENT_TYPE) {
        const theirs = parseSize(answer.body.replace(/\n$/, ''));
        if (theirs === undefined) return { kind: 'bad_answer', message: 'its size is no number' };
        if (theirs > size) return { kind: 'ahead', message: `it has cosigned ${theirs} leaves, and this are ${size}` };
        from = theirs;
        continue;
      }
      return this.#outcomeOf(answer, shown.text);
    }
    return { kind: 'bad_answer', message: 'its size changes with every answer' };
  }

  #outcomeOf({ status, body }: Answer, text: string): WitnessOutcome {
    if (status === 200) return this.#signatureIn(body, text);
    const message = `HTTP ${status}: ${describeError(body, 200)}`;
    if (status === 404) return { kind: 'unknown_log', message };
    if (status === 403) return { kind: 'not_signed', message };
    if (status === 409) return { kind: 'other_root', message };
    if (status === 422) return { kind: 'not_grown', message };
    if (status === 429) return { kind: 'busy', message };
    return { kind: status >= 500 ? 'unreachable' : 'bad_answer', message };
  }

  #signatureIn(body: string, text: string): WitnessOutcome {
    const { verifier } = this.#options;
    try {
      const signatures = parseSignatureLines(body);
      const [good] = openNote({ text, signatures }, [verifier]);
      const signature = signatures.find(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId);
      if (good?.timeS === undefined || signature === undefined)
        return { kind: 'bad_answer', message: `there is no signature of ${verifier.name} in its answer` };
      return { kind: 'cosigned', signature, timeS: good.timeS };
    } catch (error) {
      if (error instanceof NoteError) return { kind: 'bad_answer', message: error.message };
      throw error;
    }
  }

  /** Redirects are not followed: the operator named this address and no other. */
  #post(body: string, signal: AbortSignal): Promise<Answer> {
    const { agent } = this.#options;
    const send = this.#address.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        this.#address,
        {
          method: 'POST',
          agent,
          headers: {
            'content-type': 'text/plain; charset=utf-8',
            'content-length': Buffer.byteLength(body),
            'user-agent': 'sworn-collector',
          },
          signal,
        },
        (response) => {
          const pieces: Buffer[] = [];
          let bytes = 0;
          response.on('data', (piece: Buffer) => {
            bytes += piece.length;
            if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error('its answer is too large'));
            else pieces.push(piece);
          });
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              contentType: (response.headers['content-type'] ?? '').replace(/;.*$/s, '').trim(),
              body: Buffer.concat(pieces).toString('utf8'),
            }),
          );
          response.on('close', () => reject(new Error('its answer broke off')));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}
