// SPDX-License-Identifier: Apache-2.0

/**
 * What a machine can see of order in the tree: licences, arrows that point down, generated files that are of today, links
 * that lead somewhere, tests in their lane, and nothing of the machine that a file was written on.
 *
 *   node test/tidy.ts    prints what is out of order; ends with 1 if anything is
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { isForgotten } from './lanes.ts';

const root = join(import.meta.dirname, '..');

/** Each part and what it may import, besides itself. Tests, and what only tests use, may import anything. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  proto: [],
  'native/abi': [],
  'agent/model': [],
  'agent/protocol': [],
  'agent/lineage': ['agent/model'],
  'agent/tls': ['agent/model', 'agent/protocol'],
  'agent/ssh': ['agent/model', 'agent/protocol'],
  'agent/probe': ['agent/model'],
  'agent/flow': ['agent/model', 'agent/protocol', 'agent/tls', 'agent/ssh'],
  'agent/broker': ['agent/model', 'agent/protocol'],
  'agent/activity': ['agent/model', 'agent/protocol', 'agent/lineage', 'agent/broker'],
  'agent/recorder': [
    'agent/model',
    'agent/protocol',
    'agent/lineage',
    'agent/tls',
    'agent/ssh',
    'agent/flow',
    'agent/activity',
  ],
  'agent/source': ['agent/model', 'agent/protocol'],
  'agent/journal': ['agent/model', 'proto'],
  'agent/freeze': ['agent/model'],
  'agent/seal': ['agent/journal', 'proto'],
  'agent/delivery': ['agent/journal', 'agent/seal', 'proto'],
  'agent/config': ['agent/model', 'agent/lineage', 'agent/source'],
  'agent/doctor': ['agent/config', 'agent/source', 'agent/seal'],
  'agent/telemetry': ['agent/model'],
  'agent/control': ['agent/model'],
  'agent/wiring': ['agent/*', 'proto'],
  'agent/main.ts': ['agent/*', 'proto'],
  'collector/model': ['proto'],
  'collector/telemetry': ['collector/model'],
  'collector/config': ['collector/model'],
  'collector/trust': ['collector/model'],
  'collector/rules': ['collector/model'],
  'collector/store': ['collector/model', 'collector/telemetry'],
  'collector/seal': ['collector/model', 'collector/store', 'collector/telemetry', 'proto'],
  'collector/ingest': [
    'collector/model',
    'collector/rules',
    'collector/seal',
    'collector/store',
    'collector/telemetry',
    'proto',
  ],
  'collector/alerts': ['collector/model', 'collector/store', 'collector/telemetry'],
  'collector/silence': ['collector/model', 'collector/ingest', 'collector/store', 'collector/telemetry', 'proto'],
  'collector/retention': [
    'collector/ingest',
    'collector/model',
    'collector/seal',
    'collector/store',
    'collector/telemetry',
    'proto',
  ],
  'collector/api': ['collector/model', 'collector/retention', 'collector/store', 'collector/telemetry'],
  'collector/main.ts': ['collector/*'],
  witness: ['proto'],
  cli: [
    'witness',
    'proto',
    'agent/main.ts',
    'agent/config',
    'agent/doctor',
    'agent/source',
    'agent/telemetry',
    'collector/main.ts',
    'collector/config',
    'collector/model',
    'proto',
  ],
  // The demo sets its stage from parts that tests use too: the stand-in for Entra, and the server's log.
  deploy: ['agent/doctor', 'cli', 'test'],
  bench: ['*'],
  test: ['*'],
};

/** What no part of the product imports: tests, what serves them, and programs that write documents and fixtures. */
const BESIDE =
  /\.test\.ts$|\/testing\/|\/test\/|-contract\.ts$|\/(?:capture-fixture|test-certificates|schema-document)\.ts$/;
const GENERATED = /\.generated\.|^proto\/generated\//;
const SOURCE = /\.(?:ts|c|cc|h|py|sh|proto|sql|gyp|service|slice|conf)$|^(?:bin|\.ci|deploy)\/[a-z]+$/;
/** Package hosts and folders of one machine, written so that this file does not hold them. */
const FOREIGN = [
  'registry[.]npm',
  '(?:deb|security)[.]debian[.]org',
  'py[p]i[.]org',
  'pythonhoste[d]',
  'proxy[.]golan[g]',
  'crates[.]i[o]',
  'repo1[.]mave[n]',
  '/wor[k]/',
  '/hom[e]/[a-z]+/',
].map((text) => new RegExp(text, 'i'));

const findings: string[] = [];
// Also what is not committed yet; what is ignored is not ours.
const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  // A link to a folder is none that is kept here.
  .filter((file) => file !== '' && statSync(join(root, file), { throwIfNoEntry: false })?.isFile());

for (const file of files) {
  const text = readFileSync(join(root, file), 'latin1');
  if (SOURCE.test(file) && !GENERATED.test(file)) checkSource(file, text);
  if (file.endsWith('.ts') && !BESIDE.test(file)) checkImports(file, text);
  if (file.endsWith('.test.ts') && isForgotten(file, text))
    findings.push(`${file}: starts programs in the kernel, and test/lanes.ts does not say so`);
  if (file.endsWith('.md')) checkLinks(file, text);
  checkForeign(file, text);
}
checkGenerated();

for (const finding of findings) console.log(finding);
process.exitCode = findings.length === 0 ? 0 : 1;

function checkSource(file: string, text: string): void {
  const head = text.split('\n', 3).join('\n');
  const licence = /SPDX-License-Identifier: (.+?)(?: \*\/)?$/m.exec(head)?.[1];
  const expected =
    file.startsWith('native/bpf/') || file.endsWith('.bpf.c')
      ? /BSD-\d-Clause OR GPL|GPL-2\.0.* OR BSD/
      : /^Apache-2\.0/;
  if (licence === undefined) findings.push(`${file}: its first lines have no SPDX-License-Identifier`);
  else if (!expected.test(licence) && !file.startsWith('native/abi/')) findings.push(`${file}: licence ${licence}`);
  if (/(?:^|\/)(?:utils?|helpers?|common|misc)(?:\/|\.)/.test(file))
    findings.push(`${file}: a name that says nothing of what is in it`);
}

function checkImports(file: string, text: string): void {
  const from = partOf(file);
  const allowed = MAY_IMPORT[from];
  if (allowed === undefined) {
    findings.push(`${file}: '${from}' is not in the table of parts in test/tidy.ts`);
    return;
  }
  for (const [, target] of text.matchAll(/(?:\bfrom|\bimport\(|\bimport) ?'(\.[^']+)'/g)) {
    const path = normalize(join(dirname(file), target as string));
    const to = partOf(path);
    if (!existsSync(join(root, path))) findings.push(`${file}: imports ${target}, which is not there`);
    if (to === from || allowed.some((one) => one === to || one === '*' || one === `${dirname(to)}/*`)) continue;
    if (path === 'package.json') continue;
    findings.push(`${file}: '${from}' may not import '${to}' (${relative(root, join(root, path))})`);
  }
}

/** `agent/flow/stream.ts` → `agent/flow`; `agent/main.ts` → itself; `cli/commands/run.ts` → `cli`. */
function partOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return ['agent', 'collector', 'native'].includes(top) ? `${top}/${second}` : top;
}

function checkLinks(file: string, text: string): void {
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    const path = (target as string).replace(/#.*$/, '');
    if (path === '' || /^[a-z]+:/.test(path)) continue;
    if (!existsSync(join(root, dirname(file), path))) findings.push(`${file}: its link to ${target} leads nowhere`);
  }
}

function checkForeign(file: string, text: string): void {
  for (const pattern of FOREIGN) {
    const found = pattern.exec(text);
    if (found) findings.push(`${file}: holds '${found[0]}', which is of one machine or one package host`);
  }
  if (file === 'package-lock.json' && text.includes('"resolved"'))
    findings.push('package-lock.json: holds addresses; see .npmrc');
}

function checkGenerated(): void {
  for (const script of ['proto/generate.ts', 'native/abi/generate.ts']) {
    try {
      execFileSync(process.execPath, [join(root, script), '--check'], { cwd: root, stdio: 'pipe' });
    } catch (error) {
      findings.push(`${script} --check: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`);
    }
  }
}
