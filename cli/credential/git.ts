// SPDX-License-Identifier: Apache-2.0

/**
 * The credential helper of git: a question in lines of `name=value`, an answer in the same.
 * Source  git-credential(1) and gitcredentials(7). Azure DevOps takes an Entra token as the password of any user name, or,
 *         where git knows how (2.46), as a bearer token
 */
import { readFileSync } from 'node:fs';
import { print } from '../output.ts';
import { askToken } from '../token-socket.ts';

/** The application of Azure DevOps, the same for all organisations. */
const AZURE_DEVOPS = '499b84ac-1321-427f-aa17-267ca6975798';

export interface GitOptions {
  readonly socket: string;
  /** Besides those of Azure DevOps. */
  readonly host: readonly string[];
  readonly resource?: string;
}

/** Silence means that git asks its next helper. Errors: CliError when the broker refuses. */
export async function gitCredential(action: string, options: GitOptions): Promise<void> {
  // It is read for every action: git would get EPIPE.
  const question = readQuestion(readFileSync(0, 'utf8'));
  // Nothing is kept, so `store` and `erase` have nothing to do; actions that are newer than this are to be ignored.
  if (action !== 'get' || !isServed(question, options.host)) return;
  const { access_token: token, expires_on: expiresOn } = await askToken(
    options.socket,
    options.resource ?? AZURE_DEVOPS,
  );
  const lines = question.capabilities.includes('authtype')
    ? ['capability[]=authtype', 'authtype=Bearer', `credential=${token}`, 'ephemeral=1']
    : [`username=${question.username ?? 'sworn'}`, `password=${token}`];
  await print([...lines, `password_expiry_utc=${expiresOn}`].join('\n'));
}

interface Question {
  readonly protocol: string | undefined;
  readonly host: string | undefined;
  readonly username: string | undefined;
  readonly capabilities: readonly string[];
}

function readQuestion(text: string): Question {
  const pairs = text.split('\n').map((line): [string, string] => {
    const at = line.indexOf('=');
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  });
  const last = (name: string): string | undefined => pairs.findLast(([key]) => key === name)?.[1];
  return {
    protocol: last('protocol'),
    host: last('host'),
    username: last('username') || undefined,
    capabilities: pairs.filter(([key]) => key === 'capability[]').map(([, value]) => value),
  };
}

/** Over https only, and only to whom the token is for: a submodule names any host it likes. */
function isServed({ protocol, host }: Question, more: readonly string[]): boolean {
  if (protocol !== 'https' || host === undefined) return false;
  const name = host.toLowerCase();
  if (name === 'dev.azure.com' || /^[a-z0-9][a-z0-9-]*\.visualstudio\.com$/.test(name)) return true;
  return more.some((entry) => entry.toLowerCase() === name);
}
