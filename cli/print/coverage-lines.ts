// SPDX-License-Identifier: Apache-2.0

/** Coverage for a person: what was read, what was not, and why. */
import type { CoverageSums, OpenConnections, UnreadReason } from '../coverage-question.ts';
import { colour } from './colour.ts';
import { printable } from './terminal-text.ts';

/** A share of bytes; '-' when nothing moved. Never rounded up to all. */
export function shareText(readBytes: string, movedBytes: string): string {
  const read = BigInt(readBytes);
  const moved = BigInt(movedBytes);
  if (moved === 0n) return '-';
  if (read === moved) return '100 %';
  const hundredths = (read * 10_000n) / moved;
  return `${hundredths / 100n}.${String(hundredths % 100n).padStart(2, '0')} %`;
}

type Line = readonly [label: string, text: string];

/**
 * Nothing for a record without connections. Those without an end are of no protocol yet; `ofProtocol` says that the sums are
 * of one only.
 */
export function coverageLines(
  sums: CoverageSums,
  { open, abandoned }: OpenConnections,
  ofProtocol: boolean = false,
): Line[] {
  const any = ofProtocol ? ' (of any protocol)' : '';
  const lines: Line[] = [];
  if (sums.connections !== '0') {
    const share = shareText(sums.read_bytes, sums.moved_bytes);
    const whole = `${sums.read_whole} of ${counted(sums.connections, 'connection')} whole`;
    lines.push(['read', `${share} of ${counted(sums.moved_bytes, 'byte')}; ${whole}`]);
  }
  if (sums.cut_bytes !== '0')
    lines.push(['', `of these ${counted(sums.cut_bytes, 'byte')} above a bound: hashed, not kept`]);
  const unread = [
    [sums.unreadable_bytes, 'unreadable'],
    [sums.not_understood_bytes, 'not understood'],
    [sums.lost_bytes, 'lost'],
  ].filter(([bytes]) => bytes !== '0');
  if (unread.length > 0)
    lines.push(['not read', colour('yellow', unread.map(([bytes, what]) => `${bytes} bytes ${what}`).join(', '))]);
  if (sums.joined_late !== '0')
    lines.push(['late', `${counted(sums.joined_late, 'connection')} joined late: what moved before is in no account`]);
  if (open !== '0')
    lines.push(['open', `${counted(open, 'connection')} open${any}: their bytes are counted when they end`]);
  if (abandoned !== '0')
    lines.push([
      'no end',
      colour(
        'red',
        `${counted(abandoned, 'connection')} open${any} when the recorder broke off: no account of their bytes`,
      ),
    ]);
  return lines;
}

/** In red, or nothing. */
export function violationLine({ violations }: CoverageSums): string {
  if (violations === '0') return '';
  const what = `warning: the bytes of ${counted(violations, 'connection')} do not add up; the figures are not to be relied on`;
  return colour('red', what);
}

const CAUSES: Readonly<Record<UnreadReason['cause'], string>> = {
  tls_unreadable: 'encrypted',
  ssh_unreadable: 'encrypted',
  unreadable: 'encrypted',
  not_understood: 'not understood',
  loss: 'lost',
};

export const REASON_HEADER = ['bytes', 'times', 'cause', 'reason', 'program', 'destination', 'with'];
export const REASON_RIGHT: ReadonlySet<string> = new Set(['bytes', 'times']);

export function reasonCells(reason: UnreadReason): string[] {
  const alpn = reason.alpn === '' ? '' : `ALPN ${reason.alpn}`;
  const build = reason.build_id === '' ? '' : `build ${reason.build_id}`;
  return [
    reason.bytes,
    reason.times,
    CAUSES[reason.cause],
    printable(reason.reason) || '-',
    printable(reason.program) || '-',
    printable(reason.destination) || '-',
    [reason.library, alpn, build].filter(Boolean).map(printable).join(', '),
  ];
}

/** One reason as a sentence's half: for a few lines among others. */
export function reasonLine(reason: UnreadReason): string {
  const [bytes, , cause, why, program, destination, details] = reasonCells(reason);
  const where = [program, destination, details].filter((part) => part !== '-' && part !== '').join('  ');
  return `${bytes} bytes ${cause} (${why})  ${where}`.trimEnd();
}

function counted(count: string, what: string): string {
  return `${count} ${what}${count === '1' ? '' : 's'}`;
}
