// SPDX-License-Identifier: Apache-2.0

/**
 * One pass over the tokens of a text: where statements end, what each does, what it names, its shape.
 *
 * It follows clauses by parentheses and keywords and does not parse: SQL that the server refuses gives some answer too.
 * What it must not do is be talked out of an answer: comments, literals and quoted names never count as words, a
 * statement that changes data is found wherever the grammar lets it stand, and the bodies of DO and CREATE FUNCTION are
 * read as the code that they are. SQL that a body puts together at run time (EXECUTE '…') is not seen.
 */
import { Command } from './command.ts';
import { type Frame, newFrame } from './frame.ts';
import { KEYWORDS, NAME_MODIFIERS, RESERVED } from './keywords.ts';
import { Lexer, Token, type TokenKind } from './lexer.ts';
import { nameInQuotes, shownName, textInQuotes } from './quoting.ts';
import { ResourceList } from './resource-list.ts';
import { ShapeWriter } from './shape-writer.ts';
import type { Statement } from './statement.ts';
import { VerbList } from './verbs.ts';
import { WhereClause } from './where-clause.ts';

/** Statements told apart in one text; what is behind counts as one more. A text of more is a dump that is loaded. */
const STATEMENTS_MAX = 1000;
/** Levels of parentheses that are followed; deeper ones are written to the shape and not looked at. */
const DEPTH_MAX = 1000;
/** Characters of a literal that matter in a WHERE: two long ones that begin alike are hardly compared with each other. */
const LITERAL_LENGTH_MAX = 64;

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/));

const QUERY_VERBS = setOf('select insert update delete merge values table');
const MODIFYING_VERBS = setOf('insert update delete merge');
/** Behind these words a FROM clause is over. */
const FROM_ENDS = setOf(
  'where group order having limit offset union intersect except window for returning set fetch when',
);
/** In procedural code a statement may begin behind these words. */
const STARTERS = setOf('begin then else loop in query atomic do');
const CONSTANTS = setOf('null true false');
/** Keywords behind which a value stands. */
const LEADS_VALUE = setOf('and between case distinct else in limit offset or returning select then to when');

export interface ScanOptions {
  /** standard_conforming_strings is off. */
  readonly backslashQuotes?: boolean;
}

/** Split `text` into its statements and say of each what it does. Texts of white space and comments have none. */
export function scanStatements(text: string, options: ScanOptions = {}): Statement[] {
  const statements = new Scan(text, options.backslashQuotes ?? false, false).run();
  const only = statements.length === 1 ? statements[0] : undefined;
  return only === undefined ? statements : [{ ...only, text }];
}

class Scan {
  readonly #lexer: Lexer;
  readonly #backslashQuotes: boolean;
  /** The text is the body of a DO or a function: one "statement", in which many may stand. */
  readonly #isBody: boolean;
  readonly #shape = new ShapeWriter();
  readonly #resources = new ResourceList();
  readonly #verbs = new VerbList();
  readonly #command = new Command(this.#resources);
  readonly #statements: Statement[] = [];

  #frames: Frame[] = [newFrame(true)];
  #frame = this.#frames[0] as Frame;
  /** Open parentheses beyond DEPTH_MAX. */
  #tooDeep = 0;
  #textStart = 0;
  #isEmpty = true;
  /** The last two tokens as they count here: a word or symbol, '?' for a literal, 'name' for a quoted name. */
  #last = '';
  #beforeLast = '';
  /** A sign that belongs to the number behind it, if one comes. */
  #heldSign = '';
  #explain: 'no' | 'plan' | 'run' = 'no';
  #isSelectInto = false;
  /** In BEGIN ATOMIC … END: how many ENDs are to come. */
  #atomicDepth = 0;
  #isAfterStarter = false;
  #hasBody = false;

  constructor(text: string, backslashQuotes: boolean, isBody: boolean) {
    this.#lexer = new Lexer(text, backslashQuotes);
    this.#backslashQuotes = backslashQuotes;
    this.#isBody = isBody;
  }

  run(): Statement[] {
    const lexer = this.#lexer;
    for (let kind = lexer.next(); kind !== Token.end; kind = lexer.next()) this.#token(kind);
    if (!this.#isBody) this.#endStatement(lexer.text.length);
    return this.#statements;
  }

  #token(kind: TokenKind): void {
    const { text, start, end } = this.#lexer;
    switch (kind) {
      case Token.word:
        this.#word(text.slice(start, end).toLowerCase());
        break;
      case Token.quotedName:
        this.#quotedName(nameInQuotes(text.slice(start, end)));
        break;
      case Token.operator:
        this.#operator(text.slice(start, end));
        break;
      case Token.symbol:
        this.#symbol(text[start] ?? '');
        break;
      default:
        if (this.#isCode(kind)) this.#code(textInQuotes(text.slice(start, end), kind));
        else this.#literal(text.slice(start, Math.min(end, start + LITERAL_LENGTH_MAX)));
    }
  }

  // Words

  #word(word: string): void {
    this.#begin();
    if (CONSTANTS.has(word) && isValuePlace(this.#last)) {
      this.#endName(word);
      this.#noteWhere(word);
      this.#write('?');
      return;
    }
    if (this.#isAfterStarter && (QUERY_VERBS.has(word) || word === 'with')) this.#restart();
    this.#isAfterStarter = this.#isBody && STARTERS.has(word);
    if (this.#tooDeep === 0) {
      if (this.#frame.inFrom && FROM_ENDS.has(word)) this.#frame.inFrom = false;
      if (!this.#takeName(word, word)) this.#clause(word);
    }
    this.#noteWhere(word);
    this.#shape.word(word);
    this.#moveLast(word);
  }

  #quotedName(name: string): void {
    this.#begin();
    if (this.#tooDeep === 0) {
      const frame = this.#frame;
      if (frame.head && frame.withState === 'name') this.#withName(name);
      else if (!this.#takeName(name, '')) frame.head = frame.head && frame.withState !== 'no';
    }
    this.#noteWhere('name');
    const shown = shownName(name);
    if (KEYWORDS.has(shown)) this.#shape.token(`"${shown}"`, true);
    else this.#shape.token(shown, true);
    this.#moveLast('name');
  }

  /** Take a name, written as `word` ('' in quotes), if one may stand here. */
  #takeName(name: string, word: string): boolean {
    const resources = this.#resources;
    const command = this.#command;
    const isOfCommand = command.first !== '' && this.#frames.length === 1;
    if (isOfCommand && command.beforeName(this.#frame, name, word)) {
      command.word(this.#frame, word, this.#lexer.end);
      return true;
    }
    if (resources.expecting && NAME_MODIFIERS.has(word)) return false;
    if (resources.expecting && RESERVED.has(word)) {
      resources.other(word);
      return false;
    }
    // A comma separates names.
    const isTaken = resources.take(name.replaceAll(',', '_'));
    if (!isTaken) resources.other(word);
    else if (isOfCommand && word !== '') command.word(this.#frame, word, this.#lexer.end);
    else if (this.#frame.inFrom && isQuery(this.#frame.verb)) this.#frame.head = false;
    return isTaken;
  }

  /** A word that is no name: does it begin or end a clause? */
  #clause(word: string): void {
    const frame = this.#frame;
    const resources = this.#resources;
    if (frame.head) {
      this.#head(frame, word);
      return;
    }
    this.#atomic(word);
    switch (word) {
      case 'from':
        if (!isQuery(frame.verb) || (this.#last === 'distinct' && /^(is|not)$/.test(this.#beforeLast))) return;
        frame.inFrom = true;
        resources.expect(true);
        return;
      case 'join':
        if (isQuery(frame.verb)) resources.expect(true);
        return;
      case 'using':
        if (frame.verb !== 'delete' && frame.verb !== 'merge') break;
        frame.inFrom = true;
        resources.expect(true);
        return;
      case 'into':
        if (frame.verb === 'insert' || frame.verb === 'merge') resources.expect(false);
        if (frame.verb === 'select' && this.#frames.length === 1 && !this.#isBody) {
          this.#isSelectInto = true;
          resources.expect(false);
        }
        return;
      case 'where':
        if (frame.verbEntry === undefined) return;
        frame.verbEntry.bounded = true;
        frame.where = new WhereClause();
        return;
      case 'returning':
        this.#closeWhere(frame);
        return;
      case 'analyze':
      case 'analyse':
        if (this.#isInExplainOptions()) this.#explain = 'run';
        break;
    }
    if (this.#command.first !== '' && this.#frames.length === 1) this.#command.word(frame, word, this.#lexer.end);
  }

  /** A word at the beginning of a level, or among the queries of its WITH. */
  #head(frame: Frame, word: string): void {
    switch (frame.withState) {
      case 'name':
        if (word === 'recursive' && frame.withName === '' && !frame.recursive) frame.recursive = true;
        else this.#withName(word);
        return;
      case 'as':
        if (word === 'as') frame.withState = 'body';
        return;
      case 'body':
        return;
    }
    const isStatement = this.#frames.length === 1;
    const isAnalyze = word === 'analyze' || word === 'analyse';
    if (word === 'with' && frame.withState === 'no') {
      frame.withState = 'name';
    } else if (QUERY_VERBS.has(word) && (frame.mayModify || !MODIFYING_VERBS.has(word))) {
      this.#verb(frame, word);
    } else if (frame.withState === 'done') {
      // SEARCH and CYCLE clauses stand between a WITH query and the main verb.
    } else if (isStatement && word === 'explain' && this.#command.first === '') {
      this.#explain = 'plan';
    } else if (isStatement && this.#explain !== 'no' && NAME_MODIFIERS.has(word)) {
      if (isAnalyze) this.#explain = 'run';
    } else {
      frame.head = false;
      if (isStatement) this.#command.word(frame, word, this.#lexer.end);
      else if (isAnalyze && this.#isInExplainOptions()) this.#explain = 'run';
    }
  }

  #verb(frame: Frame, word: string): void {
    frame.head = false;
    frame.verb = word;
    frame.inFrom = false;
    if (frame.mayModify) {
      const entry = this.#verbs.add(word.toUpperCase());
      if (word === 'update' || word === 'delete') frame.verbEntry = entry;
    }
    if (word === 'update' || word === 'table') this.#resources.expect(false);
  }

  #withName(name: string): void {
    const frame = this.#frame;
    frame.withName = name;
    frame.withState = 'as';
    if (frame.recursive) this.#resources.hide(name);
  }

  /** EXPLAIN (analyze, …): the level below holds its options. */
  #isInExplainOptions(): boolean {
    return this.#explain === 'plan' && this.#frames.length === 2 && this.#frames[0]?.head === true;
  }

  /** BEGIN ATOMIC … END of a function: its semicolons do not end the CREATE. */
  #atomic(word: string): void {
    if (word === 'atomic' && this.#last === 'begin' && this.#command.first === 'create') this.#atomicDepth = 1;
    else if (this.#atomicDepth > 0 && word === 'case') this.#atomicDepth++;
    else if (this.#atomicDepth > 0 && word === 'end') this.#atomicDepth--;
  }

  // Everything else

  #symbol(symbol: string): void {
    const isEnd = symbol === ';' && this.#frames.length === 1 && this.#atomicDepth === 0;
    if (isEnd && !this.#isBody && this.#statements.length < STATEMENTS_MAX - 1) {
      this.#endStatement(this.#lexer.start);
      return;
    }
    this.#begin();
    const isForTables = this.#resources.expecting && isQuery(this.#frame.verb);
    this.#endName(symbol);
    const frame = this.#frame;
    if (symbol === '(') {
      this.#open(frame, isForTables);
    } else if (symbol === ')') {
      this.#close(frame);
    } else if (symbol === ',' && this.#tooDeep === 0) {
      if (frame.withState === 'done' && frame.head) frame.withState = 'name';
      else if (frame.inFrom) this.#resources.expect(isQuery(frame.verb));
    } else if (isEnd) {
      this.#restart();
    }
    this.#noteWhere(symbol);
    this.#write(symbol);
  }

  /** `isForTables`: a name could stand here; it is `(a JOIN b)` then, or a query. */
  #open(frame: Frame, isForTables: boolean): void {
    if (this.#frames.length >= DEPTH_MAX) {
      this.#tooDeep++;
      return;
    }
    const isWithQuery = frame.head && frame.withState === 'body';
    const isCopied = this.#last === 'copy' && this.#frames.length === 1 && this.#command.isAtName;
    this.#frame = newFrame(isWithQuery || isCopied);
    this.#frames.push(this.#frame);
    if (!isForTables) return;
    this.#frame.verb = frame.verb;
    this.#frame.inFrom = true;
    this.#resources.expect(true);
  }

  #close(frame: Frame): void {
    if (this.#tooDeep > 0) {
      this.#tooDeep--;
      return;
    }
    if (this.#frames.length === 1) return;
    this.#closeVerb(frame);
    this.#frames.pop();
    const outer = this.#frames[this.#frames.length - 1] as Frame;
    this.#frame = outer;
    if (this.#frames.length === 1) this.#command.afterParentheses();
    if (!outer.head) return;
    if (outer.withState === 'body') {
      this.#resources.hide(outer.withName);
      outer.withState = 'done';
    } else if (outer.withState !== 'as' && isQuery(frame.verb)) {
      // "(select …) union …": the parenthesis was the verb.
      outer.head = false;
      outer.verb = frame.verb;
    }
  }

  #operator(operator: string): void {
    this.#begin();
    this.#endName(operator);
    if ((operator === '-' || operator === '+') && isValuePlace(this.#last)) {
      this.#heldSign = operator;
      return;
    }
    this.#noteWhere(operator);
    this.#write(operator);
  }

  #literal(shown: string): void {
    this.#heldSign = '';
    this.#isEmpty = false;
    this.#endName('?');
    this.#noteWhere(shown);
    this.#write('?');
  }

  /** Is this string the body of DO or CREATE FUNCTION? */
  #isCode(kind: TokenKind): boolean {
    if (kind !== Token.dollarString && kind !== Token.string) return false;
    if (this.#isBody || this.#hasBody) return false;
    return this.#command.first === 'do' || (this.#command.isFunction && this.#last === 'as');
  }

  #code(text: string): void {
    this.#begin();
    this.#hasBody = true;
    this.#endName('$$');
    const body = new Scan(text, this.#backslashQuotes, true);
    body.run();
    body.#closeVerb(body.#frame);
    if (this.#command.first === 'do') {
      this.#verbs.include(body.#verbs);
      this.#resources.include(body.#resources);
    }
    this.#write('$$');
    this.#shape.shape(body.#shape.take());
    this.#write('$$');
  }

  // Bookkeeping

  /** A token comes that is no number: a sign before it stands for itself. */
  #begin(): void {
    this.#isEmpty = false;
    if (this.#heldSign === '') return;
    const sign = this.#heldSign;
    this.#heldSign = '';
    this.#noteWhere(sign);
    this.#write(sign);
  }

  #write(token: string): void {
    this.#shape.token(token);
    this.#moveLast(token);
  }

  #moveLast(token: string): void {
    this.#beforeLast = this.#last;
    this.#last = token;
  }

  #endName(token: string): void {
    if (this.#tooDeep === 0) this.#resources.other(token);
  }

  /** Tell the WHERE that the token stands in, if it is near: what is nested deeper is a condition anyway. */
  #noteWhere(token: string): void {
    const frames = this.#frames;
    for (let i = frames.length - 1; i >= 0 && i >= frames.length - 4; i--) {
      const where = frames[i]?.where;
      if (where === undefined) continue;
      if (token !== 'where') where.token(token, i < frames.length - 1);
      return;
    }
  }

  #closeWhere(frame: Frame): void {
    if (frame.where !== undefined && frame.verbEntry !== undefined) frame.verbEntry.bounded = frame.where.end();
    frame.where = undefined;
  }

  #closeVerb(frame: Frame): void {
    this.#closeWhere(frame);
    if (frame.verbEntry !== undefined) this.#verbs.close(frame.verbEntry);
    frame.verbEntry = undefined;
  }

  /** The next statement begins, of the text or of the body. */
  #restart(): void {
    for (const frame of this.#frames) this.#closeVerb(frame);
    this.#frame = newFrame(true);
    this.#frames = [this.#frame];
    this.#tooDeep = 0;
    this.#command.clear();
    this.#resources.flush();
  }

  #endStatement(end: number): void {
    const textStart = this.#textStart;
    this.#textStart = this.#lexer.end;
    if (this.#isEmpty) return;
    this.#begin();
    for (const frame of this.#frames) this.#closeVerb(frame);
    this.#statements.push(this.#statement(textStart, end));
    this.#restart();
    this.#resources.clear();
    this.#verbs.clear();
    this.#isEmpty = true;
    this.#last = '';
    this.#beforeLast = '';
    this.#explain = 'no';
    this.#isSelectInto = false;
    this.#atomicDepth = 0;
    this.#hasBody = false;
  }

  #statement(start: number, end: number): Statement {
    const { text } = this.#lexer;
    const { first, secondName, preparedStart } = this.#command;
    const name = this.#name();
    const isRun = this.#explain !== 'plan' && (first === '' || first === 'copy' || first === 'do');
    const leads = this.#explain === 'run' || first !== '' ? name : '';
    const statement: Statement = {
      text: text.slice(start, end).trim(),
      operation: isRun ? this.#verbs.operation(name) : name,
      verbs: isRun ? this.#verbs.text(leads) : '',
      resource: this.#resources.text(),
      shape: this.#shape.take(),
      unbounded: isRun && this.#verbs.unbounded,
    };
    if (first === 'execute') return { ...statement, executes: secondName };
    if (first === 'deallocate') return { ...statement, deallocates: secondName === 'all' ? '' : secondName };
    if (first !== 'prepare' || preparedStart < 0) return statement;
    return { ...statement, prepares: { name: secondName, text: text.slice(preparedStart, end).trim() } };
  }

  #name(): string {
    if (this.#explain !== 'no') return this.#explain === 'run' ? 'EXPLAIN ANALYZE' : 'EXPLAIN';
    if (this.#command.first === '') {
      return this.#isSelectInto ? 'SELECT INTO' : (this.#frames[0]?.verb ?? '').toUpperCase();
    }
    const { name } = this.#command;
    return name === 'CREATE TABLE' && !this.#verbs.isEmpty ? 'CREATE TABLE AS' : name;
  }
}

function isQuery(verb: string): boolean {
  return QUERY_VERBS.has(verb);
}

/** May a value stand behind `last`? Then a minus sign belongs to a number, and NULL is a value and no part of IS NULL. */
function isValuePlace(last: string): boolean {
  if (last === '' || last === '(' || last === ',' || last === '[') return true;
  if (last === ')' || last === ']' || last === '?' || last === '.' || last === ';' || last === 'name') return false;
  const code = last.charCodeAt(0);
  const isWord = (code >= 0x61 && code <= 0x7a) || code === 0x5f || code >= 0x80;
  return isWord ? LEADS_VALUE.has(last) : last !== '::';
}
