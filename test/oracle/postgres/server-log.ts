// SPDX-License-Identifier: Apache-2.0

/**
 * The server's own account of what it was asked: its JSON log → statements of each connection, in order, and logins.
 *
 * With log_statement = all and log_min_duration_statement = 0 the log has, for each
 *
 *   simple query   `statement: TEXT`, then `duration: …`; several statements in one query are one line
 *   Parse          `duration: … parse NAME: TEXT`
 *   Bind           `duration: … bind NAME/PORTAL: TEXT`, values in the detail
 *   Execute        `execute NAME/PORTAL: TEXT`, values in the detail, then `duration: …`
 *   function call  `fastpath function call: "NAME" (OID n)`, then `duration: …`
 *   failure        severity ERROR with the text in `statement`; what was not begun has only that line
 *
 * README.md says what it does not have.
 */

export interface LoggedStatement {
  /** The client's port: which connection it was. */
  readonly clientPort: number;
  /** A unix socket has no port; the server's process is known of every connection. */
  readonly serverPid: number;
  /**
   * 'statement': a simple query, as a whole. 'execute': one Execute. 'call': a function call. 'prepare': a Parse that no
   * Bind followed at once, or a named one. 'bind': a Bind that was not executed. 'refused': wrong before it ran.
   */
  readonly kind: 'statement' | 'execute' | 'call' | 'prepare' | 'bind' | 'refused';
  /** Of the prepared statement; '' for the unnamed one, undefined when the log does not tell. */
  readonly name: string | undefined;
  /** Of a 'call': the function as "function OID". */
  readonly text: string;
  /** NULL is null; undefined when the log does not tell them all. */
  readonly parameters: readonly (string | null)[] | undefined;
  /** SQLSTATE and message when it failed. */
  error: { readonly code: string; readonly message: string } | undefined;
  /** What the server told the client beside the result, as "SEVERITY: message". */
  readonly notices: string[];
  /** As pg_stat_statements has it; '0' when it was not computed. */
  queryId: string;
  /** When the line was written: after the request had come, before its reply was complete. */
  readonly atMs: number;
  /** From when the server had read the request, where it says so. Of an 'execute' without Parse and Bind. */
  durationMs: number | undefined;
  /** The role that was logged in. */
  readonly user: string;
}

export interface LoggedLogin {
  readonly clientPort: number;
  readonly serverPid: number;
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  /** Of one that was refused. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
}

interface LogLine {
  readonly timestamp: string;
  readonly pid: number;
  readonly remote_port?: number;
  readonly error_severity: string;
  readonly state_code?: string;
  readonly message?: string;
  readonly detail?: string;
  readonly statement?: string;
  readonly context?: string;
  readonly user?: string;
  readonly dbname?: string;
  readonly backend_type?: string;
  readonly query_id?: string;
  readonly ps?: string;
}

/** Statements in the order in which the server logged them. */
export function readServerLog(text: string): LoggedStatement[] {
  const statements: LoggedStatement[] = [];
  const sessions = new Map<number, SessionLog>();
  for (const line of linesOf(text)) {
    let session = sessions.get(line.pid);
    if (session === undefined) {
      session = new SessionLog((statement) => statements.push(statement));
      sessions.set(line.pid, session);
    }
    session.take(line);
  }
  for (const session of sessions.values()) session.end();
  return statements;
}

/** Logins in the order in which they were granted or refused; connections that ended before that are none. */
export function readLogins(text: string): LoggedLogin[] {
  const logins = new Map<number, LoggedLogin>();
  for (const line of linesOf(text)) {
    const about = { clientPort: line.remote_port ?? 0, serverPid: line.pid };
    const granted =
      /^connection authorized: user=(.*?) database=(.*?)(?: application_name=(.*?))?(?: SSL enabled.*)?$/.exec(
        line.message ?? '',
      );
    if (line.error_severity === 'LOG' && granted !== null) {
      const [, user = '', database = '', applicationName = ''] = granted;
      logins.set(line.pid, { ...about, user, database, applicationName, error: undefined });
    } else if (line.error_severity === 'FATAL' && BEFORE_THE_FIRST_STATEMENT.has(line.ps ?? '')) {
      // A database that is not there, a role with too many connections: found out when the client was authorized already.
      const error = { code: line.state_code ?? '', message: line.message ?? '' };
      const { user = '', dbname: database = '' } = line;
      logins.set(line.pid, { ...about, user, database, applicationName: '', error });
    }
  }
  return [...logins.values()];
}

/** What the server's process calls itself until it has told the client that it is ready. */
const BEFORE_THE_FIRST_STATEMENT = new Set(['startup', 'authentication']);

function* linesOf(text: string): Generator<LogLine> {
  for (const json of text.split('\n')) {
    if (json === '') continue;
    // 64 bits, which a number of JavaScript does not hold. Inside of a text the quotes would be escaped.
    const line = JSON.parse(json.replace(/"query_id":(-?\d+)/, '"query_id":"$1"')) as LogLine;
    if (line.backend_type === 'client backend') yield line;
  }
}

/** The lines of one session, put together. */
class SessionLog {
  readonly #give: (statement: LoggedStatement) => void;
  /** Begun, and its duration not told yet. */
  #running: LoggedStatement | undefined;
  #last: LoggedStatement | undefined;
  /** A Parse or Bind that what follows may belong to. */
  #parsed: LoggedStatement | undefined;
  #bound: LoggedStatement | undefined;
  /** Told before the line of the statement that they are about. */
  #earlyNotices: string[] = [];

  constructor(give: (statement: LoggedStatement) => void) {
    this.#give = give;
  }

  take(line: LogLine): void {
    const { error_severity: severity, message = '' } = line;
    if (severity === 'LOG') this.#takeLog(line, message);
    else if (severity === 'NOTICE' || severity === 'WARNING' || severity === 'INFO') {
      (this.#running?.notices ?? this.#earlyNotices).push(`${severity}: ${message}`);
    } else if (severity === 'ERROR' || severity === 'FATAL') this.#takeError(line);
  }

  end(): void {
    if (this.#parsed !== undefined) this.#add(this.#parsed);
    if (this.#bound !== undefined) this.#add(this.#bound);
    this.#parsed = undefined;
    this.#bound = undefined;
  }

  #takeLog(line: LogLine, message: string): void {
    const step = /^duration: ([\d.]+) ms(?: {2}(parse|bind) (\S+): ([\s\S]*))?$/.exec(message);
    if (step !== null) {
      const [, ms, what, names = '', text = ''] = step;
      if (what === undefined) this.#complete(line, Number(ms));
      else if (what === 'parse') this.#takeParse(statementOf(line, 'prepare', names, text));
      else this.#takeBind(statementOf(line, 'bind', names, text));
      return;
    }
    const execute = /^execute (fetch from )?(\S+): ([\s\S]*)$/.exec(message);
    const call = /^fastpath function call: .* \(OID (\d+)\)$/.exec(message);
    if (execute !== null) {
      const [, again, names = '', text = ''] = execute;
      if (again === undefined && this.#bound?.text === text) this.#bound = undefined;
      this.#begin(statementOf(line, 'execute', names, text));
    } else if (message.startsWith('statement: ')) {
      this.#begin(statementOf(line, 'statement', undefined, message.slice('statement: '.length)));
    } else if (call !== null) {
      this.#begin({ ...statementOf(line, 'call', undefined, `function ${call[1]}`), parameters: undefined });
    }
  }

  #takeParse(parse: LoggedStatement): void {
    this.end();
    // What is prepared by name may run a thousand times, or never.
    if (parse.name === '') this.#parsed = parse;
    else this.#add(parse);
  }

  #takeBind(bind: LoggedStatement): void {
    if (bind.name === '' && this.#parsed?.text === bind.text) this.#parsed = undefined;
    this.end();
    this.#bound = bind;
  }

  #takeError(line: LogLine): void {
    const error = { code: line.state_code ?? '', message: line.message ?? '' };
    const { statement: text } = line;
    if (text === undefined) {
      // At a commit, when the text is forgotten already; or the session ends, which is no failure of a statement.
      if (line.error_severity === 'ERROR' && this.#last !== undefined) this.#last.error ??= error;
      return;
    }
    if (this.#running?.text === text && this.#running.error === undefined) {
      this.#running.error = error;
      this.#running = undefined;
      return;
    }
    if (this.#parsed?.text === text) this.#parsed = undefined;
    if (this.#bound?.text === text) this.#bound = undefined;
    const values = /portal with parameters: ([\s\S]*)/.exec(line.context ?? '')?.[1];
    const parameters = values === undefined ? undefined : parametersOf(values);
    const refused = { ...statementOf(line, 'refused', undefined, text), parameters, error };
    this.#begin(refused);
    this.#running = undefined;
  }

  #begin(statement: LoggedStatement): void {
    this.end();
    this.#add(statement);
    this.#running = statement;
  }

  #add(statement: LoggedStatement): void {
    statement.notices.unshift(...this.#earlyNotices);
    this.#earlyNotices = [];
    this.#last = statement;
    this.#give(statement);
  }

  #complete(line: LogLine, ms: number): void {
    const running = this.#running;
    if (running === undefined) return;
    running.durationMs = ms;
    if (line.query_id !== undefined && line.query_id !== '0') running.queryId = line.query_id;
    this.#running = undefined;
  }
}

/** `names`: NAME or NAME/PORTAL. */
function statementOf(
  line: LogLine,
  kind: LoggedStatement['kind'],
  names: string | undefined,
  text: string,
): LoggedStatement {
  const name = names?.split('/')[0];
  return {
    clientPort: line.remote_port ?? 0,
    serverPid: line.pid,
    kind,
    name: name === '<unnamed>' ? '' : name,
    text,
    parameters: parametersOf(line.detail?.startsWith('Parameters: ') ? line.detail : ''),
    error: undefined,
    notices: [],
    queryId: line.query_id ?? '0',
    atMs: Date.parse(line.timestamp.replace(' ', 'T').replace(' UTC', 'Z')),
    durationMs: undefined,
    user: line.user ?? '',
  };
}

/** `Parameters: $1 = '7', $2 = NULL, $3 = 'it''s'`; values of megabytes too, which a regular expression does not stand. */
export function parametersOf(detail: string): (string | null)[] {
  const parameters: (string | null)[] = [];
  const name = /\$\d+ = (NULL|')/gi;
  for (let found = name.exec(detail); found !== null; found = name.exec(detail)) {
    if (found[1] !== "'") {
      parameters.push(null);
      continue;
    }
    const start = name.lastIndex;
    let end = detail.indexOf("'", start);
    while (end >= 0 && detail[end + 1] === "'") end = detail.indexOf("'", end + 2);
    if (end < 0) break;
    parameters.push(detail.slice(start, end).replaceAll("''", "'"));
    name.lastIndex = end + 1;
  }
  return parameters;
}
