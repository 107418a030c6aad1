// SPDX-License-Identifier: Apache-2.0

/**
 * Proofs of activities, and how they are checked with nothing but the file: leaf out of the activity, root out of the leaf,
 * signatures under the root. Pure, for whoever has a proof; docs/PROOFS.md is the format.
 */
import { type ActivityProperties, LEAF_BYTES, leafOf } from '../../proto/leaf.ts';
import { HASH_BYTES, provesInclusion } from '../../proto/log/merkle.ts';
import { parseNote } from '../../proto/log/note.ts';
import { activityFromJson, activityToJson, base64Of, type JsonObject, longOf, objectOf } from './activity-json.ts';
import { checkpointOf } from './checkpoint-points.ts';
import { KeyRing, type Trust } from './key-ring.ts';

export const PROOF_FORMAT = 'sworn-proof/v1';

export interface Proof {
  readonly agentId: string;
  readonly host: string;
  readonly seq: number;
  readonly activity: ActivityProperties;
  /** Of payload that was erased. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  readonly treeSize: number;
  readonly inclusion: readonly Uint8Array[];
  /** A signed note. */
  readonly checkpoint: string;
}

export interface ProofFile {
  readonly proofs: readonly Proof[];
  /** Key lines of those who signed; `own` names the collector's. */
  readonly keys: readonly { readonly line: string; readonly origin: string }[];
}

export interface ProofVerdict {
  readonly ok: boolean;
  readonly agent_id: string;
  readonly seq: number;
  /** What is wrong; '' when nothing is. */
  readonly message: string;
  readonly tree_size: number;
  readonly cosigned: boolean;
  readonly witnesses: number;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export function formatProofFile({ proofs, keys }: ProofFile): string {
  const json = {
    format: PROOF_FORMAT,
    proofs: proofs.map(({ agentId, host, seq, activity, digests, treeSize, inclusion, checkpoint }) => ({
      agent_id: agentId,
      host,
      seq,
      activity: activityToJson(activity),
      payload_digests: Object.fromEntries([...digests].map(([name, digest]) => [name, base64(digest)])),
      leaf: base64(leafOf(activity, agentId, host, digests)),
      tree_size: treeSize,
      inclusion: inclusion.map(base64),
      checkpoint,
    })),
    keys,
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

/** Errors: RangeError, with what is wrong with it. Nothing is proved by reading it. */
export function parseProofFile(text: string): ProofFile {
  const json = parseJson(text);
  if (json['format'] !== PROOF_FORMAT) throw new RangeError(`it is no ${PROOF_FORMAT}`);
  const { proofs, keys } = json;
  if (!Array.isArray(proofs) || proofs.length === 0 || !Array.isArray(keys))
    throw new RangeError('it has no proofs or no keys');
  return {
    proofs: proofs.map(proofOf),
    keys: keys.map((key: unknown) => {
      const { line, origin } = objectOf(key, 'a key');
      if (typeof line !== 'string' || typeof origin !== 'string')
        throw new RangeError('a key has a line and an origin');
      return { line, origin };
    }),
  };
}

function parseJson(text: string): JsonObject {
  try {
    return objectOf(JSON.parse(text), 'the file');
  } catch (error) {
    throw error instanceof SyntaxError ? new RangeError('it is no JSON', { cause: error }) : error;
  }
}

function proofOf(given: unknown): Proof {
  const json = objectOf(given, 'a proof');
  const { agent_id: agentId, host, seq, tree_size: treeSize, inclusion, checkpoint } = json;
  if (
    typeof agentId !== 'string' ||
    typeof host !== 'string' ||
    typeof checkpoint !== 'string' ||
    !Array.isArray(inclusion)
  ) {
    throw new RangeError('a proof has agent_id, host, seq, activity, tree_size, inclusion and checkpoint');
  }
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(treeSize))
    throw new RangeError('seq and tree_size are numbers');
  const digests = Object.entries(objectOf(json['payload_digests'] ?? {}, 'payload_digests'));
  return {
    agentId,
    host,
    seq: seq as number,
    activity: activityFromJson(json['activity']),
    digests: new Map(digests.map(([name, digest]) => [name, base64Of(digest, `the digest of ${name}`)])),
    treeSize: treeSize as number,
    inclusion: inclusion.map((one) => base64Of(one, 'a hash')),
    checkpoint,
  };
}

/** Keys that count: those that were given, and of names that no such key has, those of the file. */
export function ringOf(file: ProofFile, trusted: readonly { readonly line: string; readonly trust: Trust }[]): KeyRing {
  const claims = file.keys.map(({ line, origin }) => ({ agentId: '', verifier: line, origin, timeMs: 0 }));
  return new KeyRing(trusted, claims);
}

export function checkProof(proof: Proof, keys: KeyRing): ProofVerdict {
  const { agentId, host, seq, activity, digests, treeSize, inclusion, checkpoint: note } = proof;
  const verdict = { agent_id: agentId, seq, tree_size: treeSize, cosigned: false, witnesses: 0 };
  const failed = (message: string): ProofVerdict => ({ ...verdict, ok: false, message });
  const { low, high } = longOf(BigInt(Math.max(0, seq)));
  const own = activity.seq as { low: number; high: number } | undefined;
  if (own?.low !== low || own.high !== high) return failed('the activity has another number than the proof');
  if ([...digests.values()].some((digest) => digest.length !== LEAF_BYTES))
    return failed('a digest does not have 32 bytes');
  const checkpoint = checkpointOf(note, agentId);
  if (typeof checkpoint === 'string') return failed(`the checkpoint is not one of this log: ${checkpoint}`);
  if (checkpoint.size !== treeSize) return failed('the checkpoint is of another size than the proof');
  const judgement = keys.judge(parseNote(note), agentId);
  if (judgement.fault !== undefined)
    return failed(`the checkpoint does not bear the signature it should: ${judgement.message}`);
  if (inclusion.some((one) => one.length !== HASH_BYTES)) return failed('a hash does not have 32 bytes');
  const leaf = leafOf(activity, agentId, host, digests);
  if (!provesInclusion(leaf, seq - 1, treeSize, inclusion, checkpoint.root)) {
    return failed('the activity is not in the tree that was signed: it, its number or the proof was changed');
  }
  return { ...verdict, ok: true, message: '', cosigned: judgement.cosigned, witnesses: judgement.witnesses };
}
