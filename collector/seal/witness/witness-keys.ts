// SPDX-License-Identifier: Apache-2.0

import { formatVerifier, type NoteVerifier } from '../../../proto/log/note.ts';
import type { LogStore } from '../../store/log-store.ts';

/** Write down whose cosignatures stand under checkpoints from now on, so that whoever verifies later knows them. */
export async function recordWitnessKeys(store: LogStore, verifiers: readonly NoteVerifier[]): Promise<void> {
  for (const verifier of verifiers) {
    const line = formatVerifier(verifier);
    const known = await store.keys(verifier.name);
    if (known.some((key) => key.origin === 'witness' && key.verifier === line)) continue;
    await store.appendKeys([{ agentId: verifier.name, verifier: line, origin: 'witness', timeMs: Date.now() }]);
  }
}
