// SPDX-License-Identifier: Apache-2.0

/**
 * How a command in a container ended, as its error channel says.
 *
 * Shape    v4 and later: a Status; {"status":"Success"}, or "Failure" with reason NonZeroExitCode and, among details.causes,
 *          {"reason":"ExitCode","message":"3"}. Earlier: words, and nothing when all was well
 * Source   Kubernetes API reference, Status and StatusCause
 */
import type { Status } from '../decoder.ts';
import { at, textAt } from './object.ts';

export interface Outcome {
  readonly status: Status;
  readonly errorCode: string;
  readonly errorMessage: string;
  /** '' when the command did not run to its end, or nobody said how it did. */
  readonly exitCode: string;
}

export function outcomeOf(said: Uint8Array): Outcome {
  const text = Buffer.from(said).toString('utf8').trim();
  if (text === '') return { status: 'unknown', errorCode: '', errorMessage: '', exitCode: '' };
  const status = parsed(text);
  if (status === undefined)
    return { status: 'error', errorCode: 'error', errorMessage: text.slice(0, 1024), exitCode: '' };
  if (textAt(status, 'status') === 'Success') return { status: 'ok', errorCode: '', errorMessage: '', exitCode: '0' };
  const reason = textAt(status, 'reason');
  const causes = at(status, 'details', 'causes');
  const exit: unknown = Array.isArray(causes)
    ? causes.find((cause) => textAt(cause, 'reason') === 'ExitCode')
    : undefined;
  const exitCode = textAt(exit, 'message').slice(0, 16);
  return {
    status: 'error',
    errorCode: exitCode || reason || 'error',
    errorMessage: textAt(status, 'message'),
    exitCode,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
