// SPDX-License-Identifier: Apache-2.0

/** The record from the journal of an agent that has stopped. Every line's leaf is proved while it is read. */
import { Journal } from '../../../agent/journal/journal.ts';
import { type Decoded, readBack } from '../../../agent/journal/reading-back.ts';
import { sworn } from '../../../proto/record.ts';
import type {
  RecordedAccount,
  RecordedCommand,
  RecordedConnection,
  RecordedHead,
  RecordedLoss,
  RecordedProcess,
  RecordedSession,
  RecordedTerminal,
  RecordedToken,
  RunRecord,
} from './record.ts';

const { v1 } = sworn;

/** A decoded message has all of its fields, though the types of what may be encoded leave them out. */
type Whole<T> = { readonly [K in keyof T]-?: NonNullable<T[K]> };
type Detail = 'command' | 'connection' | 'loss' | 'session' | 'process' | 'token' | 'terminal';
type Details = { readonly [K in Detail]: Whole<NonNullable<Decoded[K]>> | null };

export async function readJournal(folder: string, agentId: string, host: string): Promise<RunRecord> {
  const journal = await Journal.open({ folder, agentId, host });
  try {
    return runRecordOf(await readBack(journal, 1, { bytesMax: 16 * 1024 * 1024, entryBytesMax: 2 ** 31 }));
  } finally {
    await journal.close();
  }
}

function runRecordOf(activities: readonly Decoded[]): RunRecord {
  const commands: RecordedCommand[] = [];
  const connections: RecordedConnection[] = [];
  const losses: RecordedLoss[] = [];
  const sessions: RecordedSession[] = [];
  const processes: RecordedProcess[] = [];
  const tokens: RecordedToken[] = [];
  const terminals: RecordedTerminal[] = [];
  const seqs: number[] = [];
  for (const activity of activities) {
    const head = headOf(activity);
    seqs.push(head.seq);
    const { command, connection, loss, session, process, token, terminal } = activity as Details;
    if (command) {
      commands.push({
        ...head,
        protocol: command.protocol,
        operation: command.operation,
        target: command.target,
        resource: command.resource,
        statement: command.statement,
        parameters: command.parameters,
        request: Buffer.from(command.request),
        response: Buffer.from(command.response),
        status: word(v1.Status, 'STATUS', command.status),
        errorCode: command.errorCode,
        errorMessage: command.errorMessage,
        rows: activity.command?.rows === null ? null : Number(command.rows),
        truncated: command.truncated,
        requestPayloadBytes: Number(command.requestPayloadBytes),
        responsePayloadBytes: Number(command.responsePayloadBytes),
        requestSha256: Buffer.from(command.requestSha256).toString('hex'),
        responseSha256: Buffer.from(command.responseSha256).toString('hex'),
        role: word(v1.Role, 'ROLE', command.role),
        attributes: { ...command.attributes },
        durationNs: Number(command.durationNs),
      });
    } else if (connection) {
      connections.push({
        ...head,
        action: word(v1.Connection.Action, 'ACTION', connection.action),
        transport: connection.transport,
        protocol: connection.protocol,
        role: word(v1.Role, 'ROLE', connection.role),
        localAddress: connection.localAddress,
        localPort: connection.localPort,
        remoteAddress: connection.remoteAddress,
        remotePort: connection.remotePort,
        joinedLate: connection.joinedLate,
        sent: accountOf(connection.sent),
        received: accountOf(connection.received),
        attributes: { ...connection.attributes },
      });
    } else if (loss) {
      const { where: place, reason, direction } = loss;
      losses.push({ ...head, place, reason, direction, events: Number(loss.events), bytes: Number(loss.bytes) });
    } else if (session) {
      const action = word(v1.Session.Action, 'ACTION', session.action);
      sessions.push({ ...head, action, commandLine: session.commandLine, commands: Number(session.commands) });
    } else if (process) {
      processes.push({
        ...head,
        action: word(v1.Process.Action, 'ACTION', process.action),
        argv: [...process.argv],
        parentProcessId: process.parentProcessId,
      });
    } else if (token) {
      const action = word(v1.Token.Action, 'ACTION', token.action);
      const { fingerprint, interface: way, reason, policy, exeSha256 } = token;
      tokens.push({ ...head, action, fingerprint, interface: way, reason, policy, exeSha256 });
    } else if (terminal) {
      const { kind, inputBytes, hiddenBytes } = terminal;
      const said = { input: Buffer.from(terminal.input), output: Buffer.from(terminal.output) };
      terminals.push({ ...head, kind, ...said, inputBytes: Number(inputBytes), hiddenBytes: Number(hiddenBytes) });
    }
  }
  return { commands, connections, losses, sessions, processes, tokens, terminals, seqs };
}

function headOf(activity: Decoded): RecordedHead {
  return {
    seq: Number(activity.seq),
    timeNs: BigInt(String(activity.timeNs)),
    endTimeNs: BigInt(String(activity.endTimeNs)),
    sessionId: activity.sessionId,
    identityName: activity.identityName,
    identityState: word(v1.IdentityState, 'IDENTITY_STATE', activity.identityState),
    pid: activity.pid,
    exe: activity.exe,
    connectionId: activity.connectionId,
  };
}

function accountOf(account: sworn.v1.IByteAccount): RecordedAccount {
  const { moved, decoded, notUnderstood, unreadable, cut, lost } = account as Whole<sworn.v1.IByteAccount>;
  return {
    moved: Number(moved),
    decoded: Number(decoded),
    notUnderstood: Number(notUnderstood),
    unreadable: Number(unreadable),
    cut: Number(cut),
    lost: Number(lost),
  };
}

/** STATUS_OK → ok: as ClickHouse has it. */
function word(names: object, prefix: string, value: number): string {
  const name = (names as Record<number, string>)[value] ?? '';
  return name.endsWith('_UNSPECIFIED') ? '' : name.slice(prefix.length + 1).toLowerCase();
}
