// SPDX-License-Identifier: Apache-2.0

/**
 * Makes the captures in `../captures` anew: `bin/node agent/protocol/http1/capture/main.ts [name …]`. Needs curl and
 * python3 (with requests for one of them); talks on loopback only, on ports that the kernel chooses.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type CaptureNote, writeCapture } from '../../testing/capture-file.ts';
import { record } from './recorder.ts';
import { type Scenario, scenarios } from './scenarios.ts';

const wanted = new Set(process.argv.slice(2));
for (const scenario of scenarios) {
  if (wanted.size === 0 || wanted.has(scenario.name)) await capture(scenario);
}

async function capture(scenario: Scenario): Promise<void> {
  const server = await scenario.server();
  const recorder = await record(server.port);
  const client = scenario.client === 'node' ? process.execPath : scenario.client;
  const filled = argumentsOf(scenario).map((text) =>
    text.replaceAll('{url}', `http://127.0.0.1:${recorder.port}`).replaceAll('{port}', String(recorder.port)),
  );
  const child = spawn(client, filled, { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.on('error', () => {});
  child.stdin.end(scenario.input ?? '');
  const [code] = (await once(child, 'exit')) as [number];
  recorder.close();
  server.stop();
  const script = recorder.scripts[scenario.connection ?? 0];
  if (script === undefined) throw new Error(`${scenario.name}: no connection was made (exit ${code})`);
  const note: CaptureNote = {
    server: server.name,
    client: versionOf(scenario.client),
    command: typeof scenario.command === 'string' ? scenario.command : `curl ${scenario.command.map(quoted).join(' ')}`,
    date: new Date().toISOString().slice(0, 10),
    ...(scenario.remark === undefined ? {} : { remark: scenario.remark }),
  };
  writeCapture(new URL(`../captures/${scenario.name}.jsonl`, import.meta.url), { note, script });
  console.log(`${scenario.name}: ${script.length} steps, client exit ${code}`);
}

function argumentsOf(scenario: Scenario): string[] {
  if (typeof scenario.command !== 'string') return [...scenario.command];
  return scenario.client === 'node' ? ['--input-type=module', '-e', scenario.command] : ['-c', scenario.command];
}

function versionOf(client: Scenario['client']): string {
  if (client === 'node') return `Node ${process.version}`;
  return execFileSync(client, ['--version'], { encoding: 'utf8' }).split('\n')[0]!.split(' (')[0]!.trim();
}

/** Long arguments are runs of one letter; the note need not repeat them. */
function quoted(argument: string): string {
  const short = argument.replace(/(.)\1{63,}/g, (run, letter: string) => `${letter}×${run.length}`);
  return /^[\w:/.@={}-]+$/.test(short) ? short : `'${short}'`;
}
