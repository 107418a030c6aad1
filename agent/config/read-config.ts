// SPDX-License-Identifier: Apache-2.0

/**
 * YAML text → configuration with defaults. Problems name the line, the key, and what would be right; all of them at once.
 */
import { Ajv, type ErrorObject } from 'ajv';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { AgentConfig } from './agent-config.ts';
import { credentialNameFaults, identityFaults } from './identity-faults.ts';
import { type Fault, policyFaults } from './policy-faults.ts';
import { agentConfigSchema } from './schema.ts';

export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    super(`${file} is not a valid configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

const ajv = new Ajv({ useDefaults: true, allErrors: true, verbose: true, strict: false });
const validate = ajv.compile<AgentConfig>(agentConfigSchema);

/** Errors: ConfigError. `file` is only for messages. */
export function readAgentConfig(text: string, file: string): AgentConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors.map((error) => `line ${lines.linePos(error.pos[0]).line}: ${error.message}`);
  if (broken.length > 0) throw new ConfigError(file, broken);
  const config = contentOf(document, file);
  const problems = validate(config) ? [] : problemsOf(validate.errors ?? [], document, lines);
  if (problems.length > 0) throw new ConfigError(file, problems);
  const contradictions = contradictionsOf(config as AgentConfig).map(([path, fault]) =>
    located(document, lines, path, fault),
  );
  if (contradictions.length > 0) throw new ConfigError(file, contradictions);
  return config as AgentConfig;
}

/** Errors: ConfigError for an alias that means nothing, or too much. */
function contentOf(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw new ConfigError(file, [error instanceof Error ? error.message : String(error)]);
  }
}

function problemsOf(errors: readonly ErrorObject[], document: Document, lines: LineCounter): string[] {
  const told = new Set<string>();
  for (const error of errors) {
    const path = error.instancePath
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    if (error.keyword === 'additionalProperties') path.push(String(error.params['additionalProperty']));
    told.add(located(document, lines, path, faultOf(error)));
  }
  return [...told];
}

function located(document: Document, lines: LineCounter, path: readonly string[], fault: string): string {
  const line = lineOf(document, lines, path);
  return `${line === undefined ? '' : `line ${line}: `}${nameOf(path)} ${fault}`;
}

function faultOf(error: ErrorObject): string {
  const hint = (error.parentSchema as { errorHint?: string } | undefined)?.errorHint;
  switch (error.keyword) {
    case 'additionalProperties':
      return 'is not known here';
    case 'required':
      return `lacks ${String(error.params['missingProperty'])}`;
    case 'enum':
      return `must be one of ${(error.params['allowedValues'] as unknown[]).join(', ')}`;
    default:
      return hint === undefined ? (error.message ?? 'is wrong') : `must be ${hint}`;
  }
}

function nameOf(path: readonly string[]): string {
  if (path.length === 0) return 'the file';
  return path.map((part, i) => (/^\d+$/.test(part) ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

function lineOf(document: Document, lines: LineCounter, path: readonly string[]): number | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const node: unknown = document.getIn(path.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

/** What the schema cannot say. */
function contradictionsOf(config: AgentConfig): Fault[] {
  const problems: Fault[] = [...identityFaults(config)];
  const identities = new Set(config.identities.map(({ name }) => name));
  const workloads = new Set<string>();
  config.workloads.forEach(({ name, identity }, i) => {
    const at = ['workloads', `${i}`];
    if (workloads.has(name)) problems.push([[...at, 'name'], `is ${name}, which is there twice`]);
    workloads.add(name);
    if (!identities.has(identity))
      problems.push([[...at, 'identity'], `is ${identity}, which is not among identities`]);
  });
  problems.push(...policyFaults(config));
  const { key_file: sealKey } = config.seal;
  if (sealKey !== undefined) problems.push(...credentialNameFaults(['seal', 'key_file'], sealKey));
  const { ring_bytes: ringBytes } = config.capture;
  if ((ringBytes & (ringBytes - 1)) !== 0) problems.push([['capture', 'ring_bytes'], 'must be a power of two']);
  return problems;
}
