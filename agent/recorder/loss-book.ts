// SPDX-License-Identifier: Apache-2.0

/**
 * Losses, gathered so that a storm of them is a few lines and not a storm of lines. Equal ones of one connection and
 * direction become one line with their sum: nothing is left out, only the moments in between are.
 */
import type { LossReport } from '../activity/activity-builder.ts';
import type { Session } from '../lineage/session.ts';

export interface GatheredLoss {
  readonly report: LossReport;
  readonly session: Session | undefined;
  readonly connectionId: string;
}

interface Sum {
  events: number;
  bytes: number;
  sinceNs: number;
  untilNs: number;
  readonly where: string;
  readonly reason: string;
  readonly direction: 'sent' | 'received' | undefined;
  readonly session: Session | undefined;
  readonly connectionId: string;
}

export interface LossEntry {
  readonly where: string;
  readonly reason: string;
  readonly events: number;
  readonly bytes: number;
  readonly sinceNs: number;
  readonly untilNs: number;
  readonly direction?: 'sent' | 'received';
  readonly session?: Session | undefined;
  readonly connectionId?: string;
}

export class LossBook {
  /** By connection ('' for none), then by what is equal: the end of a connection takes out its own at once. */
  readonly #sums = new Map<string, Map<string, Sum>>();

  add(entry: LossEntry): void {
    const { where, reason, direction, session, connectionId = '' } = entry;
    let ofConnection = this.#sums.get(connectionId);
    if (ofConnection === undefined) {
      ofConnection = new Map();
      this.#sums.set(connectionId, ofConnection);
    }
    const name = `${where}\0${reason}\0${direction ?? ''}\0${session?.id ?? ''}`;
    const sum = ofConnection.get(name);
    if (sum === undefined) {
      const { events, bytes, sinceNs, untilNs } = entry;
      ofConnection.set(name, { events, bytes, sinceNs, untilNs, where, reason, direction, session, connectionId });
      return;
    }
    sum.events += entry.events;
    sum.bytes += entry.bytes;
    sum.sinceNs = Math.min(sum.sinceNs, entry.sinceNs);
    sum.untilNs = Math.max(sum.untilNs, entry.untilNs);
  }

  /** When the earliest of what was gathered began; undefined when nothing was. */
  get sinceNs(): number | undefined {
    let earliest: number | undefined;
    for (const sums of this.#sums.values()) {
      for (const { sinceNs } of sums.values()) earliest = Math.min(earliest ?? sinceNs, sinceNs);
    }
    return earliest;
  }

  /** Takes out what was gathered; of one connection only, when it ends. */
  take(connectionId?: string): GatheredLoss[] {
    const taken: GatheredLoss[] = [];
    const connections = connectionId === undefined ? [...this.#sums.keys()] : [connectionId];
    for (const connection of connections) {
      for (const sum of this.#sums.get(connection)?.values() ?? []) taken.push(gathered(sum));
      this.#sums.delete(connection);
    }
    return taken;
  }
}

function gathered(sum: Sum): GatheredLoss {
  const { session, direction, connectionId, ...rest } = sum;
  return { report: { ...rest, ...(direction && { direction }), message: messageOf(sum) }, session, connectionId };
}

const MESSAGES: Readonly<Record<string, string>> = {
  ring_full: 'The kernel had more to hand over than the agent took in time.',
  too_large: 'One call or segment was larger than the bound on what is copied of one.',
  unreadable: 'The kernel could not copy the bytes.',
  no_buffer: 'The bytes were moved by a call that shows no buffer (io_uring, sendfile, splice, a 32-bit program).',
  skipped: 'The agent had said that it needs no copy.',
  never_sent: 'The program wrote these bytes, and they never left the host: the connection ended before.',
  joined_late: 'The connection was open before its process was recorded; what it said before is not known.',
  not_recognised:
    'The connection was open before its process was recorded, and what it said since does not tell its language.',
  agent_not_running: 'The agent was not running.',
  agent_stopped: 'The agent was stopped.',
  host_restarted: 'The host was restarted; the agent was not running when it went down.',
  mark_unreadable: 'There was an agent before, and the mark of how far it recorded cannot be read.',
  decoder_failed: 'A decoder failed on these bytes: a fault of Sworn.',
  detection_failed: 'A decoder failed when it was asked whose bytes these are: a fault of Sworn.',
  event_failed: 'The agent failed on an event: a fault of Sworn.',
  conflicting_segments: 'Segments said different things of the same place; the record has what the program was given.',
  memory_bound:
    'Too much was unfinished at once: this connection gave its memory back, and what was pending is incomplete.',
  given_up:
    'Too many connections were open at once: this one was written as closed before, and these bytes came later.',
  exit_unseen: 'Processes ended and nothing told how: their exit codes are not known.',
  argv_cut: 'Arguments of a program beyond the bound on what is copied of them.',
  unknown_connection: 'Bytes of a connection that the agent does not follow (any more).',
  fork_ring_full: 'The kernel could not hand over that processes were made.',
  exec_ring_full: 'The kernel could not hand over that programs were executed.',
  exit_ring_full: 'The kernel could not hand over that processes ended.',
  secret_ring_full:
    'The kernel could not hand over secrets of TLS in time: the connections that they are of stay unread.',
  secret_table_full: 'Secrets of TLS found no room in the kernel: the connections that they are of stay unread.',
  secret_unreadable: 'Secrets of TLS could not be copied: the connections that they are of stay unread.',
  secret_of_no_session: 'Secrets of TLS came for a session that is not known; they were wiped.',
  key_ring_full: 'The kernel could not hand over keys of SSH in time: the connections that they are of stay unread.',
  key_table_full: 'Keys of SSH found no room in the kernel: the connections that they are of stay unread.',
  key_unreadable: 'Keys of SSH could not be copied: the connections that they are of stay unread.',
  key_of_no_session: 'Keys of SSH came for a session that is not known; they were wiped.',
  image_ring_full: 'The kernel could not tell that a workload mapped a library: if that has TLS, it may stay unread.',
  image_unreadable: 'A library that a workload mapped could not be named: if it has TLS, that may stay unread.',
  unsettled_table_full: 'Too many processes had mapped unknown libraries at once: their first bytes did not wait.',
  hold_expired:
    'New connections waited for a look at a library of their process, and went on before it: if it has TLS, they may stay unread.',
  process_table_full: 'More processes than the table of watched processes holds: the new ones are not watched.',
};

function messageOf(sum: Sum): string {
  return MESSAGES[sum.reason] ?? `${sum.where}: ${sum.reason.replaceAll('_', ' ')}.`;
}
