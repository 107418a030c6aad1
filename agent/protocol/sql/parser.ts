// SPDX-License-Identifier: Apache-2.0

/**
 * PostgreSQL's own parser (version 18, as WebAssembly): what a text is made of, in the server's words. The scanner beside it gives
 * an answer for every text; this one gives none for a text that the server would refuse, and the right one for all others.
 *
 * It is C in a sandbox of its own: whatever a text does to it, the rest of the agent's memory is out of its reach. After an end
 * that it was not written for (a full stack, a trap) its memory is not trusted any more: a new instance takes its place.
 */
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { Node } from './tree-node.ts';

/**
 * Longer texts are left to the scanner: they are mostly data, what the parser needs grows with them (some 10 ms for the worst
 * text of this length), and so does its stack: with four times as much it overflows.
 */
export const PARSED_LENGTH_MAX = 8 * 1024;
/** A tree as JSON; one that is larger is of a text that nobody wrote by hand. */
const TREE_LENGTH_MAX = 2 * 1024 * 1024;
/** New instances in the life of a process. Each is a megabyte that is compiled again, and none should be needed. */
const INSTANCES_MAX = 16;

/** What the package's module offers; it exports pointers into its own memory. */
interface Instance {
  _malloc(size: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(text: number): number;
  _wasm_free_parse_result(result: number): void;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, size: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: 'i32'): number;
}

/** A statement of a text; places are bytes of its UTF-8. */
export interface ParsedStatement {
  readonly stmt: Node;
  readonly stmt_location?: number;
  /** Left out when it reaches to the end. */
  readonly stmt_len?: number;
}

export interface ParserCounts {
  parsed: number;
  /** The server would refuse the text, too. */
  refused: number;
  tooLong: number;
  /** Ends that it was not written for, and texts that came before a new instance was there. */
  failed: number;
}

/** Since the process began; what is not parsed is scanned. */
export const parserCounts: ParserCounts = { parsed: 0, refused: 0, tooLong: 0, failed: 0 };

// The optimising compiler's memory (50 MB, for good) is worth more than the 20 µs that it saves a text which is new.
setFlagsFromString('--liftoff-only');
const instantiate = createRequire(import.meta.url)('libpg-query/wasm/libpg-query.js') as () => Promise<Instance>;
let instances = 1;
let instance: Instance | undefined = await instantiate();

/** The statements of `text`; undefined when the parser has no answer. */
export function parse(text: string): readonly ParsedStatement[] | undefined {
  // Its texts end at the first NUL; PostgreSQL's, too.
  if (text.length > PARSED_LENGTH_MAX || text.includes('\0')) {
    parserCounts.tooLong++;
    return undefined;
  }
  if (instance === undefined) {
    parserCounts.failed++;
    return undefined;
  }
  try {
    const tree = treeOf(instance, text);
    if (tree === undefined) parserCounts.refused++;
    else parserCounts.parsed++;
    return tree;
  } catch {
    parserCounts.failed++;
    replace();
    return undefined;
  }
}

/** The result is three pointers: tree as JSON, what was printed, error. */
function treeOf(parser: Instance, text: string): readonly ParsedStatement[] | undefined {
  const size = parser.lengthBytesUTF8(text) + 1;
  const pointer = parser._malloc(size);
  parser.stringToUTF8(text, pointer, size);
  const result = parser._wasm_parse_query_raw(pointer);
  parser._free(pointer);
  if (result === 0) throw new Error('out of memory');
  const json = parser.getValue(result + 8, 'i32') === 0 ? parser.UTF8ToString(parser.getValue(result, 'i32')) : '';
  parser._wasm_free_parse_result(result);
  if (json === '' || json.length > TREE_LENGTH_MAX) return undefined;
  return (JSON.parse(json) as { stmts?: readonly ParsedStatement[] }).stmts ?? [];
}

function replace(): void {
  instance = undefined;
  instances++;
  if (instances > INSTANCES_MAX) return;
  instantiate().then(
    (made) => {
      instance = made;
    },
    () => {},
  );
}
