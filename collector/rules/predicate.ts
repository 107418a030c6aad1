// SPDX-License-Identifier: Apache-2.0

/**
 * A rule's tree as a function of an activity, made once for each kind of activity that the rule looks at: what column a
 * field is, and how to read it, is settled then and not for each activity.
 */
import { BlockList, isIP } from 'node:net';
import type { Activity, Integer64, Kind, Sender } from '../model/activity.ts';
import { toBigInt } from '../model/activity.ts';
import { findColumn, readerOf, type Value } from '../model/activity-row.ts';
import { linearRegExp, TEXT_CHARACTERS_MAX } from './linear-regexp.ts';
import type { Comparison, Detection, Field, PatternPart, Test } from './rule.ts';

export type Predicate = (activity: Activity, sender: Sender) => boolean;

/** Called when a value was too long for a regular expression and was cut. */
export type OnCut = () => void;

type Read = (activity: Activity, sender: Sender) => Value;
type Check = (value: Value) => boolean;

function isInteger64(value: Value): value is { low: number; high: number } {
  return typeof value === 'object' && value !== null && 'low' in value && 'high' in value;
}

/** A value as text, as a person would write it in a rule. */
function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (value == null) return '';
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
  if (isInteger64(value)) return toBigInt(value as Integer64).toString();
  return String(value);
}

function isEmpty(value: Value): boolean {
  return value == null || value === '' || (value instanceof Uint8Array && value.length === 0);
}

function numberOf(value: Value): number {
  if (typeof value === 'number') return value;
  if (isInteger64(value)) return Number(toBigInt(value as Integer64));
  // HTTP statuses and the like are text.
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

const COMPARE: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
};

/** Does `text` hold the literal characters and `one`s of `segment` at `at`? */
function holdsAt(text: string, segment: readonly PatternPart[], at: number): boolean {
  for (const part of segment) {
    if (part === 'one') {
      if (at >= text.length) return false;
      at += 1;
    } else if (part !== 'any') {
      if (!text.startsWith(part.text, at)) return false;
      at += part.text.length;
    }
  }
  return at <= text.length;
}

function lengthOf(segment: readonly PatternPart[]): number {
  return segment.reduce((sum, part) => sum + (part === 'one' || part === 'any' ? 1 : part.text.length), 0);
}

/** The first place at or after `from` that holds the segment; -1 when there is none. */
function findSegment(text: string, segment: readonly PatternPart[], from: number): number {
  const first = segment[0];
  const last = text.length - lengthOf(segment);
  for (let at = from; at <= last; at++) {
    if (first !== undefined && first !== 'one' && first !== 'any') {
      at = text.indexOf(first.text, at);
      if (at < 0 || at > last) return -1;
    }
    if (holdsAt(text, segment, at)) return at;
  }
  return -1;
}

/**
 * A wildcard pattern: the segments between `*` are looked for one after the other, each at its first place. That is
 * enough, because a later place never helps the segments behind it.
 */
function patternCheck(parts: readonly PatternPart[], cased: boolean): Check {
  const fold = (text: string) => (cased ? text : text.toLowerCase());
  const segments: PatternPart[][] = [[]];
  for (const part of parts) {
    if (part === 'any') segments.push([]);
    else segments.at(-1)!.push(part === 'one' ? part : { text: fold(part.text) });
  }
  const [only] = segments;
  if (segments.length === 1) {
    const whole = only!;
    const length = lengthOf(whole);
    return (value) => {
      const text = textOf(value);
      // Most values differ in length; folding makes a copy. Some letters change length when folded, hence the slack.
      if (Math.abs(text.length - length) > length) return false;
      const folded = fold(text);
      return folded.length === length && holdsAt(folded, whole, 0);
    };
  }
  const head = segments[0]!;
  const tail = segments.at(-1)!;
  const middle = segments.slice(1, -1).filter((segment) => segment.length > 0);
  const headLength = lengthOf(head);
  const tailLength = lengthOf(tail);
  return (value) => {
    const text = fold(textOf(value));
    if (text.length < headLength + tailLength || !holdsAt(text, head, 0)) return false;
    if (!holdsAt(text, tail, text.length - tailLength)) return false;
    let at = headLength;
    for (const segment of middle) {
      const found = findSegment(text, segment, at);
      if (found < 0) return false;
      at = found + lengthOf(segment);
    }
    return at <= text.length - tailLength;
  };
}

function checkOf(test: Test, onCut: OnCut): Check {
  switch (test.kind) {
    case 'pattern':
      return patternCheck(test.parts, test.cased);
    case 'regex': {
      const regex = linearRegExp(test.source, test.flags);
      return (value) => {
        const text = textOf(value);
        if (text.length <= TEXT_CHARACTERS_MAX) return regex.test(text);
        onCut();
        return regex.test(text.slice(0, TEXT_CHARACTERS_MAX));
      };
    }
    case 'number': {
      const compare = COMPARE[test.comparison];
      return (value) => compare(numberOf(value), test.value);
    }
    case 'exists':
      return (value) => isEmpty(value) !== test.exists;
    case 'null':
      return isEmpty;
    case 'cidr': {
      const network = new BlockList();
      network.addSubnet(test.network, test.prefix, isIP(test.network) === 4 ? 'ipv4' : 'ipv6');
      return (value) => {
        const address = textOf(value);
        const family = isIP(address);
        return family !== 0 && network.check(address, family === 4 ? 'ipv4' : 'ipv6');
      };
    }
  }
}

function readOf(field: Field, kind: Kind): Read {
  const column = findColumn(field.column)!;
  const read = readerOf(column, kind);
  if (read === undefined) {
    const zero: Value = column.type.includes('String') ? '' : column.type.startsWith('Nullable') ? null : 0;
    return () => zero;
  }
  const { attribute } = field;
  if (attribute === undefined) return read;
  return (activity, sender) => {
    const map = read(activity, sender) as Readonly<Record<string, string>> | undefined;
    return map !== undefined && Object.hasOwn(map, attribute) ? map[attribute] : undefined;
  };
}

/** `onCut` hears of values that were cut before a regular expression saw them. */
export function compile(tree: Detection, kind: Kind, onCut: OnCut): Predicate {
  switch (tree.kind) {
    case 'all': {
      const of = tree.of.map((one) => compile(one, kind, onCut));
      return (activity, sender) => of.every((predicate) => predicate(activity, sender));
    }
    case 'any': {
      const of = tree.of.map((one) => compile(one, kind, onCut));
      return (activity, sender) => of.some((predicate) => predicate(activity, sender));
    }
    case 'not': {
      const of = compile(tree.of, kind, onCut);
      return (activity, sender) => !of(activity, sender);
    }
    case 'match': {
      const read = readOf(tree.field, kind);
      const check = checkOf(tree.test, onCut);
      return (activity, sender) => {
        const value = read(activity, sender);
        // A list (argv) matches when any of its items does.
        return Array.isArray(value) ? value.some((item: string) => check(item)) : check(value);
      };
    }
  }
}
