// SPDX-License-Identifier: Apache-2.0

/**
 * npm run test:bundle -- [--json] [--picture FILE]
 *
 * The page of a bundle in a real browser (Debian's Chromium, which is installed when it is missing), from disk: its verdict
 * against that of `sworn verify`, hostile contents, markup that was put into it, and what a person does with it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Problem } from '../../cli/audit/audit-finding.ts';
import { openPage, runPage } from '../../cli/testing/bundle-page-run.ts';
import { AGENT, HOSTILE_STATEMENT, SESSION, startBundleStage } from '../../cli/testing/bundle-stage.ts';
import { SealedRecord } from '../../collector/testing/sealed-record.ts';
import { Browser, type BrowserPage } from './browser.ts';

interface Case {
  readonly name: string;
  run(): Promise<string>;
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, picture: { type: 'string' } } });
const ends: (() => Promise<void>)[] = [];
const stage = await startBundleStage({ after: (end) => void ends.push(end) });
const browser = await Browser.start();
ends.unshift(() => browser.stop());

const original = await stage.bundle('original');
const file = (folder: string): string => join(folder, 'index.html');

/** A page with other lines in the agent's log, or other markup. */
function changed(name: string, change: (html: string) => string): string {
  const path = join(stage.folder, `${name.replaceAll(/\W/g, '-')}.html`);
  const html = readFileSync(file(original), 'utf8');
  const other = change(html);
  assert.ok(other !== html, `${name} changed nothing`);
  writeFileSync(path, other);
  return path;
}

async function look<T>(path: string, act: (page: BrowserPage, state: string) => Promise<T>, before = ''): Promise<T> {
  const page = await browser.open(pathToFileURL(path).href, before);
  try {
    return await act(page, await page.state());
  } finally {
    await page.close();
  }
}

const brief = ({ kind, agent_id, first_seq, last_seq }: Problem): string =>
  `${kind} ${agent_id}:${first_seq}-${last_seq}`;
const problemsOf = async (page: BrowserPage): Promise<string[]> =>
  (JSON.parse(await page.ask<string>("document.querySelector('main').dataset.problems")) as Problem[]).map(brief);

/** The page says in the browser what its script says without one, and that is `expected`. */
function tampering(name: string, expected: string[], change: (html: string) => string): Case {
  return {
    name,
    run: () => {
      const path = changed(name, change);
      return look(path, async (page, state) => {
        const problems = await problemsOf(page);
        assert.deepEqual(problems, expected);
        assert.deepEqual((await runPage(openPage(path))).problems.map(brief), expected);
        assert.equal(state, 'bad');
        return problems.join(', ');
      });
    },
  };
}

const line = (seq: number): RegExp => new RegExp(`^\\{"seq":${seq},.*\\n`, 'm');

const cases: Case[] = [
  {
    name: 'a clean bundle holds',
    run: () =>
      look(file(original), async (page, state) => {
        assert.equal(state, 'good');
        assert.deepEqual(await problemsOf(page), []);
        assert.equal(await page.ask('document.title'), `Sworn: session ${SESSION}`);
        assert.equal(await page.ask("document.querySelectorAll('details.activity').length"), 44);
        if (values.picture !== undefined) await page.picture(values.picture);
        return await page.ask<string>("document.querySelector('.verdict').textContent");
      }),
  },
  {
    name: 'a bundle without payload holds',
    run: async () =>
      look(file(await stage.bundle('dark', { withoutPayload: true })), async (_, state) => {
        assert.equal(state, 'good');
        return state;
      }),
  },
  {
    name: 'a bundle with others between holds, and says that nothing is left out',
    run: async () =>
      look(file(await stage.bundle('open', { withOthers: true })), async (page, state) => {
        assert.equal(state, 'good');
        const text = await page.ask<string>('document.body.innerText');
        assert.match(text, /Nothing between its start and its end is left out/);
        return state;
      }),
  },
  {
    name: 'a page that not all fits into says so',
    run: async () =>
      look(file(await stage.bundle('large', { pageBytesMax: 30_000 })), async (page, state) => {
        assert.equal(state, 'good');
        const text = await page.ask<string>('document.body.innerText');
        const [said] = /Too much for a page: .*/.exec(text) ?? [];
        assert.match(said ?? '', /stand only in log-1\.jsonl/);
        return said!;
      }),
  },
  tampering('an altered field', [`altered ${AGENT}:310-310`], (html) =>
    html.replace(line(310), (found) => found.replace('"exe":"', '"exe":"x')),
  ),
  tampering('a removed activity', [`removed ${AGENT}:310-310`], (html) => html.replace(line(310), '')),
  tampering('an activity that is there twice', [`inserted ${AGENT}:310-310`], (html) =>
    html.replace(line(310), (found) => found + found),
  ),
  tampering('an activity told again elsewhere', [`replayed ${AGENT}:315-315`], (html) => {
    const again = line(310).exec(html)![0].replace('{"seq":310,', '{"seq":315,');
    return html.replace(line(315), () => again);
  }),
  tampering('two activities in each other’s place', ['swapped a-1:310-310', 'swapped a-1:315-315'], (html) => {
    const [a, b] = [line(310).exec(html)![0], line(315).exec(html)![0]];
    const placed = html.replace(line(310), () => b.replace('{"seq":315,', '{"seq":310,'));
    return placed.replace(line(315), () => a.replace('{"seq":310,', '{"seq":315,'));
  }),
  tampering('another root in the checkpoint', [`bad_signature ${AGENT}:1093-1093`], (html) =>
    html.replace(/(sworn\/a-1\\n1093\\n)(.)/, (_, head: string, one: string) => head + (one === 'A' ? 'B' : 'A')),
  ),
  {
    name: 'what was recorded does not act, and is shown as it is',
    run: () =>
      look(file(original), async (page) => {
        await page.ask("document.querySelectorAll('details.activity').forEach((one) => { one.open = true; })");
        // Their tables are made when the browser tells them that they are open.
        await page.ask('new Promise((done) => setTimeout(done, 200))');
        assert.equal(await page.ask("document.querySelectorAll('img, iframe, object, link').length"), 0);
        assert.equal(await page.ask("document.querySelectorAll('script').length"), 4);
        assert.equal(await page.ask('document.title'), `Sworn: session ${SESSION}`);
        const texts = await page.ask<string[]>("Array.from(document.querySelectorAll('td'), (one) => one.textContent)");
        const shown = HOSTILE_STATEMENT.replace(
          /[\u2028\u2029\u202e]/g,
          (one) => `\\u${one.charCodeAt(0).toString(16)}`,
        );
        assert.ok(texts.includes(shown));
        return 'shown as text';
      }),
  },
  {
    name: 'markup that was put into it runs nothing and asks nobody',
    run: async () => {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        asked.push(String(request.url));
        response.end('x');
      }).listen(0, '127.0.0.1');
      try {
        await new Promise((resolve) => server.once('listening', resolve));
        const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const attack = `<img src="${at}/img"><link rel="stylesheet" href="${at}/css"><script src="${at}/js"></script>
          <script>document.title = 'taken'; fetch('${at}/fetch')</script><iframe src="${at}/frame"></iframe>
          <form id="f" action="${at}/form"></form><script>document.getElementById('f').submit()</script>`;
        const path = changed('put into', (html) => html.replace('<body>', `<body>${attack}`));
        return await look(path, async (page, state) => {
          assert.equal(state, 'good');
          await page.ask('new Promise((done) => setTimeout(done, 500))');
          // Nor from a script of the page itself.
          const reached = await page.ask<string>(`fetch('${at}/own').then(() => 'reached', () => 'refused')`);
          assert.equal(reached, 'refused');
          assert.equal(await page.ask('document.title'), `Sworn: session ${SESSION}`);
          assert.deepEqual(asked, []);
          return 'nothing ran, nobody was asked';
        });
      } finally {
        server.close();
      }
    },
  },
  {
    name: 'a script that was changed does not run',
    run: () => {
      const path = changed('script', (html) => html.replace("'use strict';", "'use strict'; "));
      return look(path, async (page) => page.ask<string>("String(document.querySelector('main'))"), '').then((main) => {
        assert.equal(main, 'null');
        return 'refused by its policy';
      });
    },
  },
  {
    name: 'a browser without Ed25519 is told that signatures were not checked',
    run: () =>
      look(
        file(original),
        async (page, state) => {
          assert.equal(state, 'unchecked');
          const text = await page.ask<string>('document.body.innerText');
          assert.match(text, /This browser has no Ed25519/);
          return await page.ask<string>("document.querySelector('.verdict').textContent");
        },
        "SubtleCrypto.prototype.importKey = () => Promise.reject(new DOMException('', 'NotSupportedError'))",
      ),
  },
  {
    name: 'it is searched, and filtered by kind',
    run: () =>
      look(file(original), async (page) => {
        const rows = "document.querySelectorAll('details.activity').length";
        await page.ask(
          "(() => { const s = document.querySelector('input.search'); s.value = 'RING_FULL'; s.dispatchEvent(new Event('input')); })()",
        );
        assert.equal(await page.ask(rows), 1);
        await page.ask(
          "(() => { const s = document.querySelector('input.search'); s.value = ''; s.dispatchEvent(new Event('input')); document.querySelector('button.kind.command').click(); })()",
        );
        assert.equal(await page.ask(rows), 4);
        return '44, 1, 4 rows';
      }),
  },
  {
    name: 'keys that one knows are asked for',
    run: () =>
      look(file(original), async (page) => {
        const paste = async (key: string): Promise<string> => {
          await page.ask(
            `(() => { document.querySelector('textarea').value = ${JSON.stringify(key)}; document.querySelector('main').dataset.state = 'checking'; Array.from(document.querySelectorAll('button')).find((one) => one.textContent === 'Check again').click(); })()`,
          );
          return page.state();
        };
        assert.equal(await paste(stage.record.collectorKey), 'good');
        assert.equal(await paste(new SealedRecord(AGENT).keyLine), 'bad');
        const problems = await problemsOf(page);
        assert.deepEqual(problems, [`key_changed ${AGENT}:1093-1093`]);
        return problems.join();
      }),
  },
];

/** A page in a message would hide the others. */
const MESSAGE_LENGTH_MAX = 2_000;
const outcomes: { name: string; ok: boolean; got: string }[] = [];
for (const { name, run } of cases) {
  const outcome = await Promise.resolve()
    .then(run)
    .then(
      (got) => ({ name, ok: true, got }),
      (error: Error) => ({ name, ok: false, got: error.message.slice(0, MESSAGE_LENGTH_MAX) }),
    );
  outcomes.push(outcome);
  if (!values.json) console.log(`${outcome.ok ? 'ok    ' : 'NOT OK'} ${name}: ${outcome.got}`);
}
const { product } = (await browser.send('Browser.getVersion')) as { product: string };
for (const end of ends) await end();
if (values.json) console.log(JSON.stringify(outcomes, undefined, 1));
else console.log(`${outcomes.filter(({ ok }) => ok).length} of ${outcomes.length} in ${product}`);
process.exitCode = outcomes.every(({ ok }) => ok) ? 0 : 1;
