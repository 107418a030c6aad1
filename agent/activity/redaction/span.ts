// SPDX-License-Identifier: Apache-2.0

/** A secret as it was found in a text. */
export interface Span {
  /** What is replaced: units of the text, without the quotes round it. */
  readonly from: number;
  readonly to: number;
  /** `token`: a JSON Web Token, known by its fingerprint elsewhere in the record. `key`: a private key in a block of its own. */
  readonly kind: 'secret' | 'token' | 'key';
  /** The secret as the program means it: escapes undone, so that it has one name wherever it is seen. */
  readonly secret: string;
}

/** One by one: a call with hundreds of thousands of arguments would not end well. */
export function addAll(spans: Span[], more: readonly Span[]): void {
  for (const span of more) spans.push(span);
}

/** In order of place; of spans that overlap the first stays, and covers the others. */
export function joined(spans: readonly Span[]): readonly Span[] {
  let isOrdered = true;
  for (let i = 1; i < spans.length && isOrdered; i++) isOrdered = (spans[i - 1] as Span).to <= (spans[i] as Span).from;
  if (isOrdered) return spans;
  const kept: Span[] = [];
  for (const span of spans.toSorted((one, other) => one.from - other.from || other.to - one.to)) {
    const last = kept.at(-1);
    if (last === undefined || span.from >= last.to) kept.push(span);
    else if (span.to > last.to) kept[kept.length - 1] = { ...last, to: span.to };
  }
  return kept;
}
