// SPDX-License-Identifier: Apache-2.0

/**
 * What a program counted of its own connections against what the record says of them: every byte once, in one place.
 */
import type { CountedConnection } from './load/byte-mover.ts';
import type { Stage } from './stage.ts';

const DIRECTIONS = ['sent', 'received'] as const;
const PARTS = ['decoded', 'not_understood', 'unreadable', 'cut', 'lost'] as const;

type Direction = (typeof DIRECTIONS)[number];
type Column = `${Direction}_${'moved' | (typeof PARTS)[number]}`;

/** One line of `sworn.connections` about an end. Numbers come as text. */
export type RecordedEnd = Readonly<Record<Column, string>> & {
  readonly connection_id: string;
  readonly transport: string;
  readonly protocol: string;
  readonly local_address: string;
  readonly local_port: number;
  readonly remote_port: number;
};

/** Of one connection and direction, by where the loss was. */
export interface RecordedLoss {
  readonly connection_id: string;
  readonly direction: string;
  readonly place: string;
  readonly total: string;
}

export async function readEnds(stage: Stage, session: string): Promise<RecordedEnd[]> {
  const columns = DIRECTIONS.flatMap((direction) => ['moved', ...PARTS].map((part) => `${direction}_${part}`));
  return stage.rows(
    `SELECT connection_id, transport, protocol, local_address, local_port, remote_port, ${columns.join(', ')}
     FROM sworn.connections WHERE action = 'closed' AND session_id = '${session}' ORDER BY end_time`,
  );
}

export async function readLosses(stage: Stage, session: string): Promise<RecordedLoss[]> {
  return stage.rows(
    `SELECT connection_id, direction, place, sum(bytes) AS total
     FROM sworn.losses WHERE connection_id != '' AND session_id = '${session}' GROUP BY ALL`,
  );
}

/** What is wrong, a sentence each; nothing when all is well. Both in the order in which the connections ended. */
export function accountFaults(
  counted: readonly CountedConnection[],
  ends: readonly RecordedEnd[],
  losses: readonly RecordedLoss[],
): string[] {
  const lostOf = new Map(losses.map((one) => [keyOf(one), Number(one.total)]));
  const endsOf = new Map<string, RecordedEnd[]>();
  for (const end of ends) {
    const place = placeOfEnd(end);
    endsOf.set(place, [...(endsOf.get(place) ?? []), end]);
  }
  const faults: string[] = [];
  for (const one of counted) {
    // Ports are used again: the first that ended there is the first that the record has there.
    const end = endsOf.get(placeOf(one))?.shift();
    if (end === undefined) faults.push(`${nameOf(one)} has no end in the record`);
    else for (const direction of DIRECTIONS) faults.push(...directionFaults(one, end, direction, lostOf));
  }
  const places = new Set(counted.map(placeOf));
  for (const [place, left] of endsOf) {
    if (places.has(place) && left.length > 0) faults.push(`${place} has ${left.length} more ends in the record`);
  }
  return faults;
}

function directionFaults(
  one: CountedConnection,
  end: RecordedEnd,
  direction: Direction,
  lostOf: ReadonlyMap<string, number>,
): string[] {
  const faults: string[] = [];
  const say = (what: string): void => void faults.push(`${nameOf(one)}, ${end.connection_id}, ${direction}: ${what}`);
  const recorded = (part: 'moved' | (typeof PARTS)[number]): number => Number(end[`${direction}_${part}`]);
  const bytes = direction === 'sent' ? one.sentBytes : one.receivedBytes;
  if (recorded('moved') !== bytes) say(`the program counted ${bytes} bytes, the record ${recorded('moved')}`);
  const sum = PARTS.reduce((all, part) => all + recorded(part), 0);
  if (sum !== recorded('moved')) say(`${recorded('moved')} bytes moved, and ${sum} are accounted for`);
  const told = (place: string): number => lostOf.get(keyOf({ ...end, direction, place })) ?? 0;
  if (told('connection') !== recorded('lost')) {
    say(`${recorded('lost')} bytes lost, and the losses tell of ${told('connection')}`);
  }
  // Who decodes says of each byte that it could not make sense of why; nobody does where no decoder was found.
  if (end.protocol !== 'unknown' && told('decoder') !== recorded('not_understood')) {
    say(`${recorded('not_understood')} bytes not understood, and the losses tell of ${told('decoder')}`);
  }
  return faults;
}

function keyOf(loss: Pick<RecordedLoss, 'connection_id' | 'direction' | 'place'>): string {
  return `${loss.connection_id} ${loss.direction} ${loss.place}`;
}

function placeOf({ transport, localPort, remotePort, inode }: CountedConnection): string {
  return transport === 'unix' ? `unix ${inode}` : `${transport} ${localPort} ${remotePort}`;
}

/** The id of a unix connection has the inode of its socket, in base 36. */
function placeOfEnd(end: RecordedEnd): string {
  const { connection_id: id, local_port: local, remote_port: remote } = end;
  const transport = transportOf(end);
  return transport === 'unix'
    ? `unix ${Number.parseInt(id.split('-u')[1] ?? '', 36)}`
    : `${transport} ${local} ${remote}`;
}

/** As the program has it: the record tells IPv4 from IPv6 by the address. */
export function transportOf({ transport, local_address: address }: RecordedEnd): CountedConnection['transport'] {
  return transport === 'unix' ? 'unix' : address.includes(':') ? 'tcp6' : 'tcp4';
}

function nameOf({ kind, localPort, remotePort, inode }: CountedConnection): string {
  return inode > 0 ? `${kind} (inode ${inode})` : `${kind} (ports ${localPort} and ${remotePort})`;
}
