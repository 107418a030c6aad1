// SPDX-License-Identifier: Apache-2.0

import type { Command } from 'commander';
import { loadAddon } from '../../agent/source/ebpf/addon.ts';
import { isFault, type Problem } from '../audit/audit-finding.ts';
import { isBundle } from '../audit/bundle-read.ts';
import { CollectorRecord } from '../audit/collector-record.ts';
import { type Completeness, readCompleteness } from '../audit/completeness.ts';
import type { Span } from '../audit/log-audit.ts';
import { auditRecord, type IntegrityReport } from '../audit/record-audit.ts';
import { readAnchors, readKeys, readPins, type TrustedLine, writePins } from '../audit/trusted-keys.ts';
import { addCollectorOptions, CollectorClient, type CollectorOptions } from '../collector-client.ts';
import { CliError, EXIT } from '../exit.ts';
import { findSession } from '../find-session.ts';
import { print } from '../output.ts';
import { printCompleteness, printIntegrity } from '../print/audit-lines.ts';
import { printableJson } from '../print/terminal-text.ts';
import { parseSince } from '../since.ts';
import { verifyBundle } from './verify-bundle.ts';
import { verifyProofFile } from './verify-proof.ts';

const HELP = `
Two verdicts. Integrity: every row has the leaf that comes out of it, no row is missing, doubled or in another's place, and
the tree over the leaves has the root of every checkpoint that the agent signed and the collector cosigned. Completeness:
what the record itself says that it lacks.

Without --key the keys are those that the collector names, so it is its word that the signatures are of whom they should be:
keep the key lines that are printed elsewhere and give them with --key, or let --pin remember them from the first time on.
Checkpoints that were kept outside of the collector's reach (--anchor) show also what was cut off at the end.

With a FILE (sworn prove, sworn bundle), it is checked without any network.

Examples:
  sworn verify
  sworn verify --pin ./keys --anchor /mnt/anchor/checkpoints
  sworn verify --session last --json
  sworn verify --agent db1 --from 2026-01-31T08:00:00Z --to 2026-01-31T18:00:00Z
  sworn verify proof.json --key ./keys
  sworn verify session-5f2c9a7b.zip --key ./keys

Ends with 0 when the integrity holds, with 1 when it does not. What is not complete does not change that.`;

interface VerifyOptions extends CollectorOptions {
  readonly agent?: string;
  readonly session?: string;
  readonly from?: string;
  readonly to?: string;
  readonly key: readonly string[];
  readonly pin?: string;
  readonly anchor: readonly string[];
  readonly json?: boolean;
}

const several = (text: string, before: readonly string[]): string[] => [...before, text];

export function defineVerify(command: Command): void {
  addCollectorOptions(command)
    .argument('[file]', 'a proof or a bundle to check, without a collector')
    .option('--agent <id>', 'only the log of this agent, or of this collector')
    .option('--session <id>', "only what a session concerns: its id, the beginning of it, or 'last'")
    .option('--from <time>', 'only what began since: 30m, 2h, 7d, or a time', (text) => parseSince(text))
    .option('--to <time>', 'and before', (text) => parseSince(text))
    .option('--key <line|file>', 'a key that you know from elsewhere (repeatable)', several, [])
    .option('--pin <file>', 'keys of earlier times; new ones are added')
    .option('--anchor <file|folder>', 'checkpoints that were kept elsewhere (repeatable)', several, [])
    .option('--json', 'one JSON object')
    .addHelpText('after', HELP)
    .action(async (file: string | undefined, options: VerifyOptions) => {
      const pins = options.pin === undefined ? [] : readPins(options.pin);
      const trusted = [...readKeys(options.key), ...pins];
      if (file !== undefined && isBundle(file)) await verifyBundle(file, trusted, options.json === true);
      else if (file !== undefined) await verifyProofFile(file, trusted, options.json === true);
      else await verifyRecord(options, trusted);
    });
}

async function verifyRecord(options: VerifyOptions, trusted: readonly TrustedLine[]): Promise<void> {
  const client = new CollectorClient(options);
  const anchors = readAnchors(options.anchor);
  const session = options.session === undefined ? undefined : await findSession(client, options.session);
  const filter = { agentId: options.agent, sessionId: session, from: options.from, to: options.to };
  const spans =
    session === undefined && options.from === undefined && options.to === undefined
      ? undefined
      : await spansOf(client, filter);
  const progress = new Progress(options.json === true);
  const integrity = await auditRecord({
    source: new CollectorRecord(client),
    addon: loadAddon(),
    trusted,
    anchored: anchors.notes,
    agentId: options.agent,
    spans,
    onProgress: (rows, of, agentId) => progress.show(rows, of, agentId),
  });
  progress.end();
  if (options.agent !== undefined && integrity.agents === 0) {
    throw new CliError(
      `there is no log of '${options.agent}'`,
      'sworn verify without --agent names all of them.',
      EXIT.unusable,
    );
  }
  const completeness = await readCompleteness(client, filter);
  if (options.pin !== undefined && integrity.ok) writePins(options.pin, integrity.keys);
  if (options.json) await print(printableJson(JSON.stringify(reportOf(integrity, completeness))));
  else {
    await printIntegrity(integrity, {
      anchors: anchors.notes.length,
      torn: anchors.torn,
      partial: spans !== undefined,
    });
    await printCompleteness(completeness);
  }
  if (!integrity.ok) process.exitCode = EXIT.failed;
}

function reportOf(report: IntegrityReport, completeness: Completeness): object {
  const { keys, logs, ...integrity } = report;
  return {
    ok: integrity.ok,
    integrity: {
      ...integrity,
      faults: integrity.problems.filter((problem: Problem) => isFault(problem)).length + integrity.problems_left_out,
      logs: logs.map(({ agentId, activities, sealedUpTo, byHashes }) => ({
        agent_id: agentId,
        activities,
        sealed_up_to: sealedUpTo,
        proved_by_hashes: byHashes,
      })),
    },
    completeness,
    keys: keys.map(({ line, trust, origin, verifier }) => ({
      name: verifier.name,
      kind: verifier.kind,
      line,
      trust,
      origin,
    })),
  };
}

/** Which numbers of which logs a session or a time concerns. */
async function spansOf(
  client: CollectorClient,
  filter: {
    agentId?: string | undefined;
    sessionId?: string | undefined;
    from?: string | undefined;
    to?: string | undefined;
  },
): Promise<ReadonlyMap<string, Span>> {
  const { sessionId = '', from = '', to = '' } = filter;
  const rows = await client.rows<{ agent_id: string; first: string; last: string }>(
    `SELECT agent_id, min(seq) AS first, max(seq) AS last FROM sworn.activities
     WHERE {session:String} IN ('', session_id)
       AND ({from:String} = '' OR time >= parseDateTime64BestEffortOrZero({from:String}, 9, 'UTC'))
       AND ({to:String} = '' OR time < parseDateTime64BestEffortOrZero({to:String}, 9, 'UTC'))
     GROUP BY agent_id`,
    { session: sessionId, from, to },
  );
  if (rows.length === 0) throw new CliError('there is nothing in this time', 'See: sworn sessions', EXIT.unusable);
  return new Map(rows.map(({ agent_id, first, last }) => [agent_id, [Number(first), Number(last)] as const]));
}

const SHOW_EVERY_MS = 200;

class Progress {
  readonly #silent: boolean;
  readonly #startMs = performance.now();
  #shownMs = 0;

  constructor(silent: boolean) {
    this.#silent = silent || process.stderr.isTTY !== true;
  }

  show(rows: number, of: number, agentId: string): void {
    const nowMs = performance.now();
    if (this.#silent || nowMs - this.#shownMs < SHOW_EVERY_MS) return;
    this.#shownMs = nowMs;
    const share = of === 0 ? '' : ` (${Math.floor((100 * rows) / of)} %)`;
    const rate = Math.round(rows / Math.max(0.001, (nowMs - this.#startMs) / 1000));
    // Ids are of certificates, and tame.
    process.stderr.write(`\r\u001b[K${rows} of ${of} activities${share}, ${rate} a second, ${agentId}`);
  }

  end(): void {
    if (!this.#silent) process.stderr.write('\r\u001b[K');
  }
}
