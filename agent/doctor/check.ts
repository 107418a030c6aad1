// SPDX-License-Identifier: Apache-2.0

/** One line of `sworn doctor`: what was looked at, what was found, and what to do about it. */
export interface Check {
  readonly name: string;
  /** 'fail': recording cannot work. 'warn': it works with a limit. */
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do next; '' when nothing is to be done. */
  readonly next: string;
}

export function ok(name: string, found: string): Check {
  return { name, state: 'ok', found, next: '' };
}

export function warn(name: string, found: string, next: string): Check {
  return { name, state: 'warn', found, next };
}

export function fail(name: string, found: string, next: string): Check {
  return { name, state: 'fail', found, next };
}
