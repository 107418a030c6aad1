// SPDX-License-Identifier: Apache-2.0

/**
 * An agent's tree at the beginning of its stream: from the last cosigned checkpoint on over the rows behind it, and held
 * against every root that was named for a size on the way.
 */
import { MerkleFrontier } from '../../proto/log/merkle.ts';
import type { CheckpointRow } from '../store/log-store.ts';
import type { Mark } from './agent-log.ts';
import type { LogReader } from './log-reader.ts';
import { SealRefusal } from './seal-refusal.ts';

export interface OpenedTree {
  /** Undefined: rows are missing, and the agent's tree does not reach beyond them. */
  readonly tree: MerkleFrontier | undefined;
  /** What was named for a size, and is not the root there. */
  readonly conflict?: Mark;
  /** A seq that is stored twice with different leaves. */
  readonly doubled?: number;
  /** The agent's tree was taken over because rows up to this seq are missing. */
  readonly adoptedBehind?: number;
}

interface Journal {
  readonly agentId: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly treeSize: number;
  readonly treeSubtrees: readonly Uint8Array[];
}

/** Errors: SealRefusal `malformed` when the agent's tree is none; those of the store. */
export async function openTree(
  reader: LogReader,
  journal: Journal,
  storedSeq: number,
  base: CheckpointRow | undefined,
  named: readonly Mark[],
): Promise<OpenedTree> {
  const { agentId, firstSeq } = journal;
  const agents = agentsTree(journal);
  const marks = [...named, { size: agents.size, root: agents.root(), note: '' }].filter(
    ({ size }) => size <= storedSeq,
  );
  const behind = marks.filter(({ size }) => size > 0 && size < (base?.size ?? 0));
  for (const mark of behind) {
    const tree = await reader.treeAt(agentId, mark.size);
    if (tree !== undefined && !tree.root().equals(mark.root)) return { tree, conflict: mark };
  }
  let tree = base === undefined ? new MerkleFrontier() : MerkleFrontier.at(base.size, base.subtrees);
  let conflict: Mark | undefined;
  const look = () => {
    conflict ??= marks.find((mark) => mark.size === tree.size && !mark.root.equals(tree.root()));
  };
  look();
  // Roots are computed only where one was named.
  const sizes = new Set(marks.map(({ size }) => size));
  let adoptedBehind: number | undefined;
  while (tree.size < storedSeq && conflict === undefined) {
    const extension = await reader.extend(tree, agentId, storedSeq, (size) => {
      if (sizes.has(size)) look();
    });
    if (extension.kind === 'conflict') return { tree, doubled: extension.seq };
    if (extension.kind === 'whole') break;
    adoptedBehind = extension.goesOnAt === 0 ? storedSeq : extension.goesOnAt - 1;
    if (!reachesBeyond(agents, adoptedBehind, journal)) return { tree: undefined };
    tree = MerkleFrontier.at(agents.size, agents.subtrees);
  }
  if (conflict !== undefined) return { tree, conflict };
  if (firstSeq > storedSeq + 1 && tree.size < firstSeq - 1) {
    adoptedBehind = firstSeq - 1;
    if (!reachesBeyond(agents, adoptedBehind, journal)) return { tree: undefined };
    tree = agents;
  }
  return adoptedBehind === undefined ? { tree } : { tree, adoptedBehind };
}

/** A tree that ends beyond the journal would never be held against anything. */
function reachesBeyond(tree: MerkleFrontier, seq: number, { lastSeq }: Journal): boolean {
  return tree.size >= seq && (lastSeq === 0 || tree.size <= lastSeq);
}

function agentsTree({ treeSize, treeSubtrees }: Journal): MerkleFrontier {
  try {
    return MerkleFrontier.at(treeSize, treeSubtrees);
  } catch (error) {
    throw new SealRefusal('malformed', (error as Error).message);
  }
}
