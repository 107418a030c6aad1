// SPDX-License-Identifier: Apache-2.0

/**
 * Sigma rules from YAML text. Each fault is reported with its file, line and cause; a file with a fault gives no rule.
 */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type YAMLMap } from 'yaml';
import { KINDS, type Kind } from '../model/activity.ts';
import { CollectorError } from '../model/error.ts';
import { ConditionError, parseCondition } from './condition.ts';
import { FieldError, parseFieldMatch } from './field-match.ts';
import { type Detection, LEVELS, type Level, type Rule } from './rule.ts';

/** Rules are written by hand; a file beyond this is something else. */
const FILE_CHARACTERS_MAX = 1 << 20;
const RULE_ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;
/** What Sigma knows and this reader does not use. Any other key is a slip of the pen. */
const OTHER_KEYS = new Set([
  'name',
  'related',
  'status',
  'author',
  'date',
  'modified',
  'references',
  'fields',
  'falsepositives',
  'license',
  'scope',
  'taxonomy',
]);
const KEYS = new Set(['id', 'title', 'description', 'level', 'tags', 'logsource', 'detection', ...OTHER_KEYS]);

class RuleReader {
  readonly #file: string;
  readonly #lines: LineCounter;

  constructor(file: string, lines: LineCounter) {
    this.#file = file;
    this.#lines = lines;
  }

  fail(node: unknown, cause: string): never {
    const range = (node as Node | undefined)?.range;
    const line = range == null ? 1 : this.#lines.linePos(range[0]).line;
    throw new CollectorError('rule_invalid', `${this.#file}:${line}: ${cause}`);
  }

  text(map: YAMLMap, key: string, required: boolean): string {
    const node = map.get(key, true);
    if (node === undefined && !required) return '';
    if (!isScalar(node) || typeof node.value !== 'string' || node.value.trim() === '') {
      this.fail(node ?? map, `"${key}" must be a text`);
    }
    return node.value;
  }

  rule(root: unknown): Rule {
    if (!isMap(root)) this.fail(root, 'a rule is a map with title, id, logsource, detection and level');
    for (const { key } of root.items) {
      const name = String(isScalar(key) ? key.value : key);
      if (!KEYS.has(name)) this.fail(key, `"${name}" is not a key of a rule`);
    }
    const id = this.text(root, 'id', true);
    if (!RULE_ID.test(id)) this.fail(root.get('id', true), '"id" must be letters, digits and hyphens, at most 64');
    const level = this.text(root, 'level', true);
    if (!LEVELS.includes(level as Level))
      this.fail(root.get('level', true), `"level" must be one of ${LEVELS.join(', ')}`);
    const { kinds, service } = this.#logsource(root);
    const detection = this.#detection(root);
    return {
      id,
      title: this.text(root, 'title', true),
      description: this.text(root, 'description', false),
      level: level as Level,
      tags: this.#tags(root),
      kinds,
      detection: service === undefined ? detection : { kind: 'all', of: [service, detection] },
      file: this.#file,
    };
  }

  #tags(root: YAMLMap): string[] {
    const node = root.get('tags', true);
    if (node === undefined) return [];
    const tags = isSeq(node) ? node.toJSON() : undefined;
    if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string'))
      this.fail(node, '"tags" must be a list of texts');
    return tags;
  }

  /** `product: sworn`; `category` is a kind of activity; `service` is a protocol. */
  #logsource(root: YAMLMap): { kinds: readonly Kind[]; service?: Detection } {
    const node = root.get('logsource', true);
    if (!isMap(node)) this.fail(node ?? root, '"logsource" must be a map with product: sworn');
    if (node.get('product') !== 'sworn') this.fail(node, '"logsource" must have product: sworn');
    for (const { key } of node.items) {
      const name = String(isScalar(key) ? key.value : key);
      if (!['product', 'category', 'service', 'definition'].includes(name))
        this.fail(key, `"${name}" is not known here`);
    }
    const category = node.get('category');
    if (category !== undefined && !KINDS.includes(category as Kind)) {
      this.fail(node.get('category', true), `"category" must be one of ${KINDS.join(', ')}`);
    }
    const kinds = category === undefined ? KINDS : [category as Kind];
    const service = node.get('service');
    if (service === undefined) return { kinds };
    if (typeof service !== 'string') this.fail(node.get('service', true), '"service" must be the name of a protocol');
    return { kinds, service: parseFieldMatch('protocol', service) };
  }

  #detection(root: YAMLMap): Detection {
    const node = root.get('detection', true);
    if (!isMap(node)) this.fail(node ?? root, '"detection" must be a map of selections and a condition');
    const selections = new Map<string, Detection>();
    let condition: unknown;
    for (const { key, value } of node.items) {
      const name = String(isScalar(key) ? key.value : key);
      if (name === 'condition') condition = value;
      else if (name === 'timeframe') this.fail(key, '"timeframe" belongs to aggregations, which are not supported');
      else selections.set(name, this.#selection(name, value));
    }
    if (!isScalar(condition) || typeof condition.value !== 'string') {
      this.fail(condition ?? node, '"condition" must be a text');
    }
    try {
      return parseCondition(condition.value, selections);
    } catch (error) {
      if (error instanceof ConditionError) this.fail(condition, `condition: ${error.message}`);
      throw error;
    }
  }

  /** A map means all of its fields; a list of maps means any of them. */
  #selection(name: string, node: unknown): Detection {
    if (isSeq(node)) {
      if (node.items.length === 0) this.fail(node, `"${name}" is an empty list`);
      return { kind: 'any', of: node.items.map((item) => this.#selection(name, item)) };
    }
    if (!isMap(node))
      this.fail(node, `"${name}" must be a map of fields, or a list of such maps; bare words are not supported`);
    if (node.items.length === 0) this.fail(node, `"${name}" is empty`);
    const of = node.items.map(({ key, value }): Detection => {
      const field = String(isScalar(key) ? key.value : key);
      try {
        return parseFieldMatch(field, isScalar(value) || isSeq(value) ? value.toJSON() : value);
      } catch (error) {
        if (error instanceof FieldError) this.fail(key, `${field}: ${error.message}`);
        throw error;
      }
    });
    return of.length === 1 ? of[0]! : { kind: 'all', of };
  }
}

/**
 * The rules of one file; several are separated by `---`.
 *
 * Errors   CollectorError `rule_invalid`: "file:line: cause"
 */
export function parseRules(text: string, file: string): Rule[] {
  if (text.length > FILE_CHARACTERS_MAX) {
    throw new CollectorError('rule_invalid', `${file}:1: larger than ${FILE_CHARACTERS_MAX} characters`);
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  const reader = new RuleReader(file, lines);
  if (documents.length === 0) throw new CollectorError('rule_invalid', `${file}:1: the file is empty`);
  return [...documents].map((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) {
      const { line } = lines.linePos(fault.pos[0]);
      throw new CollectorError('rule_invalid', `${file}:${line}: ${fault.message.split('\n')[0]}`);
    }
    return reader.rule(document.contents);
  });
}
