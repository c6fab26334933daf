import { type Content, type Html, html } from './html.ts';

/** The little Markdown that descriptions are written in: paragraphs, lists, tables and `code`. All else is shown as it stands. */
export function markdown(text: string): Html {
  return html`${text
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '')
    .map(block)}`;
}

/** Text of one line, with its `code`. */
export function inline(text: string): Content {
  return text.split(/(`[^`]+`)/).map((part) => (/^`[^`]+`$/.test(part) ? html`<code>${part.slice(1, -1)}</code>` : part));
}

function block(text: string): Html {
  const lines = text.split('\n');
  if (lines.every((line) => line.startsWith('|'))) return table(lines);
  if (lines.every((line) => line.startsWith('- '))) return html`<ul>${lines.map((line) => html`<li>${inline(line.slice(2))}</li>`)}</ul>`;
  return html`<p>${inline(lines.join(' '))}</p>`;
}

function table([first = '', _, ...rows]: readonly string[]): Html {
  const head = cells(first);
  return html`<table class="facts"><thead><tr>${head.map((cell) => html`<th scope="col">${inline(cell)}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row).map((cell, i) => html`<td data-head="${head[i] ?? ''}">${inline(cell)}</td>`)}</tr>`)}</tbody></table>`;
}

function cells(row: string): string[] {
  return row
    .replaceAll(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}
