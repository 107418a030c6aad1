// SPDX-License-Identifier: Apache-2.0

/**
 * Secrets among the words of a command: options whose names say it, what programs take without saying it (tools.ts), and
 * what stands in a single word: a URL, JSON, a header, SQL, a script for a shell.
 */
import { PlainScan } from './plain-scan.ts';
import { meaningOfName } from './secret-name.ts';
import { colonBeforeSecret, isPlaceholder, isSecret, looksLikeCredential, looksLikePassword } from './secret-value.ts';
import { shellSpans } from './shell-scan.ts';
import { addAll, joined, type Span } from './span.ts';
import { scanSql } from './sql-scan.ts';
import { SHELLS, TOOLS, type Tool } from './tools.ts';

const NAMED = /^(-{0,2})([\w.:/-]{1,160})=/;
const SQL = /^\s*(?:alter|begin|call|copy|create|delete|do|grant|insert|merge|select|set|update|with)\b/i;
/** A subcommand stands among the first words behind the program, and its argument among the first behind it. */
const CONDITION_WORDS_MAX = 16;
/** A command in a command in a command. */
const DEPTH_MAX = 4;

/** For each word its secrets, as places in that word. */
export function wordSpans(words: readonly string[], depth = 0): readonly (readonly Span[])[] {
  return new CommandWords(words, depth).spans();
}

class CommandWords {
  readonly #words: readonly string[];
  readonly #depth: number;
  readonly #found: Span[][];
  /** Those whose condition holds. */
  #tools: readonly Tool[] = [];
  #isShell = false;
  #isRemote = false;
  /** Words that are scripts for a shell: `NAME=value program` is no assignment of all that. */
  readonly #scripts = new Set<number>();
  #toolAt = 0;

  constructor(words: readonly string[], depth: number) {
    this.#words = words;
    this.#depth = depth;
    this.#found = words.map(() => []);
  }

  spans(): readonly (readonly Span[])[] {
    this.#words.forEach((word, at) => {
      this.#program(word, at);
      if (this.#isShell && /^-[a-z]*c$/.test(word)) this.#script(at + 1);
      if (this.#isRemote && word.includes(' ')) this.#script(at);
      if (!this.#scripts.has(at)) this.#option(word, at);
      for (const tool of this.#tools) this.#tool(tool, word, at);
      this.#within(word, at);
    });
    return this.#found.map((spans) => joined(spans.toSorted((one, other) => one.from - other.from)));
  }

  #program(word: string, at: number): void {
    if (word.startsWith('-') || word.length > 256) return;
    const name = word.slice(word.lastIndexOf('/') + 1);
    // `docker exec db mysql -pSECRET`: the program may be any word of the command.
    if (Object.hasOwn(TOOLS, name)) {
      const others = this.#words.slice(at + 1, at + 1 + CONDITION_WORDS_MAX);
      this.#tools = (TOOLS[name] as readonly Tool[]).filter(
        ({ when }) => when === undefined || others.some((other) => when.includes(other)),
      );
      this.#toolAt = at;
    }
    this.#isShell ||= SHELLS.has(name);
    this.#isRemote ||= name === 'ssh';
  }

  /** --password SECRET, --password=SECRET, NAME=SECRET; the value is all that stands behind the sign. */
  #option(word: string, at: number): void {
    const named = NAMED.exec(word);
    if (named !== null) {
      const name = named[2] as string;
      if (this.#isNamed(name, word.slice(named[0].length))) this.#add(at, named[0].length);
      return;
    }
    if (!/^--?[A-Za-z][\w.-]{1,80}$/.test(word)) return;
    const next = this.#words[at + 1];
    if (next !== undefined && !next.startsWith('-') && this.#isNamed(word, next)) this.#add(at + 1, 0);
  }

  #isNamed(name: string, value: string): boolean {
    const meaning = meaningOfName(name);
    if (meaning === 'secret') return isSecret(value, name);
    if (meaning !== 'doubtful') return false;
    if (name === 'TOKEN') return isSecret(value, name);
    if (/pass$/i.test(name)) return looksLikePassword(value);
    // An option that takes a token takes no word of prose.
    return /token$/i.test(name) && name.startsWith('-') ? isSecret(value, name) : looksLikeCredential(value);
  }

  #tool(tool: Tool, word: string, at: number): void {
    if (tool.next?.includes(word)) this.#secretAt(at + 1);
    if (tool.cookies?.includes(word) && this.#words[at + 1]?.includes('=')) this.#add(at + 1, 0);
    for (const option of tool.attached ?? []) {
      if (word.startsWith(option) && word.length > option.length) this.#secretAt(at, option.length);
    }
    for (const option of tool.pairs ?? []) this.#pair(tool, option, word, at);
    for (const option of tool.literals ?? []) {
      if (word.startsWith(`${option}=`)) this.#add(at, word.indexOf('=', option.length + 1) + 1);
      else if (word === option) this.#add(at + 1, (this.#words[at + 1]?.indexOf('=') ?? -1) + 1);
    }
    if (tool.namesThenValue && !word.startsWith('-') && meaningOfName(word) === 'secret') this.#secretAt(at + 1);
    if (tool.assignments && at > this.#toolAt && /^[\w.-]+=[^@]/.test(word)) this.#add(at, word.indexOf('=') + 1);
    if (tool.behindWords?.includes(word)) {
      const others = this.#words.slice(at + 1, at + 1 + CONDITION_WORDS_MAX);
      const behind = others.findIndex((one) => !one.startsWith('-') && !one.includes('='));
      if (behind >= 0) this.#secretAt(at + 1 + behind);
    }
    if (tool.lastWith !== undefined && at === this.#words.length - 1 && at - this.#toolAt >= 3) {
      const options = this.#words.slice(this.#toolAt, at).filter((one) => /^-[A-Za-z]+$/.test(one));
      if (options.some((one) => one.includes((tool.lastWith as string).slice(1)))) this.#add(at, 0);
    }
    if (tool.slashed && at > this.#toolAt) {
      const slashed = /^([\w$#]{1,128}\/)([^@/]+)(?:@|$)/.exec(word);
      if (slashed !== null) this.#add(at, slashed[1]!.length, slashed[1]!.length + slashed[2]!.length);
    }
  }

  /** `-u user:SECRET`, `-uuser:SECRET`, `--user=user:SECRET` */
  #pair(tool: Tool, option: string, word: string, at: number): void {
    const isLong = option.startsWith('--');
    // Short options may stand together: -sSu user:SECRET.
    const isLastOfSeveral = !isLong && /^-[A-Za-z]{2,8}$/.test(word) && word.endsWith(option.slice(1));
    const isNext = word === option || isLastOfSeveral;
    if (!isNext && !word.startsWith(isLong ? `${option}=` : option)) return;
    const [place, from] = isNext ? [at + 1, 0] : [at, option.length + (isLong ? 1 : 0)];
    const sign = colonBeforeSecret(this.#words[place] ?? '', from, tool.pairSign);
    if (sign >= 0) this.#add(place, sign + 1);
  }

  #secretAt(at: number, from = 0): void {
    const word = this.#words[at];
    if (word === undefined || (from === 0 && word.startsWith('-'))) return;
    // Of OpenSSL: pass:SECRET, and where it is to be found otherwise.
    if (/^(?:env|file|fd):/.test(word) || word === 'stdin') return;
    this.#add(at, from === 0 && word.startsWith('pass:') ? 5 : from);
  }

  #add(at: number, from: number, to = this.#words[at]?.length ?? 0): void {
    const secret = this.#words[at]?.slice(from, to) ?? '';
    if (from < 0 || isPlaceholder(secret)) return;
    this.#found[at]?.push({ from, to, kind: 'secret', secret });
  }

  #script(at: number): void {
    const script = this.#words[at];
    if (script === undefined || this.#depth >= DEPTH_MAX) return;
    this.#scripts.add(at);
    addAll(this.#found[at] as Span[], shellSpans(script, this.#depth + 1));
  }

  #within(word: string, at: number): void {
    if (word.length < 6) return;
    const found = this.#found[at] as Span[];
    addAll(found, new PlainScan(word).run(0, word.length).spans);
    if (SQL.test(word)) addAll(found, scanSql(word).spans);
    // `ssh host 'mysql -pSECRET'`: words for somebody else's shell.
    else if (word.includes(' ') && !this.#isShell && !this.#scripts.has(at) && this.#depth < DEPTH_MAX) {
      addAll(found, shellSpans(word, this.#depth + 1));
    }
  }
}
