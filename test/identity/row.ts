// SPDX-License-Identifier: Apache-2.0

/** A row of the matrix: a client, the flavour by which it finds the broker, and what it does. */
import { CLIENTS, type Client, type Installed } from './clients.ts';
import { FLAVOURS, type Flavour } from './flavours.ts';
import { WAYS, type Way } from './ways.ts';

export interface Planned {
  readonly client: Client;
  readonly flavour: Flavour;
  readonly way: Way;
}

/** As it crosses from the process that installs to the one that plays. */
export interface PlannedRow {
  readonly client: string;
  readonly flavour: string;
  readonly way: string;
  readonly installed: Installed;
}

export interface Row {
  readonly name: string;
  readonly ok: boolean;
  /** Why it is not ok; '' when it is. */
  readonly reason: string;
  readonly client: string;
  readonly library: string;
  readonly version: string;
  readonly runtime: string;
  readonly flavour: string;
  readonly way: string;
  /** 'token', or the reason that the broker gave. */
  readonly outcome: string;
  /** At the broker, as its record has them. */
  readonly requests: number;
  /** The slowest of these, from its first byte to the answer, by the record. Milliseconds. */
  readonly brokerMs: number;
  /** From before the first question until its answer, by the client's clock. Milliseconds. */
  readonly clientMs: number;
  /** For how long the client believes that it may keep the token, from the broker's answer on. Seconds. */
  readonly keepsForS: number | null;
  /** What the client said of a refusal. */
  readonly said: string;
}

export function rowName({ client, flavour, way }: Planned): string {
  return `${client.name} ${flavour.name} ${way.name}`;
}

/** Rows whose name has one of the words; all without words. */
export function plannedRows(only: readonly string[]): Planned[] {
  const rows = CLIENTS.flatMap((client) =>
    FLAVOURS.filter((flavour) => flavour.isFor(client)).flatMap((flavour) =>
      WAYS.filter((way) => way.isFor(client, flavour)).map((way) => ({ client, flavour, way })),
    ),
  );
  return rows.filter((row) => only.length === 0 || only.some((word) => rowName(row).includes(word)));
}

/** Errors: TypeError for names that no table has. */
export function findRow({ client, flavour, way }: Omit<PlannedRow, 'installed'>): Planned {
  const found = {
    client: CLIENTS.find(({ name }) => name === client),
    flavour: FLAVOURS.find(({ name }) => name === flavour),
    way: WAYS.find(({ name }) => name === way),
  };
  if (found.client === undefined || found.flavour === undefined || found.way === undefined)
    throw new TypeError(`there is no row ${client} ${flavour} ${way}`);
  return found as Planned;
}

/** A row that did not come to be played. */
export function failedRow(planned: Planned, reason: string, installed?: Installed): Row {
  return {
    name: rowName(planned),
    ok: false,
    reason,
    client: planned.client.name,
    library: planned.client.library,
    version: installed?.version ?? '',
    runtime: installed?.runtime ?? '',
    flavour: planned.flavour.name,
    way: planned.way.name,
    outcome: 'none',
    requests: 0,
    brokerMs: 0,
    clientMs: 0,
    keepsForS: null,
    said: '',
  };
}
