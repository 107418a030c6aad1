// SPDX-License-Identifier: Apache-2.0

/** Installs the clients of planned rows, and has the rows played where no network leads out. */
import { join } from 'node:path';
import { ToolMissing } from '../runtimes/toolbox.ts';
import { playApart } from './apart.ts';
import type { Installed } from './clients.ts';
import type { Plan } from './play.ts';
import { failedRow, type Planned, type PlannedRow, type Row, rowName } from './row.ts';

export interface MatrixOptions {
  readonly isTimed: boolean;
  readonly say: (text: string) => void;
}

/** A row for each that was planned, in that order. */
export async function runMatrix(planned: readonly Planned[], { isTimed, say }: MatrixOptions): Promise<Row[]> {
  const installed = new Map<string, Installed | ToolMissing>();
  const rows = new Map<string, Row>();
  const toPlay: PlannedRow[] = [];
  for (const one of planned) {
    const { client, flavour, way } = one;
    const tool = installed.get(client.name) ?? install(one, say);
    installed.set(client.name, tool);
    if (tool instanceof ToolMissing) rows.set(rowName(one), failedRow(one, tool.message));
    else toPlay.push({ client: client.name, flavour: flavour.name, way: way.name, installed: tool });
  }
  if (toPlay.length > 0) {
    // Who asks Entra at its own name has a stage of its own, where the stand-in has that name.
    const stages = Map.groupBy(toPlay, ({ flavour }) => flavour === 'workload-identity');
    for (const some of stages.values()) {
      const plan: Plan = { rows: some, isTimed };
      for (const row of await playApart<Row>(join(import.meta.dirname, 'play.ts'), plan, say)) rows.set(row.name, row);
    }
  }
  return planned.map((one) => rows.get(rowName(one)) ?? failedRow(one, 'the stage ended before this row was judged'));
}

function install({ client }: Planned, say: (text: string) => void): Installed | ToolMissing {
  try {
    const tool = client.install();
    say(`${client.name}: ${client.library} ${tool.version}, ${tool.runtime}`);
    return tool;
  } catch (error) {
    if (!(error instanceof ToolMissing)) throw error;
    say(`${client.name}: ${error.message}`);
    return error;
  }
}
