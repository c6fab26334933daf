import { Html } from './html.ts';

/** The page's own style, in the dashboard's colours. It is let in by its hash, so it must be written as it stands. */
export const STYLE = new Html(`
:root {
  color-scheme: light dark;
  --ground: #ffffff; --panel: #f3f5f8; --code: #eef1f6; --line: #e2e6ec;
  --text: #131720; --text-2: #414b5a; --text-3: #5b6676; --accent: #2b46c4;
  --get: #0f6b3b; --post: #2b46c4; --put: #8a4306; --delete: #a3211a; --socket: #6b3fb0;
  --font: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0d1117; --panel: #161b23; --code: #1f2630; --line: #29313e;
    --text: #eef1f6; --text-2: #c2cad6; --text-3: #98a4b5; --accent: #a9baff;
    --get: #6fd6a3; --post: #a9baff; --put: #f3b470; --delete: #ff9d94; --socket: #c9a8ff;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.55 var(--font); display: grid; grid-template-columns: 18rem minmax(0, 1fr); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--ground); padding: 0.25rem 0.5rem; z-index: 1; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem 2rem 1.5rem; background: var(--panel); border-right: 1px solid var(--line); font-size: 0.875rem; line-height: 1.4; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav > ul > li { margin-bottom: 1.25rem; }
nav > ul > li > a { color: var(--text); font-weight: 650; }
nav ul ul { margin-top: 0.25rem; }
nav ul ul a { display: block; padding: 0.15rem 0; color: var(--text-2); overflow-wrap: anywhere; }
nav .way { color: var(--text-3); }
main { padding: 2.5rem clamp(1rem, 4vw, 4rem) 6rem; max-width: 64rem; }
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 0.5rem; }
h2 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -0.01em; margin: 4rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.0625rem; margin: 2.25rem 0 0.25rem; }
h4 { font-size: 0.9375rem; margin: 1.25rem 0 0.25rem; }
h5 { font-size: 0.875rem; margin: 1rem 0 0; }
h2 > a, h3 > a, h4 > a { color: inherit; }
h2 > a:hover::after, h3 > a:hover::after, h4 > a:hover::after { content: " #"; color: var(--text-3); }
p { margin: 0.5rem 0; max-width: 44rem; overflow-wrap: anywhere; }
.edition, .media, .limits { color: var(--text-3); }
.summary { color: var(--text-2); }
article { scroll-margin-top: 1rem; }
article:target > :first-child { background: var(--panel); box-shadow: 0 0 0 0.5rem var(--panel); border-radius: 2px; }
code { font-family: var(--mono); font-size: 0.875em; overflow-wrap: anywhere; }
p code, li code, td code { background: var(--code); border-radius: 4px; padding: 0.1em 0.3em; }
.method { display: inline-block; min-width: 3.4em; font: 700 0.75rem/1.6 var(--mono); text-align: center; border: 1px solid currentcolor; border-radius: 5px; padding: 0 0.4em; vertical-align: 0.1em; }
.get { color: var(--get); } .post { color: var(--post); } .put, .patch { color: var(--put); } .delete { color: var(--delete); } .socket { color: var(--socket); }
.address { font-weight: 650; }
.open, .optional { color: var(--text-3); font-size: 0.8125rem; white-space: nowrap; }
.open { border: 1px solid var(--line); border-radius: 999px; padding: 0 0.6em; margin-left: 0.25em; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 1rem; font-size: 0.9375rem; line-height: 1.45; }
th { text-align: left; font-size: 0.8125rem; font-weight: 600; color: var(--text-3); border-bottom: 1px solid var(--line); padding: 0.25rem 1rem 0.25rem 0; }
td { vertical-align: top; border-bottom: 1px solid var(--line); padding: 0.4rem 1rem 0.4rem 0; overflow-wrap: anywhere; }
th:last-child, td:last-child { padding-right: 0; }
.members, .answers { table-layout: fixed; }
.members th:first-child { width: 30%; } .members th:nth-child(2) { width: 25%; }
.answers th:first-child { width: 5rem; } .answers th:nth-child(2) { width: 40%; }
.members .type, .answers .type { font-size: 0.875rem; }
.media { font-size: 0.8125rem; }
.limits { font-size: 0.8125rem; }
pre { margin: 0.25rem 0 1rem; background: var(--code); border-radius: 8px; padding: 0.75rem 1rem; white-space: pre-wrap; line-height: 1.45; }
pre code { background: none; padding: 0; font-size: 0.8125rem; }
summary { cursor: pointer; color: var(--accent); font-size: 0.875rem; width: max-content; }
.message { padding-left: 1rem; border-left: 2px solid var(--line); margin: 1.5rem 0; }
.message h4 { margin-top: 0; }
@media (max-width: 52rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); padding: 1rem; }
  nav > ul { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; }
  nav > ul > li { margin: 0; }
  nav ul ul { display: none; }
  main { padding-top: 1.5rem; }
  h1 { font-size: 1.625rem; }
}
@media (max-width: 40rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; width: auto; }
  tr { border-bottom: 1px solid var(--line); padding: 0.5rem 0; }
  td { border: 0; padding: 0.1rem 0; }
  .facts td:not(:first-child)[data-head]:not(:empty)::before { content: attr(data-head) ": "; color: var(--text-3); font-size: 0.8125rem; }
  .message { padding-left: 0.75rem; }
}
@media print {
  nav, .skip { display: none; }
  body { display: block; }
}
`);
