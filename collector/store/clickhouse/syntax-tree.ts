// SPDX-License-Identifier: Apache-2.0

/**
 * A statement's syntax tree as ClickHouse's own parser prints it (EXPLAIN AST): one node a line, children indented by
 * one space. Read strictly: a dump that does not add up is no tree.
 */

export interface SyntaxNode {
  readonly type: string;
  /** What follows the type: a name, a literal, an alias. */
  readonly text: string;
  readonly children: SyntaxNode[];
}

const LINE = /^( *)([A-Za-z]+(?:::[A-Za-z]+)?)(?: (.*))?$/;
const CHILDREN = /^(.*?) ?\(children (\d+)\)$/;

/**
 * Errors   undefined when a line is not a node, or a node has not the children that it says
 */
export function parseSyntaxTree(dump: string): SyntaxNode | undefined {
  const path: { node: SyntaxNode; expected: number }[] = [];
  let root: SyntaxNode | undefined;
  const close = (depth: number): boolean => {
    while (path.length > depth) {
      const { node, expected } = path.pop()!;
      if (node.children.length !== expected) return false;
    }
    return true;
  };
  for (const line of dump.split('\n')) {
    if (line === '') continue;
    const match = LINE.exec(line);
    if (match === null) return undefined;
    const depth = match[1]!.length;
    const rest = match[3] ?? '';
    const counted = CHILDREN.exec(rest);
    const node: SyntaxNode = { type: match[2]!, text: counted === null ? rest : counted[1]!, children: [] };
    if (depth > path.length || (depth === 0) !== (root === undefined)) return undefined;
    if (!close(depth)) return undefined;
    if (depth === 0) root = node;
    else path[depth - 1]!.node.children.push(node);
    path.push({ node, expected: counted === null ? 0 : Number(counted[2]) });
  }
  return close(0) ? root : undefined;
}
