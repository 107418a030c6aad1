// SPDX-License-Identifier: Apache-2.0

/**
 * What a kernel, a network and a ring that is too small make of a recording: events of different connections change
 * places, received segments overtake each other, pieces are torn, told twice, or not told at all.
 *
 * What a source says about its own losses is said here too: dropped process events are counted and followed by the list
 * of what runs, dropped ends by a count.
 */
import type { BytesMoved, ConnectionKey, KernelEvent } from '../../../model/kernel-event.ts';
import type { Chance } from './chance.ts';

export interface Spoiled {
  readonly events: readonly KernelEvent[];
  /** Connections of which something is missing. */
  readonly harmed: ReadonlySet<ConnectionKey>;
  readonly processesHarmed: boolean;
}

/** How likely each mishap is, by event. */
export interface Mishaps {
  readonly drop: number;
  readonly tear: number;
  readonly double: number;
  readonly overtake: number;
}

export function spoil(recorded: readonly KernelEvent[], chance: Chance, mishaps: Mishaps): Spoiled {
  const harmed = new Set<ConnectionKey>();
  let processesHarmed = false;
  const spoiled: KernelEvent[] = [];
  for (const event of interleave(overtake(recorded, chance, mishaps.overtake), chance)) {
    if (chance.is(mishaps.drop)) {
      const told = drop(event, chance);
      if (!('connectionKey' in event)) processesHarmed = true;
      else harmed.add(event.connectionKey);
      spoiled.push(...told);
      continue;
    }
    const pieces = event.type === 'bytes-moved' && chance.is(mishaps.tear) ? tear(event, chance) : [event];
    for (const piece of pieces) {
      spoiled.push(piece);
      if (chance.is(mishaps.double)) spoiled.splice(spoiled.length - chance.below(2), 0, piece);
    }
  }
  const atNs = Math.max(...recorded.map((event) => event.atNs));
  if (processesHarmed) spoiled.push({ type: 'processes-running', atNs, processes: [] });
  return { events: spoiled, harmed, processesHarmed };
}

/** A dropped event as the source tells of it: not at all, as announced missing, or as a count. */
function drop(event: KernelEvent, chance: Chance): KernelEvent[] {
  const { atNs } = event;
  if (event.type === 'bytes-moved') {
    if (chance.is(0.5)) return [];
    const { connectionKey, direction, offset, bytes } = event;
    const about = { atNs, connectionKey, direction, offset, bytes: bytes.length };
    return [{ type: 'bytes-missing', ...about, reason: 'unreadable' }];
  }
  const where = event.type.startsWith('process') ? 'process' : 'connection';
  return [{ type: 'missed', atNs, sinceNs: atNs, where, reason: `${event.type}-dropped`, events: 1, bytes: 0 }];
}

function tear(event: BytesMoved, chance: Chance): BytesMoved[] {
  const pieces: BytesMoved[] = [];
  for (let from = 0; from < event.bytes.length; ) {
    const to = Math.min(event.bytes.length, from + 1 + chance.below(chance.is(0.5) ? 8 : 4096));
    pieces.push({ ...event, offset: event.offset + from, bytes: event.bytes.subarray(from, to) });
    from = to;
  }
  return pieces;
}

/** Received segments of a TCP connection change places with their neighbours, as long as nothing was sent in between. */
function overtake(recorded: readonly KernelEvent[], chance: Chance, probability: number): KernelEvent[] {
  const events = [...recorded];
  for (let i = 1; i < events.length; i++) {
    const [one, other] = [events[i - 1], events[i]];
    if (one?.type !== 'bytes-moved' || other?.type !== 'bytes-moved' || one.connectionKey < 0) continue;
    if (one.connectionKey !== other.connectionKey || one.direction === 'sent' || other.direction === 'sent') continue;
    if (chance.is(probability)) [events[i - 1], events[i]] = [other, one];
  }
  return events;
}

/** Events of different connections, and processes, come later by chance; those of one stay in order. */
function interleave(recorded: readonly KernelEvent[], chance: Chance): KernelEvent[] {
  const delays = new Map<ConnectionKey | 'processes', number>();
  return recorded
    .map((event, index) => {
      const track = 'connectionKey' in event ? event.connectionKey : 'processes';
      const delay = Math.max(delays.get(track) ?? 0, index + (track === 'processes' ? 0 : chance.below(12)));
      delays.set(track, delay);
      return { event, delay };
    })
    .sort((one, other) => one.delay - other.delay)
    .map(({ event }) => event);
}
