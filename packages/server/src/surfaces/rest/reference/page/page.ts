import { isDeepStrictEqual } from 'node:util';
import type { AsyncApi } from '../async-api.ts';
import type { JsonSchema } from '../json-schema.ts';
import type { OpenApi } from '../open-api.ts';
import { type CallGroup, callAnchor, groupCalls, groupSection } from './calls.ts';
import { example } from './example.ts';
import { anchor, type Html, html } from './html.ts';
import { inline, markdown } from './markdown.ts';
import { membersTable, typeOf } from './members.ts';
import { listSockets, messageAnchor, type Socket, socketAnchor, socketSection } from './sockets.ts';
import { STYLE } from './style.ts';

/** A pin, in the address itself: the page asks for nothing else. */
const ICON =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 16 16%22%3E%3Cpath fill=%22%233452d9%22 d=%22M8 0a6 6 0 0 0-6 6c0 4 6 10 6 10s6-6 6-10a6 6 0 0 0-6-6zm0 8a2 2 0 1 1 0-4 2 2 0 0 1 0 4z%22/%3E%3C/svg%3E';

/**
 * Everything the two documents say, as one page that needs neither script nor network. Whatever they contain is shown as text.
 * @throws Error naming the title that a schema of the calls and another one of the sockets share
 */
export function referencePage(openApi: OpenApi, asyncApi: AsyncApi): string {
  const groups = groupCalls(openApi);
  const sockets = listSockets(asyncApi);
  const schemas = allSchemas(asyncApi.components.schemas, openApi.components.schemas ?? {});
  const { title, version, description = '' } = openApi.info;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} API reference</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#start">Skip the contents</a>
<nav aria-label="Contents">${contents(groups, sockets, schemas)}</nav>
<main id="start">
<h1>${title} API reference</h1>
<p class="edition">Version ${version}. To try calls out: <a href="/docs">/docs</a>. For machines: <a href="/openapi.json">OpenAPI</a>, <a href="/asyncapi.json">AsyncAPI</a>.</p>
${markdown(description)}
${groups.map((group) => groupSection(group, openApi.components.schemas ?? {}))}
${sockets.map(socketSection)}
<section id="schemas"><h2><a href="#schemas">Schemas</a></h2>${schemas.map(schemaArticle)}</section>
</main>
</body>
</html>
`.text;
}

/** One name is one place on the page. */
function allSchemas(
  ofSockets: Readonly<Record<string, JsonSchema>>,
  ofCalls: Readonly<Record<string, JsonSchema>>,
): [string, JsonSchema][] {
  for (const [name, schema] of Object.entries(ofCalls)) {
    const other = ofSockets[name];
    if (other !== undefined && !isDeepStrictEqual(content(schema), content(other)))
      throw new Error(`a schema of the calls and another one of the sockets are titled ${name}`);
  }
  return Object.entries({ ...ofSockets, ...ofCalls }).sort(([a], [b]) => (a < b ? -1 : 1));
}

function content({ description: _, examples: __, ...rest }: JsonSchema): JsonSchema {
  return rest;
}

function contents(groups: readonly CallGroup[], sockets: readonly Socket[], schemas: readonly (readonly [string, JsonSchema])[]): Html {
  const item = (to: string, name: Html | string, inner: readonly Html[]) =>
    html`<li><a href="#${to}">${name}</a>${inner.length === 0 ? '' : html`<ul>${inner}</ul>`}</li>`;
  const messages = ({ name, client, server }: Socket) =>
    (['client', 'server'] as const).flatMap((side) =>
      (side === 'client' ? client : server).map(
        (message) =>
          html`<li><a href="#${messageAnchor(name, side, message.name)}"><span class="way">${side === 'client' ? '→' : '←'}</span> ${message.title}</a></li>`,
      ),
    );
  return html`<ul>${item('start', 'Basics and errors', [])}${groups.map(({ name, calls }) =>
    item(
      anchor('calls', name),
      name,
      calls.map(
        (call) => html`<li><a href="#${callAnchor(call)}">${inline(call.operation.summary ?? `${call.method} ${call.path}`)}</a></li>`,
      ),
    ),
  )}${sockets.map((socket) => item(socketAnchor(socket.name), socket.channel.title, messages(socket)))}${item(
    'schemas',
    'Schemas',
    schemas.map(([name]) => html`<li><a href="#${anchor('schema', name)}">${name}</a></li>`),
  )}</ul>`;
}

function schemaArticle([name, schema]: readonly [string, JsonSchema]): Html {
  const id = anchor('schema', name);
  const { description, examples = [] } = schema;
  const isObject = schema.properties !== undefined;
  return html`<article id="${id}" class="schema">
<h3><a href="#${id}">${name}</a></h3>
${description === undefined ? '' : html`<p class="summary">${inline(description)}</p>`}
${isObject ? membersTable(schema) : html`<p>${typeOf(schema)}</p>`}
${examples.map(example)}
</article>`;
}
