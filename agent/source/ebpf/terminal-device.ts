// SPDX-License-Identifier: Apache-2.0

/** What a terminal is called, and what its settings mean. */
import type { TerminalMoved } from '../../model/kernel-event.ts';
import type { StreamMoved } from './stream-record.ts';

/** c_lflag and c_oflag: include/uapi/asm-generic/termbits-common.h and termbits.h of the kernel; x86-64 and arm64. */
const ICANON = 0o2;
const ECHO = 0o10;
const OPOST = 0o1;
const ONLCR = 0o4;
/** Documentation/admin-guide/devices.txt of the kernel. */
const PTS_FIRST = 136;
const PTS_LAST = 143;
const CONSOLES = 4;
const MINORS_BITS = 20;
const LEADER_SHIFT = 32;

/** Of `leader << 32 | major << 20 | number`, as struct sworn_stream_event has it. */
export function deviceOf(stream: number): string {
  const device = stream % 2 ** LEADER_SHIFT;
  const major = Math.floor(device / 2 ** MINORS_BITS);
  const number = device % 2 ** MINORS_BITS;
  if (major >= PTS_FIRST && major <= PTS_LAST) return `/dev/pts/${number}`;
  if (major === CONSOLES) return `/dev/tty${number}`;
  return `character device ${major}, ${number}`;
}

export function terminalMoved(moved: StreamMoved): TerminalMoved {
  const { atNs, process, scope, startedNs, bytes, missingBytes, missingReason, columns, rows } = moved;
  return {
    type: 'terminal-moved',
    ...{ atNs, process, scope, startedNs, bytes, missingBytes, missingReason, columns, rows },
    device: deviceOf(moved.stream),
    direction: moved.direction === 'read' ? 'typed' : 'shown',
    echoes: (moved.localModes & ECHO) !== 0,
    isByLine: (moved.localModes & ICANON) !== 0,
    addsReturns: (moved.outputModes & (OPOST | ONLCR)) === (OPOST | ONLCR),
  };
}
