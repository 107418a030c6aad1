// SPDX-License-Identifier: Apache-2.0

/** What can go wrong with a journal (docs/ERRORS.md, "Agent: journal and delivery"). Codes are stable: people match on them. */
export const JOURNAL_ERRORS = {
  journal_locked: 'Another process writes this journal.',
  journal_wrong_agent: 'The journal belongs to another agent id.',
  journal_version: 'The journal was written by a newer version.',
  journal_permission: 'The journal folder cannot be used with these rights.',
  journal_no_space: 'The disk is full.',
  journal_io: 'The disk failed to read or write.',
  journal_closed: 'The journal was closed.',
} as const;

export type JournalErrorCode = keyof typeof JOURNAL_ERRORS;

/** Codes that go away by themselves, or by somebody making room: trying again helps. */
const RETRYABLE: ReadonlySet<JournalErrorCode> = new Set(['journal_locked', 'journal_no_space', 'journal_io']);

export class JournalError extends Error {
  override readonly name = 'JournalError';
  readonly code: JournalErrorCode;
  readonly retryable: boolean;

  constructor(code: JournalErrorCode, about: string, cause?: unknown) {
    const because = cause instanceof Error ? ` (${cause.message})` : '';
    super(`${JOURNAL_ERRORS[code]} ${about}${because}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.retryable = RETRYABLE.has(code);
  }
}

/** The error of a system call, as ours. Throws what is no such error: a mistake of ours must not look like a bad disk. */
export function journalErrorOf(cause: unknown, about: string): JournalError {
  if (cause instanceof JournalError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  if (!/^E[A-Z0-9]+$/.test(code ?? '')) throw cause;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new JournalError('journal_no_space', about, cause);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new JournalError('journal_permission', about, cause);
    default:
      return new JournalError('journal_io', about, cause);
  }
}
