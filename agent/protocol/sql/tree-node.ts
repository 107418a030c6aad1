// SPDX-License-Identifier: Apache-2.0

/** A node of a parse tree: an object; where its type is not fixed by its place it is wrapped: {"SelectStmt": {…}}. */
export type Node = Readonly<Record<string, unknown>>;

/** Type and node of a wrapped one. */
export function unwrapped(node: Node | undefined): [type: string | undefined, node: Node | undefined] {
  const [entry] = Object.entries(node ?? {});
  return entry === undefined ? [undefined, undefined] : [entry[0], entry[1] as Node];
}

export function fieldOf(node: Node, field: string): Node | undefined {
  return node[field] as Node | undefined;
}

/** EXPLAIN (ANALYZE false) does not run its query. */
export function isAnalyzed(explain: Node): boolean {
  let isRun = false;
  for (const option of (explain['options'] ?? []) as readonly Node[]) {
    const [, definition = {}] = unwrapped(option);
    if (definition['defname'] !== 'analyze') continue;
    isRun = !/"(?:false|off|0)"|"Integer":\{\}/i.test(JSON.stringify(definition['arg'] ?? {}));
  }
  return isRun;
}
