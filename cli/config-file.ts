// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs';
import type { AgentConfig } from '../agent/config/agent-config.ts';
import { ConfigError, readAgentConfig } from '../agent/config/read-config.ts';
import { CliError, EXIT } from './exit.ts';

const NEXT: Readonly<Record<string, string>> = {
  ENOENT: 'Name it with --config, or put the example there: deploy/install',
  EACCES: 'Run this as root: it names keys, and is only for root and its daemon.',
};

/** Errors: CliError that names the file and what is wrong with it. */
export function readFileOrExplain(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const next = NEXT[code ?? ''] ?? '';
    throw new CliError(`the configuration cannot be read: ${message}`, next, EXIT.unusable);
  }
}

export function loadAgentConfig(file: string): AgentConfig {
  const text = readFileOrExplain(file);
  try {
    return readAgentConfig(text, file);
  } catch (error) {
    if (error instanceof ConfigError)
      throw new CliError(error.message, 'The commented example explains each key.', EXIT.unusable);
    throw error;
  }
}
