// SPDX-License-Identifier: Apache-2.0

/**
 * The server's own account of what it was asked: its JSON log (log_statement = all) → statements of each connection, in
 * order.
 */

export interface LoggedStatement {
  /** The client's port: which connection it was. */
  readonly clientPort: number;
  /** A unix socket has no port; then the server's process tells connections apart. */
  readonly serverPid: number;
  /** 'statement': a simple query, as a whole. 'execute': one Execute of a prepared statement. 'refused': the server found it wrong before it ran. */
  readonly kind: 'statement' | 'execute' | 'refused';
  readonly text: string;
  /** Of an 'execute'; NULL is null. */
  readonly parameters: readonly (string | null)[];
  /** SQLSTATE and message when it failed. */
  error: { readonly code: string; readonly message: string } | undefined;
  readonly queryId: string;
  /** The role that was logged in. */
  readonly user: string;
}

interface LogLine {
  readonly pid: number;
  readonly remote_port?: number;
  readonly error_severity: string;
  readonly state_code?: string;
  readonly message?: string;
  readonly detail?: string;
  readonly statement?: string;
  readonly context?: string;
  readonly user?: string;
  readonly backend_type?: string;
  readonly query_id?: number | string;
}

/** Statements in the order in which the server logged them. */
export function readServerLog(text: string): LoggedStatement[] {
  const statements: LoggedStatement[] = [];
  const last = new Map<number, LoggedStatement>();
  for (const json of text.split('\n')) {
    if (json === '') continue;
    const line = JSON.parse(json) as LogLine;
    if (line.backend_type !== 'client backend') continue;
    const found = statementOf(line);
    if (found !== undefined) {
      statements.push(found);
      last.set(line.pid, found);
      continue;
    }
    if (line.error_severity !== 'ERROR' && line.error_severity !== 'FATAL') continue;
    if (line.statement === undefined) continue;
    const error = { code: line.state_code ?? '', message: line.message ?? '' };
    const running = last.get(line.pid);
    if (running !== undefined && running.error === undefined && running.text === line.statement) {
      running.error = error;
      continue;
    }
    // Wrong in itself: it never came to be logged as a statement that runs.
    const parameters = parametersOf(/with parameters: (.*)/s.exec(line.context ?? '')?.[1] ?? '');
    const refused = { ...base(line), kind: 'refused' as const, text: line.statement, parameters, error };
    statements.push(refused);
    last.set(line.pid, refused);
  }
  return statements;
}

function base(line: LogLine) {
  return {
    clientPort: line.remote_port ?? 0,
    serverPid: line.pid,
    queryId: String(line.query_id ?? ''),
    user: line.user ?? '',
  };
}

function statementOf(line: LogLine): LoggedStatement | undefined {
  if (line.error_severity !== 'LOG' || line.message === undefined) return undefined;
  if (line.message.startsWith('statement: ')) {
    const text = line.message.slice('statement: '.length);
    return { ...base(line), kind: 'statement', text, parameters: [], error: undefined };
  }
  const execute = /^execute (?:fetch from )?(\S+?)(?:\/\S*)?: ([\s\S]*)$/.exec(line.message);
  if (execute === null) return undefined;
  const parameters = parametersOf(line.detail ?? '');
  return { ...base(line), kind: 'execute', text: execute[2] as string, parameters, error: undefined };
}

/** `Parameters: $1 = '7', $2 = NULL, $3 = 'it''s'` */
export function parametersOf(detail: string): (string | null)[] {
  const parameters: (string | null)[] = [];
  const shape = /\$\d+ = (?:NULL|'((?:[^']|'')*)')/gi;
  for (let found = shape.exec(detail); found !== null; found = shape.exec(detail)) {
    parameters.push(found[1] === undefined ? null : found[1].replaceAll("''", "'"));
  }
  return parameters;
}
